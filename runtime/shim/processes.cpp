#include "runtime/shim/processes.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::runtime::shim {

namespace {

struct exec_failure {
  enum { directory, program } what;
  int error;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const auto& string : strings)
    out.push_back(const_cast<char*>(string.c_str()));
  out.push_back(nullptr);
  return out;
}

/// The files that a program's name may mean. Unlike execvp() this uses the replica's own PATH, and
/// reports a script without an interpreter line as an error instead of giving it to a shell.
std::vector<std::string> candidates(const std::string& program,
                                    const std::vector<std::string>& environment) {
  if (program.find('/') != program.npos) return {program};
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const auto& variable : environment)
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  std::vector<std::string> out;
  for (;;) {
    auto colon = path.find(':');
    auto folder = path.substr(0, colon);
    out.push_back((folder.empty() ? std::string(".") : std::string(folder)) + '/' + program);
    if (colon == path.npos) return out;
    path.remove_prefix(colon + 1);
  }
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const std::vector<std::string>& files, char** argv, char** environment,
                         const char* directory, int stdout_fd, int stderr_fd, int report_fd,
                         pid_t parent) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The shim may have died before the line above took effect.
  if (getppid() != parent) _exit(127);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(stdout_fd, 1);
  dup2(stderr_fd, 2);
  if (null > 2) close(null);
  exec_failure failure{exec_failure::directory, 0};
  if (chdir(directory) != 0) {
    failure.error = errno;
  } else {
    reset_signals();
    failure = {exec_failure::program, ENOENT};
    for (const auto& file : files) {
      execve(file.c_str(), argv, environment);
      // Report a file that may not be run; that other folders do not have it need no report.
      if (errno != ENOENT && errno != ENOTDIR) failure.error = errno;
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
    }
  }
  (void)!write(report_fd, &failure, sizeof failure);
  _exit(127);
}

bool is_permanent(int error) {
  switch (error) {
  case EAGAIN:
  case ENOMEM:
  case ETXTBSY:
  case EMFILE:
  case ENFILE:
  case EIO:
  case ESTALE:
    return false;
  default:
    return true;
  }
}

std::string problem_of(const exec_failure& failure, const std::string& program,
                       const std::vector<std::string>& files, const std::string& directory) {
  if (failure.what == exec_failure::directory)
    return "cannot enter the working directory " + directory + ": " + strerror(failure.error);
  std::string out = "cannot run '" + program + "': " + strerror(failure.error);
  struct stat info;
  if (failure.error == ENOENT && files.size() == 1 && stat(files[0].c_str(), &info) == 0)
    out += " (the file is there, but the interpreter that it names is not)";
  else if (failure.error == ENOENT && files.size() != 1)
    out += " (it is in none of the directories of the replica's PATH)";
  else if (failure.error == EACCES)
    out += " (it must be a file with execute permission, chmod +x)";
  else if (failure.error == ENOEXEC)
    out += " (it is neither a program of this machine nor a script whose first line is #!...)";
  return out;
}

std::vector<pid_t> children_by_scan() {
  std::vector<pid_t> out;
  DIR* proc = opendir("/proc");
  if (!proc) return out;
  while (auto* entry = readdir(proc)) {
    pid_t pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/stat", int(pid));
    FILE* file = std::fopen(path, "re");
    if (!file) continue;
    char line[1024] = {};
    int parent = 0;
    if (std::fgets(line, sizeof line, file))
      if (auto* end = std::strrchr(line, ')'); end && std::sscanf(end + 1, " %*c %d", &parent) == 1)
        if (parent == getpid()) out.push_back(pid);
    std::fclose(file);
  }
  closedir(proc);
  return out;
}

std::vector<pid_t> children() {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/children", int(getpid()));
  FILE* file = std::fopen(path, "re");
  if (!file) return children_by_scan();
  std::vector<pid_t> out;
  for (int pid = 0; std::fscanf(file, "%d", &pid) == 1;)
    out.push_back(pid);
  std::fclose(file);
  return out;
}

} // namespace

launched launch(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                const std::string& directory, int stdout_fd, int stderr_fd) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0)
    return {0, std::string("cannot make a pipe: ") + strerror(errno), false};
  // All memory is taken before the fork.
  auto files = candidates(argv[0], environment);
  auto arguments = pointers(argv);
  auto variables = pointers(environment);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0)
    become(files, arguments.data(), variables.data(), directory.c_str(), stdout_fd, stderr_fd,
           report[1], parent);
  int fork_error = errno;
  close(report[1]);
  exec_failure failure{};
  ssize_t got = 0;
  if (pid > 0)
    while ((got = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR) {
    }
  close(report[0]);
  if (pid < 0) return {0, std::string("cannot start a process: ") + strerror(fork_error), false};
  if (got == 0) return {pid, {}, false};
  waitpid(pid, nullptr, 0);
  return {0, problem_of(failure, argv[0], files, directory), is_permanent(failure.error)};
}

void end_all() {
  for (;;) {
    // The children of each child that dies become our children, so the loop ends any tree of
    // processes.
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return;
    for (pid_t child : children())
      kill(child, SIGKILL);
    waitpid(-1, nullptr, 0);
  }
}

} // namespace troupe::runtime::shim
