#include "reduction/reducer/reducer_job.hpp"

#include "tests/reduction/control/wires.hpp"

#include <doctest/doctest.h>

#include <sys/eventfd.h>

namespace troupe::reduction::test {
namespace {

/// A job of two ranks at a reducer with one data thread, served by this thread.
struct job_of_two {
  job_of_two()
      : wake_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), log("reducer"),
        job({"this reducer", "job-1", 0, 2, 10'000, 60'000}, "secret", options, threads,
            wake_fd.value(), log) {
    threads.push_back(std::make_unique<data_thread>(0, 0));
  }
  void join(uint32_t rank) {
    wire made;
    auto identity = hello_of(rank, 2);
    identity.hub_port = rank == 0 ? 4242 : 0;
    handshake_listener::candidate newcomer{identity, std::move(made.here), "127.0.0.1:7"};
    REQUIRE(!job.members().admit(newcomer, steady_clock::now()));
    ranks.emplace_back(std::move(made.there), [this] { job.serve(steady_clock::now()); });
  }
  void serve_until_ended() {
    const auto deadline = steady_clock::now() + std::chrono::seconds(10);
    while (!job.ended() && steady_clock::now() < deadline)
      job.serve(steady_clock::now());
    REQUIRE(job.ended());
  }
  welcome welcomed(size_t index) {
    const auto message = ranks[index].next();
    REQUIRE(message);
    REQUIRE(message->type == frame_type::welcome);
    const auto terms = decode_welcome(message->payload, {}, "secret");
    REQUIRE(terms);
    return *terms;
  }

  reducer_options options;
  unique_fd wake_fd;
  event_log log;
  std::vector<std::unique_ptr<data_thread>> threads;
  std::vector<caller> ranks;
  reducer_job job;
};

} // namespace

TEST_CASE("ranks are welcomed when all have joined, each with a secret of its own") {
  job_of_two at;
  at.join(0);
  at.job.serve(steady_clock::now());
  CHECK(!at.job.members().started());
  at.join(1);
  const auto first = at.welcomed(0), second = at.welcomed(1);
  CHECK(first.secret != second.secret);
  CHECK(first.lanes.size() == 1);
  CHECK(first.lanes == second.lanes);
  CHECK(first.slots == at.options.slots);
  CHECK(first.chunk_bytes == at.options.chunk_bytes);
  CHECK(second.hub == "127.0.0.1:4242"); // where rank 0 came from, with the port that it named
  at.job.members().fail_all({errc::cancelled, "the test is over"});
}

TEST_CASE("a job in which all ranks have said goodbye has succeeded") {
  job_of_two at;
  for (const uint32_t rank : {0U, 1U})
    at.join(rank);
  for (const size_t index : {0U, 1U}) {
    at.welcomed(index);
    CHECK(!at.job.ended());
    at.ranks[index].send(frame_type::goodbye);
  }
  at.serve_until_ended();
  CHECK(at.job.end());
}

TEST_CASE("a lost rank ends no job that others are in, and is its outcome when they have left") {
  job_of_two at;
  for (const uint32_t rank : {0U, 1U})
    at.join(rank);
  at.welcomed(0);
  at.welcomed(1);
  at.ranks[1].close();
  const auto deadline = steady_clock::now() + std::chrono::seconds(10);
  while (at.job.members().lost_count() == 0 && steady_clock::now() < deadline)
    at.job.serve(steady_clock::now());
  CHECK(at.job.members().lost_count() == 1);
  CHECK(!at.job.ended());
  at.ranks[0].send(frame_type::goodbye);
  at.serve_until_ended();
  const auto outcome = at.job.end();
  REQUIRE(!outcome);
  CHECK(outcome.error().code == errc::unavailable);
  CHECK(outcome.error().message.starts_with("rank 1 (host a pid 1) is lost"));
}

TEST_CASE("a job knows its ranks by name and attempt") {
  job_of_two at;
  auto identity = hello_of(0, 2);
  CHECK(at.job.is(identity));
  identity.attempt = 1;
  CHECK(!at.job.is(identity));
  identity.attempt = 0;
  identity.job = "job-2";
  CHECK(!at.job.is(identity));
}

} // namespace troupe::reduction::test
