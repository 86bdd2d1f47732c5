#include "api/backend/operation_waits.hpp"

#include "tests/api/fake_backend.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <future>

namespace troupe::api::test {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::future<response> wait_for(operation_waits& waits, uint64_t operation,
                               steady_clock::time_point deadline) {
  auto promise = std::make_shared<std::promise<response>>();
  auto reply = [promise](response response) { promise->set_value(std::move(response)); };
  waits.add({.key = store::key_of(operation), .deadline = deadline, .json = {}, .reply = reply});
  return promise->get_future();
}

bool is_done(const response& response) {
  CHECK(response.status == 200);
  return YAML::Load(response.body)["done"].as<bool>(false);
}

// Deadlines that a test never reaches, or that have passed already.
steady_clock::time_point far() { return steady_clock::now() + 1h; }
steady_clock::time_point passed() { return steady_clock::now() - 1h; }

} // namespace

TEST_CASE("a wait is answered when its operation is done") {
  fake_backend backend;
  std::atomic<bool> stopping = false;
  operation_waits waits(backend.database(), stopping);
  backend.set_operation(1, false);
  backend.set_operation(2, false);
  auto first = wait_for(waits, 1, far()), second = wait_for(waits, 2, far());
  backend.set_operation(2, true);
  CHECK(is_done(second.get()));
  backend.set_operation(1, true);
  CHECK(is_done(first.get()));
}

TEST_CASE("a wait for an operation that is done is answered at once") {
  fake_backend backend;
  std::atomic<bool> stopping = false;
  operation_waits waits(backend.database(), stopping);
  backend.set_operation(1, true);
  CHECK(is_done(wait_for(waits, 1, far()).get()));
}

TEST_CASE("at its deadline a wait is answered with the operation as it is") {
  fake_backend backend;
  std::atomic<bool> stopping = false;
  operation_waits waits(backend.database(), stopping);
  backend.set_operation(1, false);
  CHECK_FALSE(is_done(wait_for(waits, 1, passed()).get()));
}

TEST_CASE("an operation that does not exist answers its wait with an error") {
  fake_backend backend;
  std::atomic<bool> stopping = false;
  operation_waits waits(backend.database(), stopping);
  CHECK(wait_for(waits, 1, far()).get().status == 404);
}

TEST_CASE("every wait is answered when the server stops") {
  fake_backend backend;
  std::atomic<bool> stopping = false;
  operation_waits waits(backend.database(), stopping);
  backend.set_operation(1, false);
  auto waiting = wait_for(waits, 1, far());
  stopping = true;
  CHECK_FALSE(is_done(waiting.get()));
}

TEST_CASE("every wait is answered before its owner is destroyed") {
  fake_backend backend;
  std::atomic<bool> stopping = false;
  backend.set_operation(1, false);
  std::future<response> waiting;
  {
    operation_waits waits(backend.database(), stopping);
    waiting = wait_for(waits, 1, far());
  }
  REQUIRE(waiting.wait_for(0s) == std::future_status::ready);
  CHECK_FALSE(is_done(waiting.get()));
}

} // namespace troupe::api::test
