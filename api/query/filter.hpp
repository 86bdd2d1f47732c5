// The list filters of the API (AIP-160, and Cloud Logging's dialect of it, which differs only in
// its fields): text in, a checked condition out. Pure. Every field and every value is checked when
// the text is parsed, so a filter that parses is evaluated without errors, row by row.
//
//   state="JOB_STATE_SUCCEEDED" AND (display_name:"bert_*" OR labels.team=nlp) NOT labels.debug:*
//
// As AIP-160 has it, OR binds tighter than AND, and two terms side by side mean AND.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::api {

enum class field_type : uint8_t {
  text,      // = != < <= > >= by bytes; `:` matches a glob if the value has a *, else a part
  keys,      // a map's keys: `:` only
  timestamp, // RFC 3339; compared as nanoseconds since the epoch
  job_state, // = != and `:`, by JobState's name or number
  severity,  // Cloud Logging's, by name or number, in their order
  boolean,   // = != and `:`
};

using field_path = std::vector<std::string>;

/// A row's values in one field: texts for `text` and `keys`, numbers for all other types. Both are
/// empty if the row has no such field.
struct field_values {
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
};

class filter {
public:
  /// The type of a field, or nullopt if there is no such field.
  using schema = std::function<std::optional<field_type>(const field_path&)>;
  using row = std::function<field_values(const field_path&)>;

  /// `expected_fields` lists the fields, for messages. invalid_argument: the message has the
  /// position (in bytes, from 1) and what was expected there.
  static result<filter> parse(std::string_view text, const schema& fields,
                              std::string_view expected_fields);

  /// A filter that matches every row.
  filter();

  bool matches(const row& values) const;

  /// The values that every matching row must have in `field`, by the filter's equalities: for
  /// `job_id=7 AND severity>=ERROR`, required("job_id") is {"7"}.
  std::vector<std::string> required(const field_path& field) const;

  struct node;

private:
  explicit filter(std::shared_ptr<const node> root);

  std::shared_ptr<const node> root_;
};

/// Whether `text` matches `pattern`, in which each * stands for any run of bytes.
bool glob_matches(std::string_view pattern, std::string_view text);

} // namespace troupe::api
