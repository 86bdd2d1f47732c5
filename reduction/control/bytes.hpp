// Bounds-checked little-endian reading and writing for the control protocol. A reader that runs
// past the end turns bad and gives zeros from then on, so a message is decoded in full and judged
// once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::reduction {

static_assert(std::endian::native == std::endian::little,
              "the protocol's integers are little-endian");

using byte_span = std::span<const std::byte>;
using byte_vector = std::vector<std::byte>;

inline byte_span as_byte_span(std::string_view text) { return std::as_bytes(std::span(text)); }

class byte_writer {
public:
  template <class T>
  byte_writer& number(T value) {
    return raw(std::as_bytes(std::span(&value, 1)));
  }
  byte_writer& raw(byte_span bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  byte_writer& sized(byte_span bytes) {
    return number(static_cast<uint32_t>(bytes.size())).raw(bytes);
  }
  byte_writer& text(std::string_view value) { return sized(as_byte_span(value)); }
  byte_vector take() { return std::move(bytes_); }

private:
  byte_vector bytes_;
};

class byte_reader {
public:
  explicit byte_reader(byte_span bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    T value{};
    const auto bytes = raw(sizeof value);
    if (good_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  byte_span raw(size_t length) {
    if (length > bytes_.size()) good_ = false;
    if (!good_) return {};
    const auto taken = bytes_.first(length);
    bytes_ = bytes_.subspan(length);
    return taken;
  }
  byte_span sized() { return raw(number<uint32_t>()); }
  std::string text() {
    const auto bytes = sized();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  bool good() const { return good_; }
  /// Nothing was missing and nothing is left over.
  bool complete() const { return good_ && bytes_.empty(); }

private:
  byte_span bytes_;
  bool good_ = true;
};

} // namespace troupe::reduction
