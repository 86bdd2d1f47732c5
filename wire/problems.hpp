// What is wrong with a text that a person wrote (a JSON body, a YAML job spec, a config file).
// Readers collect problems instead of stopping at the first, so that one round of mending is
// enough; this is where they take their common form.
#pragma once

#include "base/error.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::wire {

struct problem {
  std::string where;      // "job.yaml:12:7"; empty for a request body, where the key says enough
  std::string key;        // the path of the field: "jobSpec.workerPoolSpecs[0].replicaCount"
  std::string what;       // "unknown field"
  std::string expected;   // "a size such as 64GiB"; empty if `what` says it
  std::string suggestion; // the name that was probably meant; empty if none is close

  /// "where: key: what; expected ...; did you mean ...?", without the parts that are empty.
  std::string text() const;
};

/// The problems of one text, in the order found. Past `shown_max` they are only counted, so a text
/// made of nothing but mistakes costs little.
class problems {
public:
  static constexpr size_t shown_max = 20;

  void add(problem found);
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ >= shown_max; }

  /// All of them as one error, one line each.
  error joined() const;

private:
  std::vector<problem> shown_;
  size_t count_ = 0;
};

/// The candidate that a person who wrote `name` most likely meant. Case, '_' and '-' count for
/// nothing.
std::optional<std::string> closest(std::string_view name, std::span<const std::string> candidates);

/// `text` fit for one line of a message: control characters and broken UTF-8 replaced, cut after
/// some 60 bytes.
std::string shown(std::string_view text);

/// The length of the UTF-8 sequence that starts at `at`; 0 if there is none.
size_t utf8_length(std::string_view text, size_t at);
bool is_utf8(std::string_view text);

} // namespace troupe::wire
