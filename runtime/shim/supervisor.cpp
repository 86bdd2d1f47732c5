#include "runtime/shim/supervisor.hpp"

#include "runtime/shim/identity.hpp"
#include "runtime/shim/memory.hpp"
#include "runtime/shim/processes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace troupe::runtime::shim {

namespace {

constexpr size_t read_bytes = 64 << 10;
constexpr size_t stderr_tail_bytes = 4 << 10;
constexpr int stderr_tail_lines = 10;
// Enough for any status: the space for the end of a replica is reserved while the disk has room.
constexpr size_t reserved_bytes = 8 << 10;

int64_t nanos(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
int64_t now_micros() { return nanos(CLOCK_REALTIME) / 1000; }
int64_t uptime_ms() { return nanos(CLOCK_MONOTONIC) / 1'000'000; }

bool write_whole(int fd, std::string_view bytes) {
  return pwrite(fd, bytes.data(), bytes.size(), 0) == ssize_t(bytes.size());
}

bool read_whole(const std::string& path, std::string& out) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char buffer[64 << 10];
  ssize_t n;
  while ((n = read(fd, buffer, sizeof buffer)) > 0)
    out.append(buffer, size_t(n));
  close(fd);
  return n == 0;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

} // namespace

supervisor::supervisor(std::string directory)
    : directory_(std::move(directory)), buffer_(read_bytes) {}

int supervisor::run() {
  if (!claim()) return 1;
  if (prepare()) start_step();
  if (!ended_) loop();
  store_end();
  return 0;
}

/// Writes the record of this process, unless an agent gave this replica up before this process ran.
bool supervisor::claim() {
  auto self = identity_of(getpid());
  auto temporary = path("record.tmp");
  int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (!self || fd < 0 || !write_whole(fd, encode(*self))) return false;
  close(fd);
  bool claimed = link(temporary.c_str(), path("record").c_str()) == 0;
  unlink(temporary.c_str());
  return claimed;
}

bool supervisor::prepare() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
  signals_ = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  reserved_ = open(path("status.tmp").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  write_whole(reserved_, std::string(reserved_bytes, ' '));
  std::string text;
  std::optional<order> decoded;
  if (read_whole(path("order"), text)) decoded = decode_order(text);
  status broken{.phase = phase::failed, .ended_micros = now_micros()};
  if (!decoded) {
    broken.message = path("order") + " cannot be read or is damaged";
    ended_ = broken;
    return false;
  }
  order_ = std::move(*decoded);
  log_ = std::make_unique<log_writer>(order_.log_directory, order_.log_bytes_max);
  for (auto& ends : pipes_) {
    if (pipe2(ends, O_CLOEXEC) != 0) {
      broken.message = std::string("cannot make a pipe: ") + strerror(errno);
      ended_ = broken;
      return false;
    }
    // Only our end: a program that writes to a full pipe expects to wait.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    watch(epoll_, ends[0]);
  }
  fcntl(listener_fd, F_SETFL, O_NONBLOCK);
  fcntl(listener_fd, F_SETFD, FD_CLOEXEC);
  watch(epoll_, signals_);
  watch(epoll_, listener_fd);
  return true;
}

void supervisor::start_step() {
  bool is_program = step_ + 1 == order_.steps.size();
  // Taken before the program runs, so that nothing it writes is older than its start.
  auto started = now_micros();
  auto outcome = launch(order_.steps[step_], order_.environment, order_.working_directory,
                        pipes_[0][1], pipes_[1][1]);
  if (!outcome.problem.empty()) {
    end({.phase = phase::failed,
         .permanent = outcome.permanent,
         .ended_micros = now_micros(),
         .message = outcome.problem});
    return;
  }
  child_ = outcome.pid;
  if (!is_program) return;
  memory_kills_ = out_of_memory_kills();
  running_ = status{.phase = phase::running, .started_micros = started};
  for (int agent : agents_)
    tell(agent, *running_);
  // For later agents, which must not wait for a reply of this process.
  int fd = open(path("started").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  write_whole(fd, encode(*running_));
  close(fd);
}

void supervisor::loop() {
  epoll_event events[16];
  while (!ended_) {
    int count = epoll_wait(epoll_, events, 16, wait_ms());
    bool child_news = false;
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == pipes_[0][0] || fd == pipes_[1][0])
        read_output(fd == pipes_[1][0], /* to_the_end= */ false);
      else if (fd == listener_fd)
        accept_agent();
      else if (fd == signals_)
        child_news = true;
      else
        hear_agent(fd);
    }
    kill_if_due();
    // Last, so that the output of a program that just ended is in the log.
    if (child_news) reap();
  }
}

