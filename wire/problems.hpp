// What is wrong with a text that a person wrote (a JSON body, a YAML job spec, a config file).
// Readers collect problems instead of stopping at the first, so that one round of fixing is
// enough; this is where they take their common form.
#pragma once

#include "base/error.hpp"

#include <string>
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

} // namespace troupe::wire
