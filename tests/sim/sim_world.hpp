// The simulated cluster: virtual time, the controller (which may die between any two of its
// actions), agents, users, a tuner and the faults between them; all from one seed.
#pragma once

#include "store/store.hpp"
#include "tests/sim/sim_agent.hpp"

#include <functional>
#include <memory>
#include <set>

namespace troupe::sim {

inline constexpr int64_t second = 1'000'000;

/// An event at this time.
wire::frame<wire::Event> at(int64_t now, const std::function<void(wire::Event::Builder)>& fill);

class sim_world {
public:
  explicit sim_world(uint64_t seed);

  /// Faults and work for a while, then peace, then the checks. Throws violation.
  void run();

  chance& dice() { return dice_; }
  int64_t now() const { return now_; }
  bool peace() const { return peace_; }
  void after(int64_t delay, std::function<void()> action) {
    agenda_.emplace(now_ + delay, std::move(action));
  }
  /// From an agent over its link, if that still stands when it arrives.
  void deliver(sim_agent&, wire::frame<wire::Event>);
  void link_lost(sim_agent&, uint64_t session);
  void arrive(sim_agent&);
  bool controller_up() const { return cluster_ != nullptr; }
  bool runs_for_ever(uint64_t job) const { return eternal_.contains(job); }

private:
  void found();
  void step(const wire::frame<wire::Event>&);
  void commit(const core::effects&);
  void send(core::effects);
  void crash();
  void recover();
  void tick();
  void advance_until(int64_t end);
  void user();
  void command(const std::function<void(wire::Command::Builder)>& fill);
  void submit();
  void submit_study();
  void resume_study();
  void research();
  void answer(const core::suggestion_request&);
  void answer(const core::stopping_request&);
  void trouble();
  void compare_with_replay();
  void check_acknowledged();
  void check_peace();
  uint64_t any_job();

  chance dice_;
  core::settings settings_;
  int64_t now_ = 1'000'000'000 * second;
  bool peace_ = false;
  std::multimap<int64_t, std::function<void()>> agenda_;
  std::unique_ptr<store::database> db_;
  std::unique_ptr<core::cluster> cluster_;
  std::vector<std::unique_ptr<sim_agent>> agents_;
  std::map<std::string, uint64_t> sessions_; // that the controller knows

  std::map<std::string, int64_t> last_order_; // when the last order on a link arrives

  // The log replayed by a controller that never died.
  std::unique_ptr<store::database> replay_db_;
  std::unique_ptr<core::cluster> replay_;

  uint64_t request_ = 0;
  std::map<uint64_t, std::string> asked_;    // requests under way
  std::set<uint64_t> jobs_;                  // acknowledged
  std::set<uint64_t> studies_;               // tuning jobs
  std::set<uint64_t> client_studies_;        // studies of Vizier's
  std::set<uint64_t> deletions_;             // asked for, so they may be gone
  std::set<uint64_t> eternal_;               // their primaries run until they are stopped
  std::map<std::string, std::string> ended_; // the stored record of each terminal job
};

} // namespace troupe::sim
