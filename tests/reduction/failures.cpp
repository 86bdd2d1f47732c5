#include "tests/reduction/fixture.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <csignal>
#include <latch>
#include <netinet/in.h>
#include <sys/socket.h>

namespace troupe::reduction::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The time from the call until each of `others` has reported an error; checks that the error names
/// `culprit`.
milliseconds time_to_hear(const std::vector<child*>& others, const std::string& culprit) {
  const auto start = steady_clock::now();
  for (auto* const each : others) {
    const auto said = each->line();
    CAPTURE(said);
    CHECK(said.starts_with("error "));
    CHECK(contains(said, culprit));
  }
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

void await_running(process_tier& tier) {
  for (auto& each : tier.ranks)
    REQUIRE(each.line() == "running");
}

constexpr milliseconds on_death{2000};
constexpr uint32_t silence_ms = 1500;
// The silence itself, the tick that finds it, and a busy machine.
constexpr milliseconds on_silence{silence_ms + 2500};

} // namespace

TEST_CASE("all other ranks and all reducers name a killed rank within two seconds") {
  for (const size_t victim : {0U, 1U}) { // rank 0 has the hub
    process_tier tier(3, 2, 10'000);
    await_running(tier);
    tier.ranks[victim].signal(SIGKILL);
    const auto took = time_to_hear(
        {&tier.ranks[1 - victim], &tier.ranks[2], &tier.reducers[0], &tier.reducers[1]},
        fmt::format("rank {} (", victim));
    CHECK(took < on_death);
    CHECK(tier.ranks[2].wait() == 1);
    CHECK(tier.reducers[0].wait() == 1);
  }
}

TEST_CASE("all other ranks name a stopped rank soon after the timeout") {
  for (const size_t victim : {0U, 2U}) {
    process_tier tier(3, 2, silence_ms);
    await_running(tier);
    tier.ranks[victim].signal(SIGSTOP);
    const auto took =
        time_to_hear({&tier.ranks[1], &tier.ranks[2 - victim]}, fmt::format("rank {} (", victim));
    CHECK(took < on_silence);
    // When it goes on, it learns that it was given up.
    tier.ranks[victim].signal(SIGCONT);
    CHECK(tier.ranks[victim].line().starts_with("error "));
  }
}

TEST_CASE("the job goes on when a process is stopped for less than the timeout") {
  process_tier tier(2, 1, 10'000);
  await_running(tier);
  tier.ranks[1].signal(SIGSTOP);
  tier.reducers[0].signal(SIGSTOP);
  std::this_thread::sleep_for(milliseconds(100));
  tier.reducers[0].signal(SIGCONT);
  tier.ranks[1].signal(SIGCONT);
  tier.ranks[0].signal(SIGUSR1); // "enough": both ranks end well
  tier.ranks[1].signal(SIGUSR1);
  CHECK(tier.ranks[0].line() == "well");
  CHECK(tier.ranks[1].line() == "well");
  CHECK(tier.reducers[0].wait() == 0);
}

TEST_CASE("ranks that do not connect are named at the deadline") {
  auto options = default_options(3);
  options.connect_timeout_ms = 300;
  reducer_threads tier(1, options);
  rank_settings settings;
  settings.reducers = tier.list();
  settings.rank = 1;
  settings.world_size = 3;
  settings.connect_timeout_ms = 300;
  troupe_comm* comm = nullptr;
  CHECK(open_rank(settings, &comm) == TROUPE_DEADLINE_EXCEEDED);
  CHECK(comm == nullptr);
  CHECK(contains(troupe_last_error(), "ranks 0, 2 did not connect"));
  CHECK(!tier.outcome(0));
}

TEST_CASE("a reducer that does not listen is named at the deadline") {
  // A port on which nothing listens, and that no other process can take meanwhile.
  const unique_fd holder(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(holder.value(), reinterpret_cast<sockaddr*>(&loopback), sizeof loopback) == 0);
  const auto port = local_address(holder.value()).port();
  rank_settings settings;
  settings.reducers = fmt::format("127.0.0.1:{}", port);
  settings.connect_timeout_ms = 250;
  troupe_comm* comm = nullptr;
  CHECK(open_rank(settings, &comm) == TROUPE_DEADLINE_EXCEEDED);
  CHECK(contains(troupe_last_error(), fmt::format("reducer 0 (127.0.0.1:{})", port)));
  CHECK(contains(troupe_last_error(), "refused"));
}

TEST_CASE("a rank that leaves while others still work is named") {
  reducer_threads tier(1, default_options(2));
  on_ranks(tier.list(), 2, [](troupe_comm* comm, uint32_t rank) {
    CHECK(troupe_barrier(comm) == TROUPE_OK);
    if (rank == 1) return; // finalizes
    CHECK(troupe_barrier(comm) == TROUPE_FAILED_PRECONDITION);
    const std::string said = troupe_last_error();
    CAPTURE(said);
    CHECK(contains(said, "rank 1"));
    CHECK(contains(said, "(finalize)"));
  });
}

TEST_CASE("ranks that leave right after the start succeed") {
  for (int round = 0; round < 10; ++round) {
    reducer_threads tier(3, default_options(2));
    on_ranks(tier.list(), 2, [](troupe_comm*, uint32_t) {});
    for (size_t i = 0; i < 3; ++i)
      CHECK(tier.outcome(i));
  }
}

TEST_CASE("every rank gets an error when one finalizes with an operation under way") {
  constexpr uint32_t world_size = 3;
  reducer_threads tier(1, default_options(world_size));
  std::latch opened(world_size), heard(2);
  std::vector<std::jthread> threads;
  for (uint32_t rank = 0; rank < world_size; ++rank)
    threads.emplace_back([&, rank] {
      rank_settings settings;
      settings.reducers = tier.list();
      settings.rank = rank;
      settings.world_size = world_size;
      troupe_comm* comm = nullptr;
      REQUIRE(open_rank(settings, &comm) == TROUPE_OK);
      opened.arrive_and_wait(); // a failure would also reach ranks that still open
      const auto check_told = [](troupe_status status) {
        const std::string said = troupe_last_error();
        CAPTURE(said);
        CHECK(status == TROUPE_FAILED_PRECONDITION);
        CHECK(contains(said, "rank 0 was finalized while operations were under way"));
      };
      float value = 0;
      troupe_request* request = nullptr;
      const auto start = [&] {
        return troupe_iallreduce(comm, &value, &value, 1, TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST,
                                 &request);
      };
      // The last rank waits until the others have the error, so that nothing can complete.
      if (rank == 0) {
        CHECK(start() == TROUPE_OK);
        CHECK(troupe_finalize(comm) == TROUPE_FAILED_PRECONDITION);
        check_told(troupe_wait(request));
        heard.count_down();
      } else if (rank == 1) {
        const auto status = start(); // fails already where rank 0 was quicker
        check_told(status != TROUPE_OK ? status : troupe_wait(request));
        heard.count_down();
        CHECK(troupe_finalize(comm) == TROUPE_OK);
      } else {
        heard.wait();
        check_told(troupe_barrier(comm));
        CHECK(troupe_finalize(comm) == TROUPE_OK);
      }
    });
  threads.clear();
  const auto outcome = tier.outcome(0);
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().message, "rank 0 was finalized"));
}

TEST_CASE("a reducer's usual lines go to stdout, warnings and errors to stderr, all at once") {
  const auto said_on = [](const std::string& redirection) {
    child writer({"/bin/sh", "-c", std::string("exec " REDUCTION_PEER " log ") + redirection}, {});
    std::string out;
    for (auto line = writer.line(); !line.empty(); line = writer.line())
      out += line.substr(line.find(' ') + 1) + "\n"; // without the time
    return out;
  };
  CHECK(said_on("2>/dev/null") == "info reducer event=usual\n");
  CHECK(said_on("2>&1 >/dev/null") == "warning reducer event=odd\nerror reducer event=bad\n");
}

} // namespace troupe::reduction::test
