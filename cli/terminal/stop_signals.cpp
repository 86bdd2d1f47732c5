#include "cli/terminal/stop_signals.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe::cli {

namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

} // namespace

stop_signals::stop_signals() {
  const auto set = stop_set();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

stop_signals::~stop_signals() {
  if (fd_ >= 0) ::close(fd_);
}

void stop_signals::wait() {
  const auto set = stop_set();
  int received = 0;
  while (::sigwait(&set, &received) != 0) {
  }
}

result<int> stop_signals::descriptor() {
  const auto set = stop_set();
  fd_ = ::signalfd(fd_, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0) return fail(errc::internal, "cannot listen for signals: {}", std::strerror(errno));
  return fd_;
}

} // namespace troupe::cli
