#include "wire/frame.hpp"

#include <capnp/any.h>

#include <cstdint>

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

kj::ArrayPtr<const capnp::word> words_in(const shared_bytes& bytes) {
  return kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()),
                      bytes.size() / sizeof(capnp::word));
}

} // namespace

message::message(kj::Array<capnp::word> built)
    : built_(kj::mv(built)), reader_(built_, trusted_options()) {}

message::message(shared_bytes received)
    : received_(std::move(received)), reader_(words_in(received_), trusted_options()) {}

std::span<const std::byte> message::bytes() const {
  if (received_.size() > 0) return received_.span();
  auto raw = built_.asBytes();
  return {reinterpret_cast<const std::byte*>(raw.begin()), raw.size()};
}

namespace {

result<shared_bytes> aligned(const shared_bytes& bytes) {
  if (bytes.size() > frame_bytes_max)
    return fail(errc::data_loss, "message of {} bytes: more than the {} allowed", bytes.size(),
                frame_bytes_max);
  if (bytes.size() == 0 || bytes.size() % sizeof(capnp::word) != 0)
    return fail(errc::data_loss, "message of {} bytes: not a whole number of 8-byte words",
                bytes.size());
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(capnp::word) == 0) return bytes;
  return shared_bytes::copy(bytes.span());
}

capnp::ReaderOptions untrusted_options(size_t words) {
  capnp::ReaderOptions options;
  // Every word read once, with room for the default of a few shared pointers; more means a pointer
  // loop.
  options.traversalLimitInWords = words * 2 + 64;
  options.nestingLimit = frame_nesting_max;
  return options;
}

void touch_all(capnp::DynamicStruct::Reader value);

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

/// Reads every field once: anything wrong with a pointer, a list's element size or a text's end
/// throws here.
void touch_all(capnp::DynamicStruct::Reader value) {
  for (auto field : value.getSchema().getNonUnionFields())
    touch(value.get(field));
  KJ_IF_MAYBE (active, value.which()) touch(value.get(*active));
}

/// Follows every pointer, also of fields that this version does not know: a later copy of the
/// message follows them too.
void follow_all(capnp::AnyPointer::Reader root) {
  KJ_REQUIRE(root.targetSize().capCount == 0, "it contains a capability");
}

} // namespace

result<shared_bytes> checked_message(const shared_bytes& bytes, capnp::StructSchema schema) {
  auto message = aligned(bytes);
  if (!message) return message;
  auto problem = kj::runCatchingExceptions([&] {
    const auto words = words_in(*message);
    const auto options = untrusted_options(words.size());
    capnp::FlatArrayMessageReader known(words, options);
    touch_all(known.getRoot<capnp::DynamicStruct>(schema));
    KJ_REQUIRE(known.getEnd() == words.end(), "bytes follow its end");
    // A second reader: the first has used up its traversal budget.
    capnp::FlatArrayMessageReader unknown(words, options);
    follow_all(unknown.getRoot<capnp::AnyPointer>());
  });
  KJ_IF_MAYBE (exception, problem)
    return fail(errc::data_loss, "message of {} bytes: {}", bytes.size(), text_of(*exception));
  return message;
}

std::string text_of(const kj::Exception& exception) {
  auto text = exception.getDescription();
  return {text.begin(), text.size()};
}

} // namespace troupe::wire::detail
