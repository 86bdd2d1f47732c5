// frame<T>: one immutable Cap'n Proto message that any thread may share for the price of a
// reference count. It is what actors exchange, what the store keeps and what links carry. Bytes
// from outside become a frame only through parse(), which checks every pointer under explicit
// limits and is the single place where kj::Exception turns into an error value; so a frame, once
// it exists, is read without limits and without surprises. part<T> is a struct inside a frame,
// passed on without a copy of it.
#pragma once

#include "base/error.hpp"
#include "base/shared_bytes.hpp"

#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace troupe::wire {

/// The largest message that parse() takes, in bytes; twice the largest spec that a job may have.
inline constexpr size_t frame_bytes_max = 64 << 20;

/// The deepest nesting that parse() follows. Conditional parameters are the deepest legitimate
/// tree.
inline constexpr int frame_nesting_max = 64;

namespace detail {

/// The words of a message and a reader over them that lives as long.
class message {
public:
  explicit message(kj::Array<capnp::word> built);
  /// Must be aligned to words.
  explicit message(shared_bytes received);
  capnp::FlatArrayMessageReader& reader() const { return reader_; }
  std::span<const std::byte> bytes() const;

private:
  kj::Array<capnp::word> built_;
  shared_bytes received_;
  mutable capnp::FlatArrayMessageReader reader_;
};

/// `bytes`, or a copy of them that is aligned to words, once checked to be a message of this
/// schema; data_loss if they are not.
result<shared_bytes> checked_message(const shared_bytes& bytes, capnp::StructSchema schema);

std::string text_of(const kj::Exception& exception);

} // namespace detail

template <class T>
class frame {
public:
  using reader = typename T::Reader;
  using builder = typename T::Builder;

  /// The all-default message.
  frame() : frame(build([](builder) {})) {}

  /// Builds a message in place: `frame<Order>::build([&](Order::Builder order) { ... })`.
  template <class Fill>
  static frame build(Fill&& fill) {
    capnp::MallocMessageBuilder message;
    fill(message.initRoot<T>());
    return flat(message);
  }

  /// A deep copy of `value`.
  static frame copy(reader value) {
    capnp::MallocMessageBuilder message;
    message.setRoot(value);
    return flat(message);
  }

  /// A copy of this message, changed by `change(builder)`. Replaced lists and texts leave no
  /// garbage behind.
  template <class Change>
  frame with(Change&& change) const {
    capnp::MallocMessageBuilder message;
    message.setRoot(**this);
    change(message.getRoot<T>());
    return copy(message.getRoot<T>().asReader());
  }

  /// Checks bytes from outside and keeps them; no copy if they are aligned to words. Errors:
  /// data_loss for anything that is not a whole, sane message.
  static result<frame> parse(const shared_bytes& bytes) {
    auto checked = detail::checked_message(bytes, capnp::Schema::from<T>());
    if (!checked) return std::unexpected(checked.error());
    return frame(std::make_shared<detail::message>(std::move(*checked)));
  }
  /// The same for bytes that belong to someone else: they are copied.
  static result<frame> parse(std::span<const std::byte> bytes) {
    return parse(shared_bytes::copy(bytes));
  }
  static result<frame> parse(std::string_view bytes) {
    return parse(std::as_bytes(std::span(bytes)));
  }

  reader operator*() const { return message_->reader().template getRoot<T>(); }
  struct arrow {
    reader value;
    reader* operator->() { return &value; }
  };
  arrow operator->() const { return {**this}; }

  std::span<const std::byte> bytes() const { return message_->bytes(); }
  /// The same bytes, to be passed on: they keep the message alive.
  shared_bytes shared() const { return {message_, message_->bytes()}; }
  std::string str() const {
    auto all = bytes();
    return {reinterpret_cast<const char*>(all.data()), all.size()};
  }

private:
  template <class Part>
  friend class part;

  explicit frame(std::shared_ptr<const detail::message> message) : message_(std::move(message)) {}

  static frame flat(capnp::MessageBuilder& message) {
    return frame(std::make_shared<detail::message>(capnp::messageToFlatArray(message)));
  }

  std::shared_ptr<const detail::message> message_;
};

/// A struct inside a frame, or a whole frame's root: read where it is, and the message lives as
/// long.
template <class T>
class part {
public:
  using reader = typename T::Reader;

  /// The all-default struct.
  part() : part(frame<T>()) {}
  part(const frame<T>& whole) : part(whole, *whole) {}
  /// `value` must be read from `whole`.
  template <class Whole>
  part(const frame<Whole>& whole, reader value) : message_(whole.message_), value_(value) {}

  const reader& operator*() const { return value_; }
  const reader* operator->() const { return &value_; }

private:
  std::shared_ptr<const detail::message> message_;
  reader value_;
};

/// A string_view over a Cap'n Proto text, and the other way round.
inline std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline std::string str(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline capnp::Text::Reader text(const std::string& value) { return {value.c_str(), value.size()}; }

} // namespace troupe::wire
