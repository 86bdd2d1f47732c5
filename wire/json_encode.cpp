// From a message to proto3 JSON.
#include "base/json_text.hpp"
#include "wire/common.capnp.h"
#include "wire/json.hpp"
#include "wire/json_names.hpp"
#include "wire/json_scalars.hpp"

#include <capnp/compat/json.capnp.h>

#include <cmath>

namespace troupe::wire::detail {

namespace {

namespace json = capnp::json;
using which_type = capnp::schema::Type;

class json_encoder {
public:
  explicit json_encoder(json_options options) : options_(options) {}

  void object(capnp::DynamicStruct::Reader value) {
    open('{');
    for (auto field : value.getSchema().getNonUnionFields())
      if (is_present(value, field))
        member(name_of(field), [&] { element(value.get(field), field.getType()); });
    KJ_IF_MAYBE (active, value.which())
      if (is_present(value, *active))
        member(name_of(*active), [&] { element(value.get(*active), active->getType()); });
    close('}');
  }

  std::string take() { return std::move(out_); }

private:
  // proto3's rule: a value that equals its default is left out, but a message that was set is
  // written, even when it is empty.
  static bool is_present(capnp::DynamicStruct::Reader value, capnp::StructSchema::Field field) {
    if (!is_visible(field)) return false;
    const auto type = field.getType();
    if (type.isStruct()) {
      if (!value.has(field))
        return is_in_union(field) && field.getProto().getDiscriminantValue() != 0;
      return !(type.asStruct() == capnp::Schema::from<json::Value>()
               && value.get(field).as<capnp::DynamicStruct>().as<json::Value>().isNull());
    }
    if (is_in_union(field)) return true;
    if (type.isText()) return value.has(field) && value.get(field).as<capnp::Text>().size() > 0;
    if (type.isList())
      return value.has(field) && value.get(field).as<capnp::DynamicList>().size() > 0;
    return value.has(field, capnp::HasMode::NON_DEFAULT);
  }

  void element(capnp::DynamicValue::Reader value, capnp::Type type) {
    switch (type.which()) {
    case which_type::BOOL:
      out_ += value.as<bool>() ? "true" : "false";
      break;
    case which_type::INT8:
    case which_type::INT16:
    case which_type::INT32:
      out_ += fmt::to_string(value.as<int64_t>());
      break;
    case which_type::UINT8:
    case which_type::UINT16:
    case which_type::UINT32:
      out_ += fmt::to_string(value.as<uint64_t>());
      break;
    // Not every JSON reader has 64 bits, so proto3 JSON puts these in quotes.
    case which_type::INT64:
      out_ += fmt::format("\"{}\"", value.as<int64_t>());
      break;
    case which_type::UINT64:
      out_ += fmt::format("\"{}\"", value.as<uint64_t>());
      break;
    case which_type::FLOAT32:
    case which_type::FLOAT64:
      number(value.as<double>());
      break;
    case which_type::TEXT:
      append_json_quoted(out_, view(value.as<capnp::Text>()));
      break;
    case which_type::ENUM:
      enumerant(value.as<capnp::DynamicEnum>());
      break;
    case which_type::LIST:
      list(value.as<capnp::DynamicList>(), type.asList().getElementType());
      break;
    case which_type::STRUCT:
      structure(value.as<capnp::DynamicStruct>());
      break;
    default:
      out_ += "null"; // Void, Data, capabilities: no resource has them
    }
  }

  void structure(capnp::DynamicStruct::Reader value) {
    const auto schema = value.getSchema();
    if (schema == capnp::Schema::from<Timestamp>())
      append_json_quoted(out_, timestamp_text(value.as<Timestamp>().getMicros()));
    else if (schema == capnp::Schema::from<Duration>())
      append_json_quoted(out_, duration_text(value.as<Duration>().getMicros()));
    else if (schema == capnp::Schema::from<StringMap>())
      map(value.as<StringMap>());
    else if (schema == capnp::Schema::from<json::Value>())
      free_form(value.as<json::Value>());
    else
      object(value);
  }

  void number(double value) {
    if (std::isfinite(value))
      out_ += number_text(value);
    else
      append_json_quoted(out_, number_text(value));
  }

  void enumerant(capnp::DynamicEnum value) {
    if (options_.enums == enum_style::names)
      KJ_IF_MAYBE (known, value.getEnumerant()) {
        append_json_quoted(out_, name_of(*known));
        return;
      }
    // A number from a newer version has no name here.
    out_ += fmt::to_string(value.getRaw());
  }

  void list(capnp::DynamicList::Reader values, capnp::Type type) {
    open('[');
    for (auto value : values)
      item([&] { element(value, type); });
    close(']');
  }

  void map(StringMap::Reader value) {
    open('{');
    for (auto entry : value.getEntries())
      member(view(entry.getKey()), [&] { append_json_quoted(out_, view(entry.getValue())); });
    close('}');
  }

  void free_form(json::Value::Reader value) {
    switch (value.which()) {
    case json::Value::BOOLEAN:
      out_ += value.getBoolean() ? "true" : "false";
      break;
    case json::Value::NUMBER:
      number(value.getNumber());
      break;
    case json::Value::STRING:
      append_json_quoted(out_, view(value.getString()));
      break;
    case json::Value::ARRAY:
      open('[');
      for (auto each : value.getArray())
        item([&] { free_form(each); });
      close(']');
      break;
    case json::Value::OBJECT:
      open('{');
      for (auto each : value.getObject())
        member(view(each.getName()), [&] { free_form(each.getValue()); });
      close('}');
      break;
    default:
      out_ += "null";
    }
  }

  void open(char bracket) {
    out_ += bracket;
    fresh_ = true;
    ++depth_;
  }

  void close(char bracket) {
    --depth_;
    if (!fresh_) line();
    fresh_ = false;
    out_ += bracket;
  }

  template <class Write>
  void item(Write&& write) {
    if (!fresh_) out_ += ',';
    fresh_ = false;
    line();
    write();
  }

  template <class Write>
  void member(std::string_view name, Write&& write) {
    item([&] {
      append_json_quoted(out_, name);
      out_ += options_.pretty ? ": " : ":";
      write();
    });
  }

  void line() {
    if (options_.pretty) (out_ += '\n').append(2 * static_cast<size_t>(depth_), ' ');
  }

  json_options options_;
  std::string out_;
  int depth_ = 0;
  bool fresh_ = true; // nothing was written since the last opening bracket
};

} // namespace

std::string encode_json(capnp::DynamicStruct::Reader value, json_options options) {
  json_encoder encoder(options);
  encoder.object(value);
  return encoder.take();
}

} // namespace troupe::wire::detail
