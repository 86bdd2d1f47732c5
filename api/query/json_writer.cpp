#include "api/query/json_writer.hpp"

#include "base/json_text.hpp"

#include <fmt/format.h>

#include <iterator>

namespace troupe::api {

json_writer& json_writer::begin_object() {
  separate();
  text_ += '{';
  first_ = true;
  return *this;
}

json_writer& json_writer::end_object() {
  text_ += '}';
  first_ = false;
  return *this;
}

json_writer& json_writer::begin_array() {
  separate();
  text_ += '[';
  first_ = true;
  return *this;
}

json_writer& json_writer::end_array() {
  text_ += ']';
  first_ = false;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  separate();
  append_json_quoted(text_, name);
  text_ += ':';
  first_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) { return raw(json_quoted(text)); }
json_writer& json_writer::value(bool flag) { return raw(flag ? "true" : "false"); }

json_writer& json_writer::value(const wire::tree& tree, std::string_view omitted) {
  using kind = wire::tree::kind;
  switch (tree.is) {
  case kind::null:
    return raw("null");
  case kind::boolean:
  case kind::number:
    return raw(tree.scalar);
  case kind::text:
  case kind::plain:
    return value(std::string_view(tree.scalar));
  case kind::array:
    begin_array();
    for (const wire::tree& item : tree.items)
      value(item);
    return end_array();
  case kind::object:
    begin_object();
    for (const wire::tree_member& each : tree.members)
      if (omitted.empty() || each.name != omitted) key(each.name).value(each.value);
    return end_object();
  }
  return raw("null");
}

json_writer& json_writer::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

void json_writer::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

} // namespace troupe::api
