// From a tree of JSON or YAML to a message: checks values by the schema, and reports all problems.
#include "base/text.hpp"
#include "wire/common.capnp.h"
#include "wire/json.hpp"
#include "wire/json_names.hpp"
#include "wire/json_scalars.hpp"
#include "wire/json_tree.hpp"
#include "wire/problems.hpp"

#include <capnp/compat/json.capnp.h>

#include <limits>
#include <set>

namespace troupe::wire::detail {

namespace {

namespace json = capnp::json;
using which_type = capnp::schema::Type;

// Steps of nesting, as Cap'n Proto's readers count them (a list is one, a struct in it another);
// the rest of frame_nesting_max is for the commands and events around it.
constexpr int depth_max = frame_nesting_max - 8;

// The field being read, as a chain on the stack, so that only a problem pays for its text.
struct path {
  const path* parent = nullptr;
  std::string_view name;
  ptrdiff_t index = -1;

  std::string text() const {
    if (!parent) return "";
    auto before = parent->text();
    if (index >= 0) return fmt::format("{}[{}]", before, index);
    return before.empty() ? shown(name) : before + "." + shown(name);
  }
};

class json_decoder {
public:
  // For files, every problem has a position. snake_case names are accepted in JSON only, as in
  // protobuf.
  json_decoder(std::string_view source, bool is_yaml) : source_(source), is_yaml_(is_yaml) {}

  result<void> run(const tree& root, capnp::DynamicStruct::Builder into) {
    const path here;
    if (root.is != tree::kind::object)
      return fail(errc::invalid_argument, "{}: expected an object, got {}", source_,
                  described(root));
    object(root, here, into, 1);
    if (!problems_.empty()) return std::unexpected(problems_.joined());
    return {};
  }

private:
  void report(place at, const path& where, std::string what, std::string suggestion = "") {
    if (problems_.full()) return problems_.add({});
    problems_.add({.where = is_yaml_ ? fmt::format("{}:{}:{}", source_, at.line, at.column) : "",
                   .key = where.text(),
                   .what = std::move(what),
                   .suggestion = std::move(suggestion)});
  }

  void expected(std::string_view what, const tree& value, const path& where) {
    report(value.at, where, fmt::format("expected {}, got {}", what, described(value)));
  }

  // Comparing names is the expensive part of a report, so problems that are only counted go without
  // it.
  std::string meant(std::string_view name, const std::vector<std::string>& candidates) const {
    return problems_.full() ? "" : closest(name, candidates).value_or("");
  }

  bool too_deep(int depth, const tree& value, const path& where) {
    if (depth > depth_max) report(value.at, where, "nested too deeply");
    return depth > depth_max;
  }

  void object(const tree& value, const path& where, capnp::DynamicStruct::Builder into, int depth) {
    const auto schema = into.getSchema();
    std::set<std::string> given;
    std::optional<std::string> chosen;
    for (const auto& member : value.members) {
      const path here{&where, member.name};
      const auto field = find_field(schema, member, here);
      if (!field) continue;
      const auto name = name_of(*field);
      if (!given.insert(name).second) {
        report(member.at, here, fmt::format("given twice, as {} before", name));
        continue;
      }
      if (member.value.is == tree::kind::null) {
        // NaN in another spelling must not become a zero.
        if (field->getType().isFloat64()) expected("a number", member.value, here);
        continue;
      }
      if (is_in_union(*field)) {
        if (chosen) {
          report(member.at, here, fmt::format("only one of {} and {} may be given", *chosen, name));
          continue;
        }
        chosen = name;
      }
      set(*field, member.value, here, into, depth);
    }
  }

  std::optional<capnp::StructSchema::Field>
  find_field(capnp::StructSchema schema, const tree_member& member, const path& where) {
    if (auto field = field_named(schema, member.name)) return field;
    if (!is_yaml_ && member.name.find('_') != std::string::npos)
      if (auto field = field_named(schema, camel_case(member.name))) return field;
    const auto names = field_names(schema);
    const auto close = meant(member.name, names);
    constexpr size_t listed_max = 24;
    report(member.at, where,
           close.empty() && !names.empty() && names.size() <= listed_max
               ? fmt::format("unknown field; expected one of {}", fmt::join(names, ", "))
               : "unknown field",
           close);
    return std::nullopt;
  }

  void set(capnp::StructSchema::Field field, const tree& value, const path& where,
           capnp::DynamicStruct::Builder into, int depth) {
    switch (const auto type = field.getType(); type.which()) {
    case which_type::STRUCT:
      if (!too_deep(depth + 1, value, where))
        structure(value, where, into.init(field).as<capnp::DynamicStruct>(), depth + 1);
      break;
    case which_type::LIST:
      if (value.is != tree::kind::array)
        expected("an array", value, where);
      else if (!too_deep(depth + 1, value, where))
        list(value, where,
             into.init(field, static_cast<unsigned>(value.items.size())).as<capnp::DynamicList>(),
             depth + 1);
      break;
    default:
      scalar(type, value, where, [&](capnp::DynamicValue::Reader read) { into.set(field, read); });
    }
  }

