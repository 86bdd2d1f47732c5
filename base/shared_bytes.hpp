// Immutable bytes that many may hold: copying one costs a reference count, never the bytes. The
// owner behind them may be anything, so a message, a received buffer and a part of either are
// passed on alike.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace troupe {

class shared_bytes {
public:
  /// No bytes.
  shared_bytes() = default;
  /// `content` must stay valid and unchanged as long as `owner` lives.
  shared_bytes(std::shared_ptr<const void> owner, std::span<const std::byte> content)
      : owner_(std::move(owner)), content_(content) {}

  /// The copy is aligned as malloc aligns.
  static shared_bytes copy(std::span<const std::byte> content) {
    auto owner = std::make_shared<const std::vector<std::byte>>(content.begin(), content.end());
    const std::span<const std::byte> copied(*owner);
    return {std::move(owner), copied};
  }
  static shared_bytes copy(std::string_view content) {
    return copy(std::as_bytes(std::span(content)));
  }

  const std::byte* data() const { return content_.data(); }
  size_t size() const { return content_.size(); }
  std::span<const std::byte> span() const { return content_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(content_.data()), content_.size()};
  }

private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> content_;
};

} // namespace troupe
