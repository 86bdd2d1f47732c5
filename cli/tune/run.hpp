// The loop of `troupe tune`: gets suggestions, runs each as a process, reads its metrics, stops the
// trials that the study's rules give up, and writes every fact to the journal before it acts on it.
// All of it runs on the reactor's thread.
#pragma once

#include "cli/tune/command.hpp"
#include "cli/tune/process.hpp"
#include "cli/tune/settings.hpp"
#include "cli/tune/store.hpp"
#include "cli/tune/trials.hpp"
#include "runtime/metric_file.hpp"
#include "runtime/reactor.hpp"

#include <functional>
#include <map>
#include <memory>

namespace troupe::cli {

using tuned_job = wire::frame<wire::HyperparameterTuningJob>;

struct tune_events {
  std::function<void()> changed;                    // the display is to be redrawn
  std::function<void(wire::Trial::Reader)> started; // also when it is started again
  std::function<void(wire::Trial::Reader)> ended;
  std::function<void()> finished; // nothing runs any more; the last event
};

class tune_runner {
public:
  /// `environment` is what trials inherit, as NAME=value.
  tune_runner(runtime::reactor&, const tune_settings&, const command_template&, tune_store&,
              std::vector<std::string> environment, tune_events);
  ~tune_runner();
  tune_runner(const tune_runner&) = delete;

  void start();
  /// Stops the trials that run, and leaves them unfinished; a second call kills them.
  void interrupt();

  /// The present study, as the API shows a tuning job: its state, its trials, the best ones.
  tuned_job job() const;

  /// The reason of an end before the last trial; empty if there is none.
  const std::string& reason() const { return reason_; }
  /// The error that ended it, if neither the study nor a person did.
  const std::optional<error>& problem() const { return problem_; }

private:
  using state = wire::Trial::State;
  struct running {
    size_t index = 0;
    tune_process process;
    runtime::metric_history history;
    std::vector<wire::metric_point> points;
    program_end end;
    runtime::reactor::ticket ended = 0, metrics = 0, poll = 0, overdue = 0, kill = 0;
    bool stopping = false;
  };
  using running_map = std::map<size_t, std::unique_ptr<running>>;

  void fill();
  bool may_begin_another();
  bool suggest_one();
  void launch(size_t index);
  bool watch(running&);
  void poll_metrics(size_t index);
  void read_metrics(running&);
  void take(running&, std::vector<wire::metric_point> points);
  void read_output(running&);
  void stop_hopeless();
  void stop(running&);
  void on_end(size_t index);
  void conclude(size_t index, const program_end& end, std::span<const wire::metric_point> points);
  void look_again(std::optional<int64_t> at_micros);
  void finish(wire::JobState, std::string reason);
  void fail_run(const error&);
  void settle();
  void drop(running&);
  std::vector<std::string> environment_of(wire::Trial::Reader) const;
  std::filesystem::path metric_file_of(wire::Trial::Reader) const;
  wire::StudySpec::Reader study() const { return settings_.job->getStudySpec(); }

  runtime::reactor& reactor_;
  const tune_settings& settings_;
  const command_template& command_;
  tune_store& store_;
  const std::vector<std::string> environment_;
  const tune_events events_;
  std::vector<trial_frame> trials_; // trial n at n - 1
  running_map running_;             // by index
  int64_t started_micros_ = 0;
  wire::JobState end_ = wire::JobState::UNSPECIFIED; // decided; holds once nothing runs
  std::string reason_;
  std::optional<error> problem_;
  bool finished_ = false;
  runtime::reactor::ticket look_again_ = 0;
};

} // namespace troupe::cli
