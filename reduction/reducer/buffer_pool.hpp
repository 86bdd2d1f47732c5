// Equal buffers for chunks, aligned for vector code, made on demand up to a limit, touched when
// they are made, and kept for the next user. Shares are counted by hand: a buffer is taken for each
// chunk and rank, and a shared_ptr would cost an allocation each time. A pool belongs to one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::reduction {

class buffer_pool {
public:
  /// A share in a buffer; the last one gives it back. Not to outlive the pool.
  class buffer {
  public:
    buffer() = default;
    buffer(const buffer& other) : block_(other.block_) {
      if (block_ != nullptr) ++block_->shares;
    }
    buffer(buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    buffer& operator=(buffer other) noexcept {
      std::swap(block_, other.block_);
      return *this;
    }
    ~buffer() {
      if (block_ != nullptr) drop(block_);
    }
    std::byte* get() const { return block_ == nullptr ? nullptr : block_->bytes; }
    explicit operator bool() const { return block_ != nullptr; }

    /// Gives the share out as a plain pointer, for C callbacks; adopt() takes it back.
    void* release() { return std::exchange(block_, nullptr); }
    static buffer adopt(void* released) {
      buffer out;
      out.block_ = static_cast<block*>(released);
      return out;
    }

  private:
    friend class buffer_pool;
    struct block {
      buffer_pool* home = nullptr;
      std::byte* bytes = nullptr;
      uint32_t shares = 0;
    };
    static void drop(block* dropped) {
      if (--dropped->shares == 0) dropped->home->free_.push_back(dropped);
    }
    block* block_ = nullptr;
  };

  explicit buffer_pool(size_t buffer_bytes, size_t limit = 0)
      : buffer_bytes_(buffer_bytes), limit_(limit) {}
  ~buffer_pool();
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;

  void raise_limit(size_t buffers) { limit_ += buffers; }
  size_t buffer_bytes() const { return buffer_bytes_; }
  /// Nothing when the limit is reached.
  buffer take();
  /// The most bytes that were ever held.
  size_t peak_bytes() const { return blocks_.size() * buffer_bytes_; }

private:
  size_t buffer_bytes_;
  size_t limit_;
  std::vector<buffer::block*> blocks_;
  std::vector<buffer::block*> free_;
};

} // namespace troupe::reduction