  void list(const tree& value, const path& where, capnp::DynamicList::Builder into, int depth) {
    const auto type = into.getSchema().getElementType();
    for (unsigned i = 0; i < into.size(); ++i) {
      const auto& item = value.items[i];
      const path here{&where, {}, i};
      if (type.isStruct())
        structure(item, here, into[i].as<capnp::DynamicStruct>(), depth + 1);
      else
        scalar(type, item, here, [&](capnp::DynamicValue::Reader read) { into.set(i, read); });
    }
  }

  void structure(const tree& value, const path& where, capnp::DynamicStruct::Builder into,
                 int depth) {
    const auto schema = into.getSchema();
    if (schema == capnp::Schema::from<Timestamp>())
      micros(timestamp_of, "a time such as \"2026-01-31T12:00:00Z\"", value, where, into);
    else if (schema == capnp::Schema::from<Duration>())
      micros(duration_of, "a duration in seconds such as \"3600s\"", value, where, into);
    else if (schema == capnp::Schema::from<StringMap>())
      map(value, where, into.as<StringMap>());
    else if (schema == capnp::Schema::from<json::Value>())
      free_form(value, where, into.as<json::Value>(), depth);
    else if (value.is != tree::kind::object)
      expected("an object", value, where);
    else
      object(value, where, into, depth);
  }

  // Timestamp and Duration: both are one field of microseconds.
  void micros(std::optional<int64_t> (*read)(std::string_view), std::string_view what,
              const tree& value, const path& where, capnp::DynamicStruct::Builder into) {
    const bool is_text = value.is == tree::kind::text || value.is == tree::kind::plain;
    if (const auto found = is_text ? read(value.scalar) : std::nullopt)
      into.set("micros", *found);
    else
      expected(what, value, where);
  }

  void map(const tree& value, const path& where, StringMap::Builder into) {
    if (value.is != tree::kind::object) return expected("an object of strings", value, where);
    auto entries = into.initEntries(static_cast<unsigned>(value.members.size()));
    for (unsigned i = 0; i < entries.size(); ++i) {
      const auto& member = value.members[i];
      const path here{&where, member.name};
      if (member.name.find('\0') != std::string::npos)
        report(member.at, here, "a NUL character cannot be part of a key");
      entries[i].setKey(text(member.name));
      scalar(
          capnp::Type(which_type::TEXT), member.value, here,
          [&](capnp::DynamicValue::Reader read) { entries[i].setValue(read.as<capnp::Text>()); });
    }
  }

  void free_form(const tree& value, const path& where, json::Value::Builder into, int depth) {
    if (too_deep(depth, value, where)) return;
    switch (value.is) {
    case tree::kind::null:
      into.setNull();
      break;
    case tree::kind::boolean:
      into.setBoolean(value.scalar == "true");
      break;
    case tree::kind::text:
      into.setString(text(value.scalar));
      break;
    case tree::kind::plain:
      free_form_plain(value.scalar, into);
      break;
    case tree::kind::number:
      if (const auto number = number_of(value.scalar))
        into.setNumber(*number);
      else
        expected("a number that fits 64 bits", value, where);
      break;
    case tree::kind::array: {
      auto items = into.initArray(static_cast<unsigned>(value.items.size()));
      for (unsigned i = 0; i < items.size(); ++i)
        free_form(value.items[i], {&where, {}, i}, items[i], depth + 2);
      break;
    }
    case tree::kind::object: {
      auto fields = into.initObject(static_cast<unsigned>(value.members.size()));
      for (unsigned i = 0; i < fields.size(); ++i) {
        const auto& member = value.members[i];
        fields[i].setName(text(member.name));
        free_form(member.value, {&where, member.name}, fields[i].initValue(), depth + 3);
      }
      break;
    }
    }
  }

  // No schema gives the type of an unquoted scalar here, so YAML's own rules decide.
  static void free_form_plain(const std::string& scalar, json::Value::Builder into) {
    if (const auto truth = truth_of(scalar))
      into.setBoolean(*truth);
    else if (const auto number = number_of(scalar))
      into.setNumber(*number);
    else
      into.setString(text(scalar));
  }

  static std::optional<bool> truth_of(std::string_view scalar) {
    if (scalar == "true" || scalar == "True" || scalar == "TRUE") return true;
    if (scalar == "false" || scalar == "False" || scalar == "FALSE") return false;
    return std::nullopt;
  }

