#include "core/jobs/restart.hpp"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <utility>

namespace troupe::core {

exit_class classify(const replica_end& end) {
  if (end.phase == wire::ReplicaPhase::LOST) return exit_class::lost;
  if (end.phase == wire::ReplicaPhase::FAILED)
    return end.permanent ? exit_class::permanent : exit_class::transient;
  if (end.out_of_memory) return exit_class::permanent;
  if (end.signal != 0) return exit_class::transient;
  if (end.exit_code == 0) return exit_class::success;
  // A shell or a launcher between us and the program reports its child's signal as 128 + signal.
  return end.exit_code > 128 && end.exit_code <= 128 + 64 ? exit_class::transient
                                                          : exit_class::permanent;
}

int32_t status_of(const replica_end& end) {
  return end.signal != 0 ? 128 + end.signal : end.exit_code;
}

std::string signal_name(int32_t signal) {
  static constexpr std::array<std::pair<int32_t, const char*>, 16> names{{
      {SIGHUP, "SIGHUP"},
      {SIGINT, "SIGINT"},
      {SIGQUIT, "SIGQUIT"},
      {SIGILL, "SIGILL"},
      {SIGTRAP, "SIGTRAP"},
      {SIGABRT, "SIGABRT"},
      {SIGBUS, "SIGBUS"},
      {SIGFPE, "SIGFPE"},
      {SIGKILL, "SIGKILL"},
      {SIGUSR1, "SIGUSR1"},
      {SIGSEGV, "SIGSEGV"},
      {SIGUSR2, "SIGUSR2"},
      {SIGPIPE, "SIGPIPE"},
      {SIGALRM, "SIGALRM"},
      {SIGTERM, "SIGTERM"},
      {SIGXCPU, "SIGXCPU"},
  }};
  for (const auto& [number, name] : names)
    if (number == signal) return name;
  return fmt::format("signal {}", signal);
}

namespace {

std::string ending(std::string_view replica, const replica_end& end) {
  if (end.phase == wire::ReplicaPhase::FAILED)
    return fmt::format("The replica {} could not be started.", replica);
  if (end.phase == wire::ReplicaPhase::LOST)
    return fmt::format("The replica {} was lost with its node.", replica);
  int32_t status = status_of(end);
  if (end.out_of_memory)
    return fmt::format("The replica {} ran out of memory and exited with a non-zero status of {}.",
                       replica, status == 0 ? 137 : status);
  std::string reason = "Error";
  if (status > 128 && status <= 128 + 64) {
    std::string name = signal_name(status - 128);
    reason = name.starts_with("SIG") ? "Signal " + name : "Signal " + std::to_string(status - 128);
  }
  return fmt::format("The replica {} exited with a non-zero status of {}. Termination reason: {}.",
                     replica, status, reason);
}

} // namespace

std::string failure_text(std::string_view replica, const replica_end& end, std::string_view tail) {
  std::string text = ending(replica, end);
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' '))
    tail.remove_suffix(1);
  if (!tail.empty()) text.append("\n").append(tail);
  return text;
}

verdict judge(exit_class what, const restart_facts& facts) {
  switch (what) {
  case exit_class::success:
    return facts.primary ? verdict::succeed_job : verdict::keep;
  case exit_class::permanent:
    return verdict::fail_job;
  case exit_class::lost:
    return facts.disable_retries ? verdict::fail_job : verdict::replace_job;
  case exit_class::transient:
    break;
  }
  if (facts.disable_retries) return verdict::fail_job;
  if (facts.incarnation < facts.restarts_max)
    return facts.restart_job_on_worker_restart ? verdict::restart_all : verdict::restart_replica;
  return facts.job_retries < facts.retries_max ? verdict::retry_job : verdict::fail_job;
}

} // namespace troupe::core
