// The one queue of what is due when: each node, job and study has at most one entry, so that what has
// ended leaves nothing behind. Among what is due, nodes come before jobs and jobs before studies,
// since the loss of a node may end jobs, and the end of jobs a study; within a kind by time, then id.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

namespace troupe::core {

enum class timer_kind : uint8_t { node, job, study };

struct timer {
  timer_kind kind = timer_kind::node;
  uint64_t id = 0;  // of the job, study or tuning job
  std::string node; // of a node: its name

  auto operator<=>(const timer&) const = default;

  static timer of_node(std::string name) { return {timer_kind::node, 0, std::move(name)}; }
  static timer of_job(uint64_t id) { return {timer_kind::job, id, {}}; }
  static timer of_study(uint64_t id) { return {timer_kind::study, id, {}}; }
};

class timers {
public:
  /// In place of the entry that it had.
  void arm(const timer&, int64_t due_micros);
  void disarm(const timer&);

  /// The next entry that is due, taken out; nothing if none is.
  std::optional<timer> take_due(int64_t now_micros);

  /// When the first entry is due.
  std::optional<int64_t> first_micros() const;

private:
  std::map<timer, int64_t> due_micros_;
  std::set<std::tuple<timer_kind, int64_t, timer>> order_;
};

} // namespace troupe::core
