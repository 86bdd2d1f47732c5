#include "python/c10d/channel.hpp"

#include <ATen/core/grad_mode.h>
#include <Python.h>
#include <algorithm>
#include <pthread.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace troupe::backend {
namespace {

// Completing an operation may run Python callbacks, so no thread waits for that with Python's lock.
class without_python_lock {
public:
  without_python_lock()
      : state_(Py_IsInitialized() != 0 && PyGILState_Check() != 0 ? PyEval_SaveThread() : nullptr) {
  }
  without_python_lock(const without_python_lock&) = delete;
  without_python_lock& operator=(const without_python_lock&) = delete;
  ~without_python_lock() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
  }

private:
  PyThreadState* const state_;
};

struct registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<channel>> channels;
  pid_t process = getpid();
};

// Never destroyed: threads of channels may outlive static objects.
registry& all_channels() {
  static auto* const made = new registry;
  return *made;
}

// A forked child has the objects of its parent, but neither the threads nor the connections.
bool forked() { return getpid() != all_channels().process; }

} // namespace

failure last_failure(const std::string& operation, int status) {
  const auto* const name = troupe_error_text(static_cast<troupe_status>(status));
  return failure(operation + ": " + name + ": " + troupe_last_error());
}

work::work(description about, std::shared_ptr<channel> via)
    : Work(about.rank, about.kind, about.title, about.inputs), size_(about.size),
      title_(about.title), outputs_(std::move(about.outputs)), timeout_(about.timeout),
      via_(std::move(via)), future_(c10::make_intrusive<c10::ivalue::Future>(
                                c10::ListType::create(c10::TensorType::get()))) {}

bool work::wait(std::chrono::milliseconds timeout) {
  if (timeout <= kNoTimeout) timeout = timeout_;
  std::unique_lock lock(mutex_);
  const auto in_time = cv_.wait_for(lock, timeout, [this] { return completed_; });
  const auto problem = exception_;
  lock.unlock();
  if (problem) std::rethrow_exception(problem);
  if (in_time) return true;
  const auto why = via_->waiting_for();
  throw failure(c10::str(title_, ": DEADLINE_EXCEEDED: not done on rank ", rank_, " of ", size_,
                         " after ", timeout.count(), " ms", why.empty() ? "" : ": ", why,
                         "; does every rank start this operation? A longer time is set by the "
                         "timeout of init_process_group or new_group"));
}

void work::succeed() {
  future_->markCompleted(c10::IValue(outputs_));
  finish();
}

void work::fail(const std::exception_ptr& problem) {
  future_->setError(problem);
  finish(problem);
}

std::shared_ptr<channel> channel::open(troupe_comm* comm, bool owned) {
  const std::shared_ptr<channel> made(new channel(comm, owned));
  auto& registered = all_channels();
  {
    const std::lock_guard lock(registered.mutex);
    std::erase_if(registered.channels, [](const auto& other) { return other.expired(); });
    registered.channels.push_back(made);
  }
  // The thread keeps the channel alive: it may be the one that drops the last process group.
  const std::lock_guard lock(made->mutex_);
  std::thread completer([made] { made->run(); });
  pthread_setname_np(completer.native_handle(), "troupe-c10d");
  made->completer_ = completer.get_id();
  completer.detach();
  return made;
}

void channel::submit(const starter& start, std::function<void()> finish,
                     c10::intrusive_ptr<work> result) {
  if (forked())
    throw failure(std::string(result->title())
                  + ": FAILED_PRECONDITION: a forked child cannot "
                    "use a process group of its parent");
  const std::lock_guard lock(mutex_);
  if (closing_)
    throw failure(std::string(result->title())
                  + ": FAILED_PRECONDITION: the process group was destroyed");
  troupe_request* request = nullptr;
  const auto status = start(comm_, &request);
  if (status != TROUPE_OK) throw last_failure(result->title(), status);
  queue_.push_back({request, std::move(finish), std::move(result)});
  ++under_way_;
  wake_.notify_one();
}

void channel::choose_wire(troupe_wire wire) {
  const std::lock_guard lock(mutex_);
  if (closing_) throw failure("set_wire: FAILED_PRECONDITION: the process group was destroyed");
  const auto status = troupe_set_wire(comm_, wire);
  if (status != TROUPE_OK) throw last_failure("set_wire", status);
}

std::string channel::waiting_for() {
  const std::lock_guard lock(mutex_);
  troupe_stats stats{};
  stats.struct_size = sizeof stats;
  if (comm_ == nullptr || troupe_get_stats(comm_, &stats) != TROUPE_OK) return {};
  return stats.waiting_for;
}

void channel::complete(entry& next) {
  std::exception_ptr problem;
  const auto status = troupe_wait(next.request);
  try {
    if (status != TROUPE_OK) throw last_failure(next.result->title(), status);
    const at::NoGradGuard no_grad;
    next.finish();
  } catch (...) {
    problem = std::current_exception();
  }
  next.finish = nullptr;
  if (problem)
    next.result->fail(problem);
  else
    next.result->succeed();
}

void channel::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !queue_.empty() || comm_ == nullptr; });
    if (queue_.empty()) break;
    {
      auto next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      complete(next);
    } // the last reference to an array may go here, without the lock
    lock.lock();
    --under_way_;
    changed_.notify_all();
  }
  ended_ = true;
  changed_.notify_all();
}

void channel::close(std::chrono::milliseconds patience) {
  if (forked()) return;
  const without_python_lock freely;
  std::unique_lock lock(mutex_);
  if (closing_) return;
  closing_ = true;
  const bool inside = std::this_thread::get_id() == completer_;
  if (!inside) changed_.wait_for(lock, patience, [this] { return under_way_ == 0; });
  auto* const comm = std::exchange(comm_, nullptr);
  const bool idle = under_way_ == 0;
  wake_.notify_one();
  lock.unlock();
  // The end of a communicator that this channel owns fails the operations that are still under way.
  // A communicator of others is not this channel's to end.
  if (owned_) troupe_finalize(comm);
  lock.lock();
  if (!inside && (idle || owned_)) changed_.wait(lock, [this] { return ended_; });
}

void channel::close_all(std::chrono::milliseconds patience) {
  if (forked()) return;
  auto& registered = all_channels();
  std::unique_lock lock(registered.mutex);
  const auto channels = std::exchange(registered.channels, {});
  lock.unlock();
  for (const auto& one : channels)
    if (const auto still = one.lock()) still->close(patience);
}

} // namespace troupe::backend
