// Writes JSON that is not a stored resource's: lists, log entries, errors. It puts the commas.
#pragma once

#include "wire/json_tree.hpp"

#include <concepts>
#include <string>
#include <string_view>

namespace troupe::api {

class json_writer {
public:
  json_writer& begin_object();
  json_writer& end_object();
  json_writer& begin_array();
  json_writer& end_array();

  /// The key of the member whose value comes next.
  json_writer& key(std::string_view name);

  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(bool flag);
  json_writer& value(std::integral auto number) { return raw(std::to_string(number)); }

  /// A parsed value, its numbers as they were written. Leaves out the members named `omitted`.
  json_writer& value(const wire::tree& tree, std::string_view omitted = {});

  /// A text that is already JSON.
  json_writer& raw(std::string_view json);

  template <class Value>
  json_writer& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

  std::string take() { return std::move(text_); }

private:
  void separate();

  std::string text_;
  bool first_ = true;
};

} // namespace troupe::api
