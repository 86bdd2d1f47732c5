// Vertex's JSON for our schemas, both ways, and YAML job specs as `gcloud ai ... --config` takes
// them. It is proto3 JSON: lowerCamelCase names, int64 as strings, enums by name, oneofs as the one
// member that is set, defaults left out. Our own walker instead of capnp's JsonCodec, because a
// user must see all mistakes at once with their field paths, and because that codec loses digits
// and throws at the first mistake. Enum names come from $Json.name in the schemas.
#pragma once

#include "wire/frame.hpp"

#include <capnp/dynamic.h>

#include <string>
#include <string_view>

namespace troupe::wire {

enum class enum_style {
  names,
  numbers, // for a request with $alt=json;enum-encoding=int
};

struct json_options {
  enum_style enums = enum_style::names;
  bool pretty = false;
};

namespace detail {

std::string encode_json(capnp::DynamicStruct::Reader value, json_options options);
result<void> decode_json(std::string_view text, std::string_view source,
                         capnp::DynamicStruct::Builder into);
result<void> decode_yaml(std::string_view text, std::string_view file,
                         capnp::DynamicStruct::Builder into);
error too_large(std::string_view source, size_t bytes);

template <class T, class Decode>
result<frame<T>> decoded(std::string_view text, std::string_view source, Decode decode) {
  result<void> outcome;
  auto built =
      frame<T>::build([&](typename T::Builder into) { outcome = decode(text, source, into); });
  if (!outcome) return std::unexpected(outcome.error());
  if (built.bytes().size() > frame_bytes_max)
    return std::unexpected(too_large(source, built.bytes().size()));
  return built;
}

} // namespace detail

template <class T>
std::string to_json(typename T::Reader value, json_options options = {}) {
  return detail::encode_json(value, options);
}

/// Errors: invalid_argument; malformed JSON as "source:line:column: ...", then every invalid
/// field, one per line with its path ("jobSpec.workerPoolSpecs[0].containerSpec.imageUrl:
/// unknown field; did you mean imageUri?").
template <class T>
result<frame<T>> from_json(std::string_view text, std::string_view source = "request body") {
  return detail::decoded<T>(text, source, detail::decode_json);
}

/// As from_json, with "file:line:column: " before every problem. Scalars are what the schema says
/// they are, quoted or not.
template <class T>
result<frame<T>> from_yaml(std::string_view text, std::string_view file) {
  return detail::decoded<T>(text, file, detail::decode_yaml);
}

} // namespace troupe::wire
