// A reducer or a rank as a process of its own, for tests that kill and stop processes.
//   reduction-peer reducer       run_reducer from the environment; prints "listening <port>"
//   reduction-peer rank <count>  all-reduces `count` floats again and again; prints "running" after
//                                the first, and "error <status> <text>" when one fails
//   reduction-peer once <count>  the same, one time; prints "sum <first element>" and finalizes
//   reduction-peer log           writes one line of each severity as a reducer does
#include "reduction/reducer.hpp"
#include "reduction/reducer_log.hpp"
#include "reduction/troupe.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vector>

namespace {

// What the test reads. The reducer's own lines, which would come between, go to stderr instead.
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
  troupe::reduction::reducer_log log("reducer");
  log.info("event=usual");
  log.warning("event=odd");
  log.failure("event=bad");
  _exit(0); // nothing is flushed that was not flushed at once
}

int complain(troupe_status status) {
  say("error {} {}\n", static_cast<int>(status), troupe_last_error());
  return 1;
}

int run_as_rank(size_t count, bool once) {
  troupe_comm* comm = nullptr;
  if (const auto status = troupe_init_from_env(&comm)) return complain(status);
  std::vector<float> values(count);
  for (bool first = true;; first = false) {
    values.assign(count, static_cast<float>(troupe_rank(comm) + 1));
    const auto status = troupe_allreduce(comm, values.data(), values.data(), count, TROUPE_FLOAT32,
                                         TROUPE_SUM, TROUPE_HOST);
    if (status != TROUPE_OK) {
      complain(status);
      troupe_finalize(comm);
      return 1;
    }
    if (once) break;
    if (first) say("running\n");
  }
  say("sum {}\n", values.at(0));
  return troupe_finalize(comm) == TROUPE_OK ? 0 : complain(TROUPE_UNKNOWN);
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "log") return write_log_lines();
  to_test = take_stdout();
  if (role == "reducer") return run_as_reducer();
  if (role == "rank" || role == "once") return run_as_rank(std::stoul(argv[2]), role == "once");
  say("error 3 no such role\n");
  return 2;
}
