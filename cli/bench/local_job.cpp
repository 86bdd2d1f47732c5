#include "cli/bench/local_job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/rand.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace troupe::cli {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto patience = seconds(20); // for a process to start, and to end
constexpr auto pause = milliseconds(2);

std::string fresh_token() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return {};
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

/// This process's environment with `changes`.
std::vector<std::string> environment_with(std::map<std::string, std::string> changes) {
  std::vector<std::string> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string entry = *each;
    if (!changes.contains(entry.substr(0, entry.find('=')))) out.push_back(entry);
  }
  for (auto& [name, value] : changes)
    out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& each : texts)
    out.push_back(each.data());
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void become(char* const* arguments, char* const* environment, pid_t parent, int output,
                         int errors, int nothing) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127); // the parent ended before the request above
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execve("/proc/self/exe", arguments, environment);
  ::_exit(127);
}

double seconds_of(const rusage& used) {
  return double(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
         + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

std::string text_of(int file) {
  std::string out(static_cast<size_t>(std::max<off_t>(::lseek(file, 0, SEEK_END), 0)), '\0');
  const auto got = ::pread(file, out.data(), out.size(), 0);
  out.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return out;
}

/// From the line in which a reducer reports its address.
std::optional<std::string> announced_address(const std::string& text) {
  constexpr std::string_view mark = "event=listening address=";
  const auto at = text.find(mark);
  const auto end = at == text.npos ? at : text.find(' ', at + mark.size());
  if (end == text.npos) return {};
  return text.substr(at + mark.size(), end - at - mark.size());
}

} // namespace

result<std::unique_ptr<local_job>>
local_job::start(uint32_t ranks, uint32_t reducers,
                 const std::vector<std::string>& rank_arguments) {
  std::unique_ptr<local_job> job(new local_job);
  variables common = {{"TROUPE_JOB", fmt::format("bench-{}", ::getpid())},
                      {"TROUPE_TOKEN", fresh_token()},
                      {"TROUPE_ATTEMPT", "0"},
                      {"TROUPE_WORLD_SIZE", std::to_string(ranks)},
                      {"WORLD_SIZE", std::to_string(ranks)}};
  if (common["TROUPE_TOKEN"].empty())
    return fail(errc::unavailable, "the system gives no random bytes for a token");

  auto reducer_variables = common;
  reducer_variables["TROUPE_SHARED_KEY"] = ""; // these serve one job
  reducer_variables["TROUPE_LISTEN"] = "127.0.0.1:0";
  for (uint32_t i = 0; i < reducers; ++i)
    if (auto made = job->spawn(fmt::format("reducer {}", i), {"reducer"}, reducer_variables); !made)
      return std::unexpected(made.error());
  // Without reducers ranks find each other through rank 0.
  auto met = reducers > 0 ? job->reducer_addresses() : job->reserve_address();
  if (!met) return std::unexpected(met.error());
  common["TROUPE_REDUCERS"] = reducers > 0 ? *met : "";
  common["TROUPE_HUB"] = reducers > 0 ? "" : *met;

  for (uint32_t rank = 1; rank < ranks; ++rank) {
    auto own = common;
    own["RANK"] = std::to_string(rank);
    if (auto made = job->spawn(fmt::format("rank {}", rank), rank_arguments, own); !made)
      return std::unexpected(made.error());
  }
  common["RANK"] = "0";
  for (auto& [name, value] : common)
    ::setenv(name.c_str(), value.c_str(), 1);
  return job;
}

result<> local_job::spawn(std::string name, const std::vector<std::string>& arguments,
                          const variables& changes) {
  // A file in memory takes all that is written, whether it is read or not; a pipe would fill up.
  const int output = ::memfd_create("output", MFD_CLOEXEC);
  const int errors = ::memfd_create("errors", MFD_CLOEXEC);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::vector<std::string> command_line = {"troupe"};
  command_line.insert(command_line.end(), arguments.begin(), arguments.end());
  auto variables = environment_with(changes);
  const auto word_pointers = pointers(command_line);
  const auto variable_pointers = pointers(variables);
  const auto parent = ::getpid();
  const auto pid = output < 0 || errors < 0 || nothing < 0 ? -1 : ::fork();
  if (pid == 0)
    become(word_pointers.data(), variable_pointers.data(), parent, output, errors, nothing);
  const auto problem = errno;
  ::close(nothing);
  if (pid < 0) {
    ::close(output);
    ::close(errors);
    return fail(errc::unavailable, "cannot start {}: {}", name, std::strerror(problem));
  }
  running_.push_back({std::move(name), pid, output, errors});
  return {};
}

result<std::string> local_job::reducer_addresses() const {
  std::string addresses;
  for (auto& each : running_) {
    auto address = address_of(each);
    if (!address) return address;
    addresses += (addresses.empty() ? "" : ",") + *address;
  }
  return addresses;
}

result<std::string> local_job::reserve_address() {
  // With this option on both sockets rank 0 may listen on the port, and the kernel gives it to no
  // other process.
  const int yes = 1;
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof loopback;
  auto* const address = reinterpret_cast<sockaddr*>(&loopback);
  reserved_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (reserved_ < 0 || ::setsockopt(reserved_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0
      || ::bind(reserved_, address, length) != 0 || ::getsockname(reserved_, address, &length) != 0)
    return fail(errc::unavailable, "no free port on 127.0.0.1: {}", std::strerror(errno));
  return fmt::format("127.0.0.1:{}", ntohs(loopback.sin_port));
}

result<std::string> local_job::address_of(const child& reducer) const {
  const auto deadline = steady_clock::now() + patience;
  while (true) {
    if (auto address = announced_address(text_of(reducer.output))) return *address;
    siginfo_t state{};
    const bool gone =
        ::waitid(P_PID, static_cast<id_t>(reducer.pid), &state, WEXITED | WNOHANG | WNOWAIT) == 0
        && state.si_pid != 0;
    if (gone) return fail(errc::unavailable, "{} ended before it listened", reducer.name);
    if (steady_clock::now() > deadline)
      return fail(errc::unavailable, "{} does not listen after {} s", reducer.name,
                  patience.count());
    std::this_thread::sleep_for(pause);
  }
}

result<> local_job::finish() {
  const auto deadline = steady_clock::now() + patience;
  result<> outcome;
  while (!running_.empty()) {
    const auto one = std::move(running_.front());
    running_.erase(running_.begin());
    int status = 0;
    rusage used{};
    while (::wait4(one.pid, &status, WNOHANG, &used) != one.pid) {
      if (steady_clock::now() > deadline) {
        running_.push_back(one);
        return fail(errc::deadline_exceeded, "{} did not end within {} s", one.name,
                    patience.count());
      }
      std::this_thread::sleep_for(pause);
    }
    complaints_ += text_of(one.errors);
    ::close(one.output);
    ::close(one.errors);
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    ended_.push_back({one.name, code, seconds_of(used)});
    if (code != 0 && outcome)
      outcome = fail(errc::unavailable, "{} ended with exit code {}", one.name, code);
  }
  return outcome;
}

std::string local_job::complaints() const {
  auto out = complaints_;
  for (auto& each : running_)
    out += text_of(each.errors);
  return out;
}

std::vector<double> local_job::cpu_of(std::string_view kind) const {
  std::vector<double> out;
  for (auto& each : ended_)
    if (each.name.starts_with(kind)) out.push_back(each.cpu_s);
  return out;
}

local_job::~local_job() {
  if (reserved_ >= 0) ::close(reserved_);
  for (auto& each : running_)
    ::kill(each.pid, SIGKILL);
  for (auto& each : running_) {
    ::waitpid(each.pid, nullptr, 0);
    ::close(each.output);
    ::close(each.errors);
  }
}

} // namespace troupe::cli
