#include "api/logs/node_logs.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace troupe::api {

namespace {

/// Collects the answers. Shared with the callbacks, because an answer may arrive after the reader
/// has given up.
struct answer_box {
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<node_answer> answers;
  size_t missing = 0;

  void put(size_t index, result<wire::frame<wire::LogChunk>> answer) {
    {
      std::lock_guard lock(mutex);
      if (!answers[index]) --missing;
      answers[index] = std::move(answer);
    }
    arrived.notify_all();
  }
};

} // namespace

std::vector<node_answer> read_nodes(backend& cluster, const std::vector<node_query>& queries,
                                    std::chrono::steady_clock::time_point deadline,
                                    const std::atomic<bool>& stopping) {
  auto box = std::make_shared<answer_box>();
  box->answers.resize(queries.size());
  box->missing = queries.size();
  for (size_t index = 0; index < queries.size(); ++index)
    cluster.read_logs(queries[index].node, queries[index].query,
                      [box, index](result<wire::frame<wire::LogChunk>> answer) {
                        box->put(index, std::move(answer));
                      });
  std::unique_lock lock(box->mutex);
  // In short slices: nothing notifies the condition variable when the server stops.
  while (box->missing > 0 && !stopping && std::chrono::steady_clock::now() < deadline)
    box->arrived.wait_for(lock, std::chrono::milliseconds(100));
  return box->answers;
}

} // namespace troupe::api
