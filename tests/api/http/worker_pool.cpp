#include "api/http/worker_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <latch>

namespace troupe::api::test {

TEST_CASE("all posted work is finished before the pool is gone") {
  std::atomic<int> finished = 0;
  {
    worker_pool pool(2);
    for (int index = 0; index < 1000; ++index)
      pool.post([&] { ++finished; });
  }
  CHECK(finished == 1000);
}

TEST_CASE("work runs on as many threads as the pool has") {
  std::latch both(2);
  worker_pool pool(2);
  // With one thread, the first would wait for the second without end.
  for (int index = 0; index < 2; ++index)
    pool.post([&] { both.arrive_and_wait(); });
  both.wait();
}

TEST_CASE("one thread runs work in the order in which it was posted") {
  std::vector<int> order;
  {
    worker_pool pool(1);
    for (int index = 0; index < 100; ++index)
      pool.post([&order, index] { order.push_back(index); });
  }
  REQUIRE(order.size() == 100);
  for (int index = 0; index < 100; ++index)
    CHECK(order[size_t(index)] == index);
}

TEST_CASE("work is destroyed once it has run") {
  worker_pool pool(1);
  auto shared = std::make_shared<int>(0);
  std::weak_ptr<int> watched = shared;
  pool.post([shared = std::move(shared)] {});
  std::promise<void> later;
  pool.post([&] { later.set_value(); });
  later.get_future().wait();
  CHECK(watched.expired());
}

} // namespace troupe::api::test
