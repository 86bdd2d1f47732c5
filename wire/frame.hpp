// frame<T>: one immutable Cap'n Proto message that any thread may share for the price of a
// reference count. It is what actors exchange, what the store keeps and what links carry. Bytes
// from outside become a frame only through parse(), which checks every pointer under explicit
// limits and is the single place where kj::Exception turns into an error value; so a frame, once
// there, is read without limits and without surprises.
#pragma once

#include "base/error.hpp"

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
  explicit message(kj::Array<capnp::word> words);
  capnp::FlatArrayMessageReader& reader() const { return reader_; }
  std::span<const std::byte> bytes() const;

private:
  kj::Array<capnp::word> words_;
  mutable capnp::FlatArrayMessageReader reader_;
};

/// Copies `bytes` to aligned words; an error if they cannot be a message.
result<kj::Array<capnp::word>> words_of(std::span<const std::byte> bytes);
capnp::ReaderOptions untrusted_options(size_t bytes);
std::string text_of(const kj::Exception& exception);

/// Reads every field once, so that whatever is wrong with a pointer, a list's element size or a
/// text's end throws here.
void touch_all(capnp::DynamicStruct::Reader value);

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
    return frame(std::make_shared<detail::message>(capnp::messageToFlatArray(message)));
  }

  /// A deep copy of `value`.
  static frame copy(reader value) {
    capnp::MallocMessageBuilder message;
    message.setRoot(value);
    return frame(std::make_shared<detail::message>(capnp::messageToFlatArray(message)));
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

  /// Checks bytes from outside and takes a copy. Errors: data_loss for anything that is not a
  /// whole, sane message.
  static result<frame> parse(std::span<const std::byte> bytes) {
    auto words = detail::words_of(bytes);
    if (!words) return std::unexpected(words.error());
    frame checked(nullptr);
    auto problem = kj::runCatchingExceptions([&] {
      capnp::FlatArrayMessageReader untrusted(*words, detail::untrusted_options(bytes.size()));
      detail::touch_all(untrusted.getRoot<T>());
      // A second reader: the first has used up its traversal budget.
      capnp::FlatArrayMessageReader again(*words, detail::untrusted_options(bytes.size()));
      checked = copy(again.getRoot<T>());
    });
    KJ_IF_MAYBE (exception, problem)
      return fail(errc::data_loss, "message of {} bytes: {}", bytes.size(),
                  detail::text_of(*exception));
    return checked;
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
  std::string str() const {
    auto all = bytes();
    return {reinterpret_cast<const char*>(all.data()), all.size()};
  }

private:
  explicit frame(std::shared_ptr<const detail::message> message) : message_(std::move(message)) {}

  std::shared_ptr<const detail::message> message_;
};

/// A string_view over a Cap'n Proto text, and the other way round.
inline std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline std::string str(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline capnp::Text::Reader text(const std::string& value) { return {value.c_str(), value.size()}; }

} // namespace troupe::wire
