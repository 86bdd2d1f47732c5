// A reducer or a rank as a process, for tests that kill and stop processes.
//   reduction-peer reducer       run_reducer from the environment; prints "listening <port>"
//   reduction-peer rank <count>  all-reduces `count` floats again and again and checks every bit;
//                                prints "running" after the first, and "error <status> <text>" when
//                                one fails. After a SIGUSR1 at any rank all of them print "well"
//                                and "alive <reducers>", and finalize
//   reduction-peer once <count>  the same, one time; prints "sum <first element>" and finalizes
//   reduction-peer log           writes one line of each severity as a reducer does
#include "reduction/api/troupe.h"
#include "reduction/control/event_log.hpp"
#include "reduction/reducer/reducer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vector>

namespace {

// The test reads this stream. The reducer's own lines would come between: they go to stderr
// instead.
std::FILE* take_stdout() {
  auto* const taken = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  return taken;
}
std::FILE* to_test = stdout;

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(to_test, format, std::forward<Args>(args)...);
  std::fflush(to_test);
}

int run_as_reducer() {
  auto options = troupe::reduction::reducer_options_from_env();
  if (!options) {
    say("error {} {}\n", static_cast<int>(options.error().code), options.error().message);
    return 2;
  }
  options->on_listening = [](uint16_t port) { say("listening {}\n", port); };
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  const auto outcome = run_reducer(*options, signalfd(-1, &stop, SFD_CLOEXEC));
  if (outcome) return 0;
  say("error {} {}\n", static_cast<int>(outcome.error().code), outcome.error().message);
  return 1;
}

int write_log_lines() {
  troupe::reduction::event_log log("reducer");
  log.info("event=usual");
  log.warning("event=odd");
  log.failure("event=bad");
  _exit(0); // nothing is flushed that was not flushed at once
}

int complain(troupe_status status) {
  say("error {} {}\n", static_cast<int>(status), troupe_last_error());
  return 1;
}

volatile std::sig_atomic_t enough = 0;

// Values whose sum depends on the order of addition, other ones in each round.
float value_of(uint32_t rank, size_t index, uint64_t round) {
  const auto mixed = (index * 2654435761U + round * 40503U + rank * 97U) & 0xffffU;
  return std::ldexp(static_cast<float>(mixed), static_cast<int>(mixed % 40) - 20);
}

bool all_right(const std::vector<float>& values, uint32_t world_size, uint64_t round) {
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    float sum = value_of(0, i, round);
    for (uint32_t rank = 1; rank < world_size; ++rank)
      sum += value_of(rank, i, round);
    if (std::memcmp(&sum, &values[i], sizeof sum) != 0) return false;
  }
  return true;
}

int run_as_rank(size_t count) {
  struct sigaction on_signal {};
  on_signal.sa_handler = [](int) { enough = 1; };
  sigaction(SIGUSR1, &on_signal, nullptr);
  troupe_comm* comm = nullptr;
  if (const auto status = troupe_init_from_env(&comm)) return complain(status);
  const auto rank = troupe_rank(comm), world_size = troupe_world_size(comm);
  std::vector<float> values(count + 1);
  for (uint64_t round = 0; values.back() == 0; ++round) {
    for (size_t i = 0; i < count; ++i)
      values[i] = value_of(rank, i, round);
    values.back() = enough ? 1 : 0; // so all ranks stop after the same round
    const auto status = troupe_allreduce(comm, values.data(), values.data(), values.size(),
                                         TROUPE_FLOAT32, TROUPE_SUM, TROUPE_HOST);
    if (status != TROUPE_OK) {
      complain(status);
      troupe_finalize(comm);
      return 1;
    }
    if (!all_right(values, world_size, round)) {
      say("wrong in round {}\n", round);
      return 1;
    }
    if (round == 0) say("running\n");
  }
  say("well\n");
  troupe_stats stats{};
  stats.struct_size = sizeof stats;
  if (troupe_get_stats(comm, &stats) != TROUPE_OK) return complain(TROUPE_UNKNOWN);
  say("alive {}\n", stats.reducers_alive);
  return troupe_finalize(comm) == TROUPE_OK ? 0 : complain(TROUPE_UNKNOWN);
}

int run_once(size_t count) {
  troupe_comm* comm = nullptr;
  if (const auto status = troupe_init_from_env(&comm)) return complain(status);
  std::vector<float> values(count, static_cast<float>(troupe_rank(comm) + 1));
  const auto status = troupe_allreduce(comm, values.data(), values.data(), count, TROUPE_FLOAT32,
                                       TROUPE_SUM, TROUPE_HOST);
  if (status != TROUPE_OK) return complain(status);
  say("sum {}\n", values.at(0));
  return troupe_finalize(comm) == TROUPE_OK ? 0 : complain(TROUPE_UNKNOWN);
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "log") return write_log_lines();
  to_test = take_stdout();
  if (role == "reducer") return run_as_reducer();
  if (role == "rank") return run_as_rank(std::stoul(argv[2]));
  if (role == "once") return run_once(std::stoul(argv[2]));
  say("error 3 no such role\n");
  return 2;
}