void supervisor::reap() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) > 0) {
  }
  bool child_ended = false;
  int child_status = 0;
  for (siginfo_t next{}; waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) == 0 && next.si_pid;
       next = {}) {
    int how = 0;
    // Its group, before its number can be reused.
    if (next.si_pid == child_) kill(-child_, SIGKILL);
    waitpid(next.si_pid, &how, 0);
    if (next.si_pid != child_) continue;
    child_ended = true;
    child_status = how;
    child_ = 0;
  }
  if (!child_ended) return;
  bool succeeded = WIFEXITED(child_status) && WEXITSTATUS(child_status) == 0;
  if (succeeded && step_ + 1 < order_.steps.size() && !stopping_) {
    ++step_;
    start_step();
    return;
  }
  status out{.phase = phase::exited, .ended_micros = now_micros()};
  if (WIFSIGNALED(child_status))
    out.signal = WTERMSIG(child_status);
  else
    out.exit_code = WEXITSTATUS(child_status);
  if (running_) {
    out.started_micros = running_->started_micros;
    out.out_of_memory =
        out.signal == SIGKILL && !stopping_ && out_of_memory_kills() > memory_kills_;
  } else if (stopping_ && out.signal == 0) {
    out.signal = SIGTERM;
  } else if (!stopping_) {
    out.phase = phase::failed;
    out.permanent = out.signal == 0;
    out.message = "preparing the replica failed: " + order_.steps[step_][0]
                  + (out.signal ? " was killed by signal " + std::to_string(out.signal)
                                : " ended with status " + std::to_string(out.exit_code));
  }
  end(out);
}

void supervisor::end(status how) {
  end_all();
  // No process is left to write, so the pipes can be read to their end.
  for (bool is_stderr : {false, true})
    read_output(is_stderr, /* to_the_end= */ true);
  log_->finish(nanos(CLOCK_REALTIME));
  if (how.exit_code != 0 || how.signal != 0) {
    auto tail = stderr_tail();
    if (!how.message.empty() && !tail.empty()) how.message += '\n';
    how.message += tail;
  }
  ended_ = std::move(how);
}

void supervisor::store_end() {
  auto text = encode(*ended_);
  if (reserved_ >= 0 && write_whole(reserved_, text)
      && ftruncate(reserved_, off_t(text.size())) == 0)
    rename(path("status.tmp").c_str(), path("status").c_str());
  accept_agent();
  for (int agent : agents_)
    tell(agent, *ended_);
}

void supervisor::read_output(bool is_stderr, bool to_the_end) {
  int fd = pipes_[is_stderr][0];
  // While the replica runs, each stream gets its turn.
  for (int turn = 0; turn < 4 || to_the_end; ++turn) {
    auto n = read(fd, buffer_.data(), buffer_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    log_->append(is_stderr, buffer_.data(), size_t(n), nanos(CLOCK_REALTIME));
    if (!is_stderr) continue;
    size_t kept = std::min(size_t(n), stderr_tail_bytes);
    stderr_end_.append(buffer_.data() + n - kept, kept);
    if (stderr_end_.size() > stderr_tail_bytes)
      stderr_end_.erase(0, stderr_end_.size() - stderr_tail_bytes);
  }
}

void supervisor::accept_agent() {
  for (;;) {
    int fd = accept4(listener_fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    bool ours = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0
                && (peer.uid == geteuid() || peer.uid == 0);
    if (!ours || agents_.size() >= 8) {
      close(fd);
      continue;
    }
    agents_.push_back(fd);
    watch(epoll_, fd);
    if (running_ && !ended_) tell(fd, *running_);
  }
}

void supervisor::hear_agent(int fd) {
  char packet[64];
  auto n = recv(fd, packet, sizeof packet - 1, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    close(fd);
    agents_.erase(std::find(agents_.begin(), agents_.end(), fd));
    return;
  }
  packet[n] = '\0';
  long long grace_ms = 0;
  if (std::sscanf(packet, "stop %lld", &grace_ms) == 1) stop(grace_ms);
}

void supervisor::stop(int64_t grace_ms) {
  auto due = uptime_ms() + std::max<int64_t>(grace_ms, 0);
  if (!stopping_ && child_ > 0) kill(-child_, SIGTERM);
  stopping_ = true;
  kill_at_ms_ = kill_at_ms_ < 0 ? due : std::min(kill_at_ms_, due);
}

void supervisor::kill_if_due() {
  if (kill_at_ms_ < 0 || uptime_ms() < kill_at_ms_) return;
  if (child_ > 0) kill(-child_, SIGKILL);
  if (child_ > 0) kill(child_, SIGKILL);
  kill_at_ms_ = -1;
}

int supervisor::wait_ms() const {
  if (kill_at_ms_ < 0) return -1;
  return int(std::clamp<int64_t>(kill_at_ms_ - uptime_ms(), 0, 1 << 30));
}

void supervisor::tell(int fd, const status& what) {
  auto text = encode(what);
  send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::string supervisor::stderr_tail() const {
  auto end = stderr_end_.find_last_not_of('\n');
  if (end == stderr_end_.npos) return {};
  auto start = end + 1;
  for (int lines = 0; start > 0; --start)
    if (stderr_end_[start - 1] == '\n' && ++lines == stderr_tail_lines) break;
  return stderr_end_.substr(start, end + 1 - start);
}

} // namespace troupe::runtime::shim
