#include "link/link_loop.hpp"

#include "link/tls.hpp"

#include <kj/async-unix.h>

#include <cstdlib>
#include <future>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace troupe::link {

link_loop::link_loop() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0)
    std::abort(); // out of descriptors before the first connection: nothing could work
}

link_loop::~link_loop() { ::close(wake_fd_); }

void link_loop::post(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  ::eventfd_write(wake_fd_, 1);
}

void link_loop::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  ::eventfd_write(wake_fd_, 1);
}

std::vector<std::function<void()>> link_loop::collect() {
  eventfd_t count = 0;
  ::eventfd_read(wake_fd_, &count);
  std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void link_loop::serve(kj::AsyncIoContext& io) {
  kj::UnixEventPort::FdObserver observer(io.unixEventPort, wake_fd_,
                                         kj::UnixEventPort::FdObserver::OBSERVE_READ);
  for (;;) {
    observer.whenBecomesReadable().wait(io.waitScope);
    for (auto& task : collect())
      task();
    std::lock_guard lock(mutex_);
    if (stopped_) return;
  }
}

result<std::unique_ptr<link_thread>> link_thread::start(factory make) {
  std::unique_ptr<link_thread> self(new link_thread);
  std::promise<result<>> made;
  auto outcome = made.get_future();
  self->thread_ = std::thread([loop = self->loop_, make = std::move(make), &made] {
    auto io = kj::setupAsyncIo();
    auto tenant = make(io, loop);
    if (!tenant) return made.set_value(std::unexpected(tenant.error()));
    made.set_value({});
    loop->serve(io);
    // A peer that is no more must not hold up the end.
    auto bound = io.provider->getTimer().afterDelay(300 * kj::MILLISECONDS);
    auto broken = kj::runCatchingExceptions(
        [&] { (*tenant)->wind_down().exclusiveJoin(kj::mv(bound)).wait(io.waitScope); });
    (void)broken; // whatever it was, its session is over
    tenant->reset();
  });
  if (auto ready = outcome.get(); !ready) return std::unexpected(ready.error());
  return self;
}

link_thread::~link_thread() {
  loop_->stop();
  thread_.join();
}

} // namespace troupe::link
