#include "tests/reduction/fixture.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::reduction::test {

reducer_options default_options(uint32_t world_size) {
  reducer_options out;
  out.bind_address = "127.0.0.1";
  out.job = "job-1";
  out.token = "secret";
  out.world_size = world_size;
  out.connect_timeout_ms = 20'000;
  return out;
}

reducer_threads::reducer_threads(uint32_t count, reducer_options options)
    : stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  for (uint32_t i = 0; i < count; ++i) {
    std::promise<uint16_t> listening;
    auto port = listening.get_future();
    options.on_listening = [&](uint16_t number) { listening.set_value(number); };
    outcomes_.push_back(std::async(
        std::launch::async, [options, fd = stop_fd_.value()] { return run_reducer(options, fd); }));
    ports_.push_back(port.get());
  }
}

reducer_threads::~reducer_threads() { stop(); }

std::string reducer_threads::list() const {
  std::string out;
  for (const auto port : ports_)
    out += fmt::format("{}127.0.0.1:{}", out.empty() ? "" : ",", port);
  return out;
}

void reducer_threads::stop() { eventfd_write(stop_fd_.value(), 1); }

result<> reducer_threads::outcome(size_t index) { return outcomes_[index].get(); }

troupe_status open_rank(const rank_settings& settings, troupe_comm** comm) {
  troupe_options options{};
  options.struct_size = sizeof options;
  options.reducers = settings.reducers.c_str();
  options.job = settings.job.c_str();
  options.token = settings.token.c_str();
  options.attempt = settings.attempt;
  options.rank = settings.rank;
  options.world_size = settings.world_size;
  options.connect_timeout_ms = settings.connect_timeout_ms;
  return troupe_init(&options, comm);
}

void on_ranks(const std::string& reducers, uint32_t world_size,
              const std::function<void(troupe_comm*, uint32_t rank)>& body) {
  std::vector<std::jthread> threads;
  for (uint32_t rank = 0; rank < world_size; ++rank)
    threads.emplace_back([&, rank] {
      rank_settings settings;
      settings.reducers = reducers;
      settings.rank = rank;
      settings.world_size = world_size;
      troupe_comm* comm = nullptr;
      const auto status = open_rank(settings, &comm);
      INFO(troupe_last_error());
      CHECK(status == TROUPE_OK);
      if (status != TROUPE_OK) return;
      body(comm, rank);
      CHECK(troupe_finalize(comm) == TROUPE_OK);
    });
}

child::child(std::vector<std::string> arguments,
             const std::map<std::string, std::string>& environment) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  out_ = unique_fd(ends[0]);
  const unique_fd theirs(ends[1]);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment)
    variables.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (auto& each : arguments)
    argv.push_back(each.data());
  for (auto& each : variables)
    envp.push_back(each.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.value(), STDOUT_FILENO);
  REQUIRE(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
}

child::child(child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), out_(std::move(other.out_)),
      buffered_(std::move(other.buffered_)) {}

child::~child() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  wait();
}

std::string child::line() {
  while (true) {
    if (const auto end = buffered_.find('\n'); end != std::string::npos) {
      auto out = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return out;
    }
    pollfd fd{out_.value(), POLLIN, 0};
    if (poll(&fd, 1, 10'000) == 0) return "(timeout)";
    char chunk[4096];
    const auto got = read(out_.value(), chunk, sizeof chunk);
    if (got <= 0) return std::exchange(buffered_, {});
    buffered_.append(chunk, static_cast<size_t>(got));
  }
}

void child::signal(int number) const { kill(pid_, number); }

int child::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

process_tier::process_tier(uint32_t rank_count, uint32_t reducer_count, uint32_t timeout_ms,
                           const std::string& rank_role, size_t count) {
  std::map<std::string, std::string> environment{{"TROUPE_JOB", "job-1"},
                                                 {"TROUPE_TOKEN", "secret"},
                                                 {"TROUPE_ATTEMPT", "0"},
                                                 {"TROUPE_TIMEOUT_MS", std::to_string(timeout_ms)},
                                                 {"TROUPE_LISTEN", "127.0.0.1:0"},
                                                 {"TROUPE_WORLD_SIZE", std::to_string(rank_count)},
                                                 {"WORLD_SIZE", std::to_string(rank_count)}};
  // Built with a sanitizer, the children need its settings as well.
  for (const char* const name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH"})
    if (const char* const value = std::getenv(name)) environment[name] = value;
  std::string list;
  for (uint32_t i = 0; i < reducer_count; ++i)
    reducers.emplace_back(std::vector<std::string>{REDUCTION_PEER, "reducer"}, environment);
  for (auto& each : reducers) {
    const auto said = each.line();
    REQUIRE(said.starts_with("listening "));
    list += fmt::format("{}127.0.0.1:{}", list.empty() ? "" : ",", said.substr(10));
  }
  environment["TROUPE_REDUCERS"] = list;
  for (uint32_t rank = 0; rank < rank_count; ++rank) {
    environment["RANK"] = std::to_string(rank);
    ranks.emplace_back(std::vector<std::string>{REDUCTION_PEER, rank_role, std::to_string(count)},
                       environment);
  }
}

} // namespace troupe::reduction::test
