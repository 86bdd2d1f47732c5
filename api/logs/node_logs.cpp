#include "api/logs/node_logs.hpp"

#include "base/thread_annotations.hpp"

#include <condition_variable>
#include <memory>

namespace troupe::api {

namespace {

/// Collects the answers. Shared with the callbacks, because an answer may arrive after the reader
/// has given up.
class answer_box {
public:
  explicit answer_box(size_t count) : answers_(count), missing_(count) {}

  void put(size_t index, result<wire::frame<wire::LogChunk>> answer) {
    {
      mutex_lock lock(mutex_);
      if (!answers_[index]) --missing_;
      answers_[index] = std::move(answer);
    }
    arrived_.notify_all();
  }

  std::vector<node_answer> wait(std::chrono::steady_clock::time_point deadline,
                                const std::atomic<bool>& stopping) {
    mutex_lock lock(mutex_);
    // In short slices: nothing notifies the condition variable when the server stops.
    for (auto now = std::chrono::steady_clock::now(); missing_ > 0 && !stopping && now < deadline;
         now = std::chrono::steady_clock::now())
      lock.wait_until(arrived_, now + std::chrono::milliseconds(100));
    return answers_;
  }

private:
  checked_mutex mutex_;
  std::condition_variable arrived_;
  std::vector<node_answer> answers_ TROUPE_GUARDED_BY(mutex_);
  size_t missing_ TROUPE_GUARDED_BY(mutex_);
};

} // namespace

std::vector<node_answer> read_nodes(backend& cluster, const std::vector<node_query>& queries,
                                    std::chrono::steady_clock::time_point deadline,
                                    const std::atomic<bool>& stopping) {
  auto box = std::make_shared<answer_box>(queries.size());
  for (size_t index = 0; index < queries.size(); ++index)
    cluster.read_logs(queries[index].node, queries[index].query,
                      [box, index](result<wire::frame<wire::LogChunk>> answer) {
                        box->put(index, std::move(answer));
                      });
  return box->wait(deadline, stopping);
}

} // namespace troupe::api
