#include "wire/frame.hpp"

#include <cstring>

namespace troupe::wire::detail {

namespace {

// Our own messages were checked or built here, so reading them again and again must not use up a
// traversal budget.
capnp::ReaderOptions trusted_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = ~uint64_t{0} >> 8;
  options.nestingLimit = frame_nesting_max;
  return options;
}

} // namespace

message::message(kj::Array<capnp::word> words)
    : words_(kj::mv(words)), reader_(words_, trusted_options()) {}

std::span<const std::byte> message::bytes() const {
  auto raw = words_.asBytes();
  return {reinterpret_cast<const std::byte*>(raw.begin()), raw.size()};
}

result<kj::Array<capnp::word>> words_of(std::span<const std::byte> bytes) {
  if (bytes.size() > frame_bytes_max)
    return fail(errc::data_loss, "message of {} bytes: more than the {} allowed", bytes.size(),
                frame_bytes_max);
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0)
    return fail(errc::data_loss, "message of {} bytes: not a whole number of 8-byte words",
                bytes.size());
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), bytes.size());
  return words;
}

capnp::ReaderOptions untrusted_options(size_t bytes) {
  capnp::ReaderOptions options;
  // Every word read once, with room for the default of a few shared pointers; more means a pointer
  // loop.
  options.traversalLimitInWords = bytes / sizeof(capnp::word) * 2 + 64;
  options.nestingLimit = frame_nesting_max;
  return options;
}

std::string text_of(const kj::Exception& exception) {
  auto text = exception.getDescription();
  return {text.begin(), text.size()};
}

namespace {

void touch(capnp::DynamicValue::Reader value) {
  switch (value.getType()) {
  case capnp::DynamicValue::STRUCT:
    touch_all(value.as<capnp::DynamicStruct>());
    break;
  case capnp::DynamicValue::LIST: {
    auto list = value.as<capnp::DynamicList>();
    const auto element = list.getSchema().whichElementType();
    // Lists of plain numbers hold nothing that could be wrong beyond their own pointer.
    if (element == capnp::schema::Type::TEXT || element == capnp::schema::Type::DATA
        || element == capnp::schema::Type::LIST || element == capnp::schema::Type::STRUCT)
      for (auto item : list)
        touch(item);
    break;
  }
  default:
    break;
  }
}

} // namespace

void touch_all(capnp::DynamicStruct::Reader value) {
  for (auto field : value.getSchema().getNonUnionFields())
    touch(value.get(field));
  KJ_IF_MAYBE (active, value.which()) touch(value.get(*active));
}

} // namespace troupe::wire::detail
