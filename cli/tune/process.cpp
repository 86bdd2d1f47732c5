#include "cli/tune/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace troupe::cli {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& each : texts)
    out.push_back(const_cast<char*>(each.c_str()));
  out.push_back(nullptr);
  return out;
}

struct child_order {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int nothing, output, errors, problem;
  pid_t parent;
};

/// Between fork and exec: only calls that a signal handler may make. If the program cannot be run,
/// errno goes to `problem`, which closes by itself if it can.
[[noreturn]] void become(const child_order& order) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // If the parent ended before the call above, the kernel will not kill this process.
  if (::getppid() != order.parent) ::_exit(127);
  ::setsid();
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(order.nothing, STDIN_FILENO) >= 0 && ::dup2(order.output, STDOUT_FILENO) >= 0
      && ::dup2(order.errors, STDERR_FILENO) >= 0)
    ::execve(order.program, order.arguments, order.environment);
  const int code = errno;
  if (::write(order.problem, &code, sizeof code) < 0) ::_exit(126);
  ::_exit(127);
}

std::string path_in(const std::vector<std::string>& environment) {
  for (auto& entry : environment)
    if (entry.starts_with("PATH=")) return entry.substr(5);
  return "/usr/local/bin:/usr/bin:/bin";
}

bool is_runnable(const std::filesystem::path& file) {
  struct stat about {};
  return ::stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode)
         && ::access(file.c_str(), X_OK) == 0;
}

} // namespace

result<std::filesystem::path> find_program(const std::string& program, const std::string& path) {
  if (program.find('/') != program.npos) {
    if (is_runnable(program)) return program;
    if (::access(program.c_str(), F_OK) != 0)
      return fail(errc::not_found, "cannot run {}: {}", program, last_problem());
    return fail(errc::permission_denied,
                "cannot run {}: it is not an executable file; chmod +x it, or name the program "
                "that runs it",
                program);
  }
  for (std::string_view rest = path;;) {
    const auto part = rest.substr(0, rest.find(':'));
    auto candidate = std::filesystem::path(part.empty() ? "." : part) / program;
    if (!program.empty() && is_runnable(candidate)) return candidate;
    if (part.size() == rest.size()) break;
    rest.remove_prefix(part.size() + 1);
  }
  return fail(errc::not_found,
              "cannot run '{0}': no such program in PATH; for one in this "
              "directory, write ./{0}",
              program);
}

result<tune_process> tune_process::start(const process_order& order) {
  auto program = find_program(order.command.front(), path_in(order.environment));
  if (!program) return std::unexpected(program.error());
  const auto out_file = [](const std::filesystem::path& path) {
    return unique_fd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  };
  const unique_fd output = out_file(order.output), errors = out_file(order.errors);
  const unique_fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int ends[2] = {-1, -1};
  if (!output || !errors || !nothing || ::pipe2(ends, O_CLOEXEC) != 0)
    return fail(errc::unavailable, "cannot open the output files in {}: {}",
                order.output.parent_path().string(), last_problem());
  unique_fd reading(ends[0]), writing(ends[1]);
  const auto arguments = pointers(order.command), environment = pointers(order.environment);
  const child_order orders{program->c_str(), arguments.data(), environment.data(), nothing.value(),
                           output.value(),   errors.value(),   writing.value(),    ::getpid()};
  tune_process made;
  made.pid_ = ::fork();
  if (made.pid_ < 0) {
    made.pid_ = 0;
    return fail(errc::unavailable, "cannot start another process: {}", last_problem());
  }
  if (made.pid_ == 0) become(orders);
  writing = unique_fd();
  int code = 0;
  if (::read(reading.value(), &code, sizeof code) == ssize_t(sizeof code)) {
    ::waitpid(std::exchange(made.pid_, 0), nullptr, 0);
    return fail(code == ENOENT ? errc::not_found : errc::permission_denied, "cannot run {}: {}",
                program->string(), std::strerror(code));
  }
  made.ended_ = unique_fd(int(::syscall(SYS_pidfd_open, made.pid_, 0)));
  if (!made.ended_)
    return fail(errc::unavailable, "cannot watch process {}: {}", made.pid_, last_problem());
  return made;
}

tune_process::tune_process(tune_process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), ended_(std::move(other.ended_)) {}

tune_process& tune_process::operator=(tune_process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(ended_, other.ended_);
  return *this;
}

tune_process::~tune_process() {
  if (pid_ == 0) return;
  signal(SIGKILL);
  reap();
}

void tune_process::signal(int number) const {
  if (pid_ > 0) ::kill(-pid_, number);
}

int tune_process::reap() {
  // Wait without reaping: until then its process id, and that of its group, cannot be reused.
  siginfo_t about{};
  while (::waitid(P_PID, id_t(pid_), &about, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

} // namespace troupe::cli
