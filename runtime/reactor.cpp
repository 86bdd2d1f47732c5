#include "runtime/reactor.hpp"

#include <algorithm>
#include <future>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace troupe::runtime {

namespace {

// Tickets count from 1; these stand for the reactor's own descriptors.
constexpr uint64_t wake_mark = ~0ull;
constexpr uint64_t inotify_mark = ~0ull - 1;

bool add(int epoll, int fd, uint64_t mark) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = mark;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

} // namespace

result<std::unique_ptr<reactor>> reactor::create() {
  std::unique_ptr<reactor> out(new reactor);
  out->epoll_ = unique_fd(epoll_create1(EPOLL_CLOEXEC));
  out->wake_ = unique_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // If inotify has no instance left, watch_files() reports that, and its caller polls instead.
  out->inotify_ = unique_fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!out->epoll_ || !out->wake_ || !add(out->epoll_.value(), out->wake_.value(), wake_mark))
    return fail(errc::resource_exhausted,
                "cannot wait for events: {}; raise the limit of open files "
                "(ulimit -n)",
                last_problem());
  if (out->inotify_) add(out->epoll_.value(), out->inotify_.value(), inotify_mark);
  out->thread_ = std::thread([self = out.get()] { self->loop(); });
  return out;
}

reactor::~reactor() {
  ending_ = true;
  eventfd_write(wake_.value(), 1);
  if (thread_.joinable()) thread_.join();
}

void reactor::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  eventfd_write(wake_.value(), 1);
}

void reactor::run(std::function<void()> work) {
  if (std::this_thread::get_id() == thread_.get_id()) return work();
  std::promise<void> done;
  post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

reactor::ticket reactor::watch(int fd, std::function<void()> ready) {
  if (!add(epoll_.value(), fd, ++last_)) return 0;
  descriptors_.emplace(last_,
                       std::pair(fd, std::make_shared<std::function<void()>>(std::move(ready))));
  return last_;
}

reactor::ticket reactor::after(std::chrono::milliseconds delay, std::function<void()> due) {
  auto at = clock::now() + delay;
  timers_.emplace(std::pair(at, ++last_), std::make_shared<std::function<void()>>(std::move(due)));
  due_.emplace(last_, at);
  return last_;
}

reactor::ticket reactor::watch_files(const std::filesystem::path& directory,
                                     std::function<void()> changed) {
  if (!inotify_) return 0;
  int watch = inotify_add_watch(inotify_.value(), directory.c_str(),
                                IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR);
  if (watch < 0) return 0;
  files_.emplace(++last_,
                 std::pair(watch, std::make_shared<std::function<void()>>(std::move(changed))));
  file_tickets_[watch] = last_;
  return last_;
}

void reactor::drop(ticket what) {
  if (auto found = descriptors_.find(what); found != descriptors_.end()) {
    epoll_ctl(epoll_.value(), EPOLL_CTL_DEL, found->second.first, nullptr);
    descriptors_.erase(found);
  } else if (auto due = due_.find(what); due != due_.end()) {
    timers_.erase({due->second, what});
    due_.erase(due);
  } else if (auto file = files_.find(what); file != files_.end()) {
    inotify_rm_watch(inotify_.value(), file->second.first);
    file_tickets_.erase(file->second.first);
    files_.erase(file);
  }
}

void reactor::loop() {
  prctl(PR_SET_NAME, "troupe-runtime");
  epoll_event events[64];
  while (!ending_) {
    int count = epoll_wait(epoll_.value(), events, 64, wait_ms());
    for (int i = 0; i < count && !ending_; ++i) {
      auto mark = events[i].data.u64;
      if (mark == wake_mark) {
        run_posted();
      } else if (mark == inotify_mark) {
        read_file_events();
      } else if (auto found = descriptors_.find(mark); found != descriptors_.end()) {
        // A copy keeps the callback alive while it drops itself.
        auto ready = found->second.second;
        (*ready)();
      }
    }
    run_timers();
  }
}

void reactor::run_posted() {
  eventfd_t count;
  eventfd_read(wake_.value(), &count);
  std::vector<std::function<void()>> work;
  {
    std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (auto& each : work)
    each();
}

void reactor::run_timers() {
  auto now = clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto due = timers_.begin()->second;
    due_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
    (*due)();
  }
}

void reactor::read_file_events() {
  alignas(inotify_event) char buffer[16 << 10];
  std::vector<ticket> changed;
  for (ssize_t n; (n = read(inotify_.value(), buffer, sizeof buffer)) > 0;)
    for (char* at = buffer; at < buffer + n;) {
      auto* event = reinterpret_cast<inotify_event*>(at);
      at += sizeof *event + event->len;
      if (event->mask & IN_Q_OVERFLOW)
        for (auto& [id, watch] : files_)
          changed.push_back(id);
      else if (auto found = file_tickets_.find(event->wd); found != file_tickets_.end())
        changed.push_back(found->second);
    }
  // Many writes cause one call.
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (auto id : changed)
    if (auto found = files_.find(id); found != files_.end()) {
      auto call = found->second.second;
      (*call)();
    }
}

int reactor::wait_ms() const {
  if (timers_.empty()) return -1;
  auto left = timers_.begin()->first.first - clock::now();
  return int(
      std::clamp<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0, 1 << 30));
}

} // namespace troupe::runtime
