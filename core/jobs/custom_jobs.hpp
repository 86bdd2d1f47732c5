// The life of a custom job: created, cancelled, deleted, running, ended, as in
// Vertex AI. Owns the state, the times and the error of each job. Its replicas belong to its attempt
// (attempts.hpp), which reports here.
#pragma once

#include "core/jobs/attempts.hpp"
#include "core/jobs/job_observer.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::core {

class custom_jobs : private attempt_observer {
public:
  custom_jobs(cluster_state&, changes&, scheduler&, attempts&);
  void observe(job_observer& observer) { observer_ = &observer; }

  // -- commands --
  void create(wire::CustomJob::Reader, wire::Command::Reader, std::string_view secret);
  void cancel(uint64_t id, wire::Command::Reader);
  void remove(uint64_t id, wire::Command::Reader);

  // -- for those above --
  /// A job that is queued at once.
  custom_job& add(wire::frame<wire::CustomJob> named, uint64_t id, std::string project,
                  std::string location, std::string token);
  /// Nothing happens to a job that has ended or is being cancelled.
  void cancel(custom_job&);
  /// The resource of a job that has ended. Its places stay taken until its replicas have stopped.
  void erase_resource(custom_job&);

  /// A time limit may have passed.
  void timer(custom_job&);

private:
  void all_started(custom_job&) override;
  void decided(custom_job&, wire::JobState, std::optional<failure>) override;
  void cancelled(custom_job&) override;
  void end(custom_job&, wire::JobState, std::optional<failure>);
  custom_job* find(uint64_t id, wire::Command::Reader);

  cluster_state& state_;
  changes& out_;
  scheduler& scheduler_;
  attempts& attempts_;
  job_observer* observer_ = nullptr;
};

} // namespace troupe::core
