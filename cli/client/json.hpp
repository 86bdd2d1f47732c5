// The command's view of a server's answer. Answers are read as plain JSON rather than decoded into
// typed frames: a newer server may send fields that this build does not know, and the client must
// still work with it.
#pragma once

#include "base/error.hpp"

#include <capnp/compat/json.capnp.h>
#include <capnp/message.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::cli {

/// One node of a document. A missing field is a node too, so a path can be followed without a check
/// at every step. Valid as long as its document.
class json_value {
public:
  json_value() = default;
  explicit json_value(capnp::json::Value::Reader value) : value_(value) {}

  /// True if it exists and is not null.
  explicit operator bool() const { return value_ && !value_->isNull(); }

  json_value operator[](std::string_view field) const;
  std::vector<json_value> items() const;
  std::vector<std::pair<std::string, json_value>> fields() const;

  bool is_object() const { return value_ && value_->isObject(); }

  /// A string as it is, a number or a boolean as JSON writes it, "" for anything else.
  std::string text() const;
  /// A number, or a string that holds one (int64 travels as a string, so do NaN and Infinity).
  std::optional<double> number() const;
  int64_t integer(int64_t otherwise = 0) const;
  bool truth() const { return value_ && value_->isBoolean() && value_->getBoolean(); }

  /// JSON with two spaces of indentation, more of them on all lines but the first; non-ASCII text
  /// stays as it is.
  std::string pretty(size_t indent = 0) const;
  /// The same on one line, without spaces.
  std::string compact() const;

private:
  std::optional<capnp::json::Value::Reader> value_;
};

class json_document {
public:
  /// Errors: data_loss for text that is not one JSON value.
  static result<json_document> parse(std::string_view text);

  json_value root() const;
  json_value operator[](std::string_view field) const { return root()[field]; }

private:
  std::shared_ptr<capnp::MallocMessageBuilder> message_;
};

/// The shortest decimal that reads back as `value`.
std::string shortest(double value);
/// The same for JSON, which has no way to write infinity or NaN: "null", as for no value.
std::string json_number(std::optional<double> value);

} // namespace troupe::cli
