// Which mutex guards what, written as attributes that clang's -Wthread-safety checks
// (scripts/check-thread-safety). Under gcc, which builds Troupe, the macros are empty.
//
//   checked_mutex mutex_;
//   uint32_t waiters_ TROUPE_GUARDED_BY(mutex_) = 0;      reading it without the mutex is an error
//   void count() TROUPE_REQUIRES(mutex_);                 so is calling it without the mutex
//
// The analysis looks at one function at a time, and a lambda is a function of its own: one that
// runs with the mutex held says so with mutex_.assert_held(), which does nothing at run time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#ifdef __clang__
#define TROUPE_THREAD_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define TROUPE_THREAD_ATTRIBUTE(...)
#endif

/// The class is a lock.
#define TROUPE_CAPABILITY(name) TROUPE_THREAD_ATTRIBUTE(capability(name))
/// The class holds a lock from its constructor to its destructor.
#define TROUPE_SCOPED_CAPABILITY TROUPE_THREAD_ATTRIBUTE(scoped_lockable)
/// The member is read and written with the mutex held.
#define TROUPE_GUARDED_BY(...) TROUPE_THREAD_ATTRIBUTE(guarded_by(__VA_ARGS__))
/// What the pointer leads to is used with the mutex held.
#define TROUPE_PT_GUARDED_BY(...) TROUPE_THREAD_ATTRIBUTE(pt_guarded_by(__VA_ARGS__))
/// The caller holds the mutex.
#define TROUPE_REQUIRES(...) TROUPE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
/// The caller does not hold the mutex: the function takes it.
#define TROUPE_EXCLUDES(...) TROUPE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define TROUPE_ACQUIRE(...) TROUPE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TROUPE_RELEASE(...) TROUPE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define TROUPE_ASSERT_CAPABILITY(...) TROUPE_THREAD_ATTRIBUTE(assert_capability(__VA_ARGS__))
/// For functions whose locking cannot be said in attributes; the comment beside says why.
#define TROUPE_UNCHECKED_LOCKING TROUPE_THREAD_ATTRIBUTE(no_thread_safety_analysis)
#define TROUPE_RETURN_CAPABILITY(...) TROUPE_THREAD_ATTRIBUTE(lock_returned(__VA_ARGS__))

namespace troupe {

/// std::mutex, known to the analysis.
class TROUPE_CAPABILITY("mutex") checked_mutex {
public:
  void lock() TROUPE_ACQUIRE() { inner_.lock(); }
  void unlock() TROUPE_RELEASE() { inner_.unlock(); }
  /// For lambdas that run with the mutex held; tells the analysis only.
  void assert_held() const TROUPE_ASSERT_CAPABILITY(this) {}

private:
  friend class mutex_lock;
  std::mutex inner_;
};

/// Holds a checked_mutex for a scope. Waiting gives the mutex up meanwhile; conditions are checked
/// in a loop around wait(), where the analysis sees them, and not in a predicate.
class TROUPE_SCOPED_CAPABILITY mutex_lock {
public:
  explicit mutex_lock(checked_mutex& mutex) TROUPE_ACQUIRE(mutex) : lock_(mutex.inner_) {}
  ~mutex_lock() TROUPE_RELEASE() {}
  mutex_lock(const mutex_lock&) = delete;
  mutex_lock& operator=(const mutex_lock&) = delete;

  void wait(std::condition_variable& changed) { changed.wait(lock_); }
  /// False when the time has passed.
  template <class Time>
  bool wait_until(std::condition_variable& changed, Time deadline) {
    return changed.wait_until(lock_, deadline) == std::cv_status::no_timeout;
  }

private:
  std::unique_lock<std::mutex> lock_;
};

} // namespace troupe
