#include "reduction/reducer/buffer_pool.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {

TEST_CASE("a pool gives no more buffers than its limit, and one that came back again") {
  buffer_pool pool(4096, 2);
  auto first = pool.take();
  const auto second = pool.take();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first.get() != second.get());
  CHECK(!pool.take());
  auto* const place = first.get();
  first = {};
  const auto again = pool.take();
  CHECK(again.get() == place);
  CHECK(!pool.take());
  CHECK(pool.peak_bytes() == 2 * 4096);
  pool.raise_limit(1);
  CHECK(pool.take());
}

TEST_CASE("a buffer comes back when its last share is gone and not before") {
  buffer_pool pool(64, 1);
  auto first = pool.take();
  auto share = first;
  first = {};
  CHECK(!pool.take());
  auto moved = std::move(share);
  CHECK(!share);
  CHECK(!pool.take());
  moved = {};
  CHECK(pool.take());
}

TEST_CASE("a share that was released to a plain pointer counts until it is adopted") {
  buffer_pool pool(64, 1);
  auto* const plain = pool.take().release();
  CHECK(!pool.take());
  { const auto adopted = buffer_pool::buffer::adopt(plain); }
  CHECK(pool.take());
}

TEST_CASE("buffers are aligned for vector code") {
  buffer_pool pool(100, 4);
  std::vector<buffer_pool::buffer> held;
  for (int i = 0; i < 4; ++i)
    held.push_back(pool.take());
  for (const auto& each : held)
    CHECK(reinterpret_cast<uintptr_t>(each.get()) % 64 == 0);
}

} // namespace troupe::reduction::test
