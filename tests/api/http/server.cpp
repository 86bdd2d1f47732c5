#include "tests/api/fixture.hpp"

#include <atomic>
#include <thread>

namespace troupe::api::test {

using namespace std::chrono_literals;

TEST_CASE("a server without a token or without its port does not start") {
  fake_backend backend;
  auto open = server::start({}, backend);
  REQUIRE_FALSE(open);
  CHECK(open.error().code == errc::invalid_argument);
  cluster_of_one first;
  auto second = server::start(
      {.listen = fmt::format("127.0.0.1:{}", first.api->port()), .token = "t"}, backend);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::unavailable);
  CHECK(second.error().message.contains(std::to_string(first.api->port())));
  CHECK_FALSE(server::start({.listen = "no such host:x", .token = "t"}, backend));
}

TEST_CASE("connections beyond the limit are closed at once") {
  cluster_of_one cluster({.connections_max = 2});
  connection first(cluster.http.port), second(cluster.http.port);
  for (connection* each : {&first, &second}) {
    each->send(cluster.http.head_of("GET", "/healthz", 0));
    CHECK(each->reply().status == 200);
  }
  connection third(cluster.http.port);
  CHECK(third.closes_within(10s));
  first.send(cluster.http.head_of("GET", "/healthz", 0));
  CHECK(first.reply().status == 200);
}

TEST_CASE("sixteen clients at once are all served") {
  cluster_of_one cluster;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> clients;
    for (int index = 0; index < 16; ++index)
      clients.emplace_back([&] {
        for (int turn = 0; turn < 10; ++turn)
          if (cluster.http.post(jobs_path, good_job).status == 200
              && cluster.http.get(jobs_path + "?pageSize=5").status == 200)
            ++good;
      });
  }
  CHECK(good == 160);
  CHECK(cluster.backend.job_ids().size() == 160);
}

TEST_CASE("a server stops while a command has no answer and a client is silent") {
  auto cluster = std::make_unique<cluster_of_one>();
  cluster->backend.hold_answers();
  connection silent(cluster->http.port), waiting(cluster->http.port);
  waiting.send(cluster->http.head_of("POST", jobs_path, good_job.size()) + good_job);
  while (cluster->backend.commands().empty())
    std::this_thread::yield();
  auto before = std::chrono::steady_clock::now();
  cluster->api.reset();
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  CHECK(waiting.reply().status == 0);
  cluster.reset(); // the backend drops the answers that it still holds
}

} // namespace troupe::api::test
