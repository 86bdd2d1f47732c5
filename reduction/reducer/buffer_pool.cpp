#include "reduction/reducer/buffer_pool.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace troupe::reduction {

buffer_pool::~buffer_pool() {
  for (auto* const each : blocks_) {
    std::free(each->bytes);
    delete each;
  }
}

buffer_pool::buffer buffer_pool::take() {
  if (free_.empty()) {
    if (blocks_.size() == limit_) return {};
    constexpr size_t page = 4096;
    const size_t rounded = (buffer_bytes_ + page - 1) / page * page;
    auto* const bytes = static_cast<std::byte*>(std::aligned_alloc(page, rounded));
    if (bytes == nullptr) throw std::bad_alloc();
    // The first use of a page costs a fault; better now than on the data path, chunk by chunk.
    for (size_t at = 0; at < rounded; at += page)
      bytes[at] = std::byte{};
    blocks_.push_back(new buffer::block{this, bytes, 0});
    free_.push_back(blocks_.back());
  }
  auto* const taken = free_.back();
  free_.pop_back();
  taken->shares = 1;
  return buffer::adopt(taken);
}

} // namespace troupe::reduction
