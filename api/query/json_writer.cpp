#include "api/query/json_writer.hpp"

#include "base/utf8.hpp"

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
  text_ += quoted(name);
  text_ += ':';
  first_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) { return raw(quoted(text)); }
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

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    unsigned char c = text[at];
    size_t length = utf8_length(text, at);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++at;
      continue;
    }
    if (c == '"' || c == '\\')
      (out += '\\') += char(c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c < 0x20 || c == 0x7f)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    else
      out.append(text, at, length);
    at += length;
  }
  return out += '"';
}

} // namespace troupe::api
