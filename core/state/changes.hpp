// What a step leaves for the shell: records to write, orders, replies and requests to the tuner. The
// parts mark what they changed; the end of the step writes each marked record once, as it is then.
// Nothing else of core makes a write, an order or a reply.
#pragma once

#include "core/state/cluster_state.hpp"
#include "core/state/effects.hpp"

#include <functional>
#include <utility>

namespace troupe::core {

class changes {
public:
  explicit changes(cluster_state& state) : state_(state) {}

  // -- the step --
  void begin(uint64_t request);
  /// Writes what was marked and, if anything changed, the event and the cluster's record.
  effects finish(const wire::frame<wire::Event>&);
  /// For a recovery, which is no event: what was sent and put so far, with the cluster's record.
  effects finish_recovery();

  // -- marks --
  void changed() { touched_ = true; } // only what is volatile; the event is stored
  void changed(const custom_job& job) { jobs_.insert(job.id), touched_ = true; } // the resource
  void changed_attempt(const custom_job& job) { attempts_.insert(job.id), touched_ = true; }
  void changed(const study& s) { studies_.insert(s.id), touched_ = true; }
  void changed(const study& s, const trial& t) {
    trials_.insert({s.id, t.number}), touched_ = true;
  }
  void changed(const node& n) { nodes_.insert(n.name), touched_ = true; }
  void put_operation(uint64_t id, wire::frame<wire::Operation>);

  // -- erasures --
  /// The job's resource and log lines. Its attempt stays until the last replica has stopped.
  void erase_resource(const custom_job&);
  /// At the end of the step: a deleted job whose last replica has stopped.
  void drop(const custom_job& job) { dropped_.insert(job.id); }
  void erase(const tuning_job&);
  void erase(const client_study&);

  // -- replies to the command of this step --
  void answer(wire::frame<wire::Outcome>);
  void answer_error(errc, std::string message);
  /// There is no resource of this id in the command's project and location.
  void answer_missing(wire::Command::Reader, std::string_view collection, uint64_t id);
  void answer_problems(const std::vector<std::string>&);
  void answer_empty();
  void answer_operation(uint64_t id);
  void answer_deletion(std::string_view project, std::string_view location);

  // -- everything else that leaves --
  /// Nothing is sent to a node that is not connected.
  void send(const node&, const std::function<void(wire::Order::Builder)>& fill);
  void ask(suggestion_request request) { out_.suggestion_requests.push_back(std::move(request)); }
  void ask(stopping_request request) { out_.stopping_requests.push_back(std::move(request)); }
  void refuse(refusal refused) { out_.refusals.push_back(std::move(refused)); }
  /// A line of the job's service log.
  void log(custom_job&, std::string_view severity, std::string message);
  /// Why the job waits, or what it is doing.
  void explain(custom_job&, std::string reason);

private:
  void write_records();
  void write_studies();
  void write_cluster_record();

  cluster_state& state_;
  effects out_;
  uint64_t request_ = 0;
  bool touched_ = false;
  std::set<uint64_t> jobs_;
  std::set<uint64_t> attempts_;
  std::set<uint64_t> dropped_;
  std::set<uint64_t> studies_;
  std::set<std::pair<uint64_t, uint32_t>> trials_; // study or tuning job, trial
  std::set<std::string> nodes_;
  std::map<uint64_t, wire::frame<wire::Operation>> operations_;
};

} // namespace troupe::core