  template <class Set>
  void scalar(capnp::Type type, const tree& value, const path& where, Set&& set) {
    switch (type.which()) {
    case which_type::BOOL:
      return boolean(value, where, set);
    case which_type::INT8:
      return integer<int8_t>(value, where, set);
    case which_type::INT16:
      return integer<int16_t>(value, where, set);
    case which_type::INT32:
      return integer<int32_t>(value, where, set);
    case which_type::INT64:
      return integer<int64_t>(value, where, set);
    case which_type::UINT8:
      return integer<uint8_t>(value, where, set);
    case which_type::UINT16:
      return integer<uint16_t>(value, where, set);
    case which_type::UINT32:
      return integer<uint32_t>(value, where, set);
    case which_type::UINT64:
      return integer<uint64_t>(value, where, set);
    case which_type::FLOAT32:
    case which_type::FLOAT64:
      return number(value, where, set);
    case which_type::TEXT:
      return string(value, where, set);
    case which_type::ENUM:
      return enumerant(type.asEnum(), value, where, set);
    default:
      report(value.at, where, "a field of this type cannot be given in JSON");
    }
  }

  template <class Set>
  void boolean(const tree& value, const path& where, Set&& set) {
    const bool readable = value.is == tree::kind::boolean || value.is == tree::kind::plain;
    if (const auto truth = readable ? truth_of(value.scalar) : std::nullopt)
      set(*truth);
    else
      expected("true or false", value, where);
  }

  static bool may_be_number(const tree& value) {
    return value.is == tree::kind::number || value.is == tree::kind::plain
           || value.is == tree::kind::text;
  }

  template <class Integer, class Set>
  void integer(const tree& value, const path& where, Set&& set) {
    using limits = std::numeric_limits<Integer>;
    if constexpr (limits::is_signed) {
      if (const auto read = may_be_number(value) ? integer_of(value.scalar) : std::nullopt;
          read && *read >= limits::min() && *read <= limits::max())
        return set(static_cast<int64_t>(*read));
    } else {
      if (const auto read = may_be_number(value) ? unsigned_of(value.scalar) : std::nullopt;
          read && *read <= limits::max())
        return set(static_cast<uint64_t>(*read));
    }
    const bool is_number = may_be_number(value) && number_of(value.scalar);
    expected(is_number ? fmt::format("a whole number from {} to {}", +limits::min(), +limits::max())
                       : std::string("a whole number"),
             value, where);
  }

  template <class Set>
  void number(const tree& value, const path& where, Set&& set) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (value.scalar == "NaN") return set(std::numeric_limits<double>::quiet_NaN());
    if (value.scalar == "Infinity" || value.scalar == "-Infinity")
      return set(value.scalar[0] == '-' ? -infinity : infinity);
    if (const auto read = may_be_number(value) ? number_of(value.scalar) : std::nullopt)
      return set(*read);
    expected("a number", value, where);
  }

  template <class Set>
  void string(const tree& value, const path& where, Set&& set) {
    if (value.is != tree::kind::text && value.is != tree::kind::plain)
      return expected("a string", value, where);
    // A NUL would end arguments, paths and environment variables early.
    if (value.scalar.find('\0') != std::string::npos)
      return report(value.at, where, "a NUL character cannot be part of a string");
    set(text(value.scalar));
  }

  template <class Set>
  void enumerant(capnp::EnumSchema schema, const tree& value, const path& where, Set&& set) {
    if (value.is == tree::kind::text || value.is == tree::kind::plain)
      if (const auto found = enumerant_named(schema, value.scalar))
        return set(capnp::DynamicEnum(*found));
    if (value.is == tree::kind::number || value.is == tree::kind::plain)
      if (const auto ordinal = unsigned_of(value.scalar);
          ordinal && *ordinal < schema.getEnumerants().size())
        if (const auto found = schema.getEnumerants()[static_cast<unsigned>(*ordinal)];
            !is_reserved(found))
          return set(capnp::DynamicEnum(found));
    const auto names = enumerant_names(schema);
    report(value.at, where,
           fmt::format("expected one of {}, got {}", fmt::join(names, ", "), described(value)),
           value.is == tree::kind::number ? "" : meant(value.scalar, names));
  }

  std::string_view source_;
  bool is_yaml_;
  problems problems_;
};

result<void> decode(result<tree> root, std::string_view source, bool is_yaml,
                    capnp::DynamicStruct::Builder into) {
  if (!root) return std::unexpected(root.error());
  result<void> outcome;
  // The walker does nothing that makes the message throw, except allocate; but this is where
  // exceptions end.
  auto thrown =
      kj::runCatchingExceptions([&] { outcome = json_decoder(source, is_yaml).run(*root, into); });
  KJ_IF_MAYBE (exception, thrown)
    return fail(errc::invalid_argument, "{}: {}", source, text_of(*exception));
  return outcome;
}

} // namespace

result<void> decode_json(std::string_view text, std::string_view source,
                         capnp::DynamicStruct::Builder into) {
  return decode(parse_json(text, source), source, false, into);
}

result<void> decode_yaml(std::string_view text, std::string_view file,
                         capnp::DynamicStruct::Builder into) {
  return decode(parse_yaml(text, file), file, true, into);
}

error too_large(std::string_view source, size_t bytes) {
  return {errc::invalid_argument,
          fmt::format("{}: becomes a message of {} bytes; at most {} are taken", source, bytes,
                      frame_bytes_max)};
}

} // namespace troupe::wire::detail
