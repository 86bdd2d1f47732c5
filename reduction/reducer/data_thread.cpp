#include "reduction/reducer/data_thread.hpp"

#include <algorithm>
#include <future>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

namespace troupe::reduction {
namespace {

// How often the control thread learns which ranks the shards wait for.
constexpr milliseconds publish_every{100};
// After a chunk of a short operation another one is likely, and waking takes longer than the
// operation itself. Meanwhile the core is yielded to others.
constexpr std::chrono::microseconds brief_spin_time{200};

} // namespace

data_thread::data_thread(uint32_t index, uint32_t spin_us)
    : spin_us_(spin_us), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  thread_ = std::thread([this, index] {
    pthread_setname_np(pthread_self(), fmt::format("troupe-data-{}", index).c_str());
    run();
  });
}

data_thread::~data_thread() {
  stopping_ = true;
  eventfd_write(wake_fd_.value(), 1);
  thread_.join();
}

void data_thread::post(std::function<void()> task) {
  {
    const mutex_lock lock(mutex_);
    tasks_.push_back(std::move(task));
    has_tasks_.store(true, std::memory_order_release);
  }
  eventfd_write(wake_fd_.value(), 1);
}

void data_thread::add(std::shared_ptr<data_unit> unit) {
  post([this, unit = std::move(unit)] { units_.push_back(unit); });
}

void data_thread::remove(const std::shared_ptr<data_unit>& unit, bool abandoned) {
  std::promise<void> gone;
  post([&] {
    std::erase(units_, unit);
    if (abandoned)
      unit->data->abandon();
    else
      unit->data->close_endpoints();
    unit->data.reset();
    gone.set_value();
  });
  gone.get_future().wait();
}

void data_thread::run() {
  auto last_event = steady_clock::now();
  auto last_brief = last_event - brief_spin_time;
  auto next_publication = last_event;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (has_tasks_.load(std::memory_order_acquire)) run_tasks();
    const bool any = drive();
    const auto now = steady_clock::now();
    if (any) last_event = now;
    for (auto& each : units_)
      if (any && each->host->had_brief()) last_brief = now;
    if (now >= next_publication) {
      publish_waiting();
      next_publication = now + publish_every;
    }
    if (any || now - last_event < std::chrono::microseconds(spin_us_)) continue;
    if (now - last_brief < brief_spin_time)
      std::this_thread::yield();
    else
      sleep();
  }
}

void data_thread::run_tasks() {
  std::list<std::function<void()>> tasks;
  {
    const mutex_lock lock(mutex_);
    tasks.swap(tasks_);
    has_tasks_.store(false, std::memory_order_relaxed);
  }
  for (auto& each : tasks)
    each();
}

bool data_thread::drive() {
  bool any = false;
  for (auto& each : units_) {
    any |= each->data->progress();
    any |= each->host->catch_up();
  }
  return any;
}

void data_thread::sleep() {
  std::vector<pollfd> fds{{wake_fd_.value(), POLLIN, 0}};
  for (auto& each : units_) {
    if (!each->data->arm()) return;
    fds.push_back({each->data->event_fd(), POLLIN, 0});
  }
  poll(fds.data(), fds.size(), units_.empty() ? -1 : static_cast<int>(publish_every.count()));
  eventfd_t ignored = 0;
  if (fds[0].revents != 0) eventfd_read(wake_fd_.value(), &ignored);
}

void data_thread::publish_waiting() {
  for (auto& each : units_) {
    auto waiting = each->host->oldest_waiting();
    const mutex_lock lock(each->mutex);
    each->waiting = std::move(waiting);
  }
}

} // namespace troupe::reduction
