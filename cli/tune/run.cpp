#include "cli/tune/run.hpp"

#include "base/files.hpp"
#include "cli/terminal/format.hpp"
#include "cli/tune/metrics.hpp"
#include "core/studies/measurements.hpp"
#include "runtime/leftovers.hpp"
#include "tuner/best.hpp"
#include "tuner/failures.hpp"
#include "tuner/gp/keep_memory.hpp"
#include "tuner/objective.hpp"
#include "tuner/stopping/stopping.hpp"
#include "tuner/stopping/study_end.hpp"
#include "tuner/suggest.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace troupe::cli {

namespace {

using std::chrono::milliseconds;
using wire::JobState;

constexpr auto grace = milliseconds(10'000);     // between SIGTERM and SIGKILL
constexpr auto metrics_pause = milliseconds(20); // for a file that is written all the time
constexpr auto metrics_poll = milliseconds(500); // if the system reports no changes of the file
constexpr size_t points_max = 1000;
constexpr off_t output_read_max = 1 << 20;

int64_t now_micros() {
  return std::chrono::duration_cast<micros>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// The end of a file that may be large; empty if there is none.
std::string tail_of(const std::filesystem::path& path, off_t most) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return {};
  const auto size = ::lseek(fd.value(), 0, SEEK_END);
  std::string out(static_cast<size_t>(std::clamp<off_t>(size, 0, most)), '\0');
  const auto got = ::pread(fd.value(), out.data(), out.size(), std::max<off_t>(0, size - most));
  out.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return out;
}

} // namespace

tune_runner::tune_runner(runtime::reactor& reactor, const tune_settings& settings,
                         const command_template& command, tune_store& store,
                         std::vector<std::string> environment, tune_events events)
    : reactor_(reactor), settings_(settings), command_(command), store_(store),
      environment_(std::move(environment)), events_(std::move(events)),
      trials_(store.stored().trials) {
  tuner::gp::keep_freed_memory();
}

tune_runner::~tune_runner() {
  for (auto& [index, one] : running_)
    drop(*one);
  reactor_.drop(look_again_);
}

void tune_runner::start() {
  started_micros_ = now_micros();
  fill();
}

void tune_runner::interrupt() {
  if (end_ == JobState::CANCELLED) {
    for (auto& [index, one] : running_)
      one->process.signal(SIGKILL);
    return;
  }
  finish(JobState::CANCELLED, "interrupted");
}

tuned_job tune_runner::job() const {
  return settings_.job.with([&](wire::HyperparameterTuningJob::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials_.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      list.setWithCaveats(i, *trials_[i]);
    built.initCreateTime().setMicros(store_.stored().create_micros);
    built.initStartTime().setMicros(started_micros_);
    built.setState(finished_ ? end_ : JobState::RUNNING);
    if (finished_ && end_ != JobState::SUCCEEDED) built.initError().setMessage(wire::text(reason_));
    tuner::mark_best(built);
  });
}

/// Starts as many trials as may run, and ends the study if none is left. It requests one suggestion
/// at a time: so the next one depends on the trials alone, and not on the number requested at once.
void tune_runner::fill() {
  const auto room = static_cast<size_t>(settings_.job->getParallelTrialCount());
  for (size_t i = 0; i < trials_.size() && running_.size() < room; ++i)
    if (end_ == JobState::UNSPECIFIED && !has_ended(*trials_[i]) && !running_.contains(i))
      launch(i);
  while (running_.size() < room && may_begin_another())
    if (!suggest_one()) break;
  settle();
}

bool tune_runner::may_begin_another() {
  if (end_ != JobState::UNSPECIFIED) return false;
  const auto whole_job = job();
  if (auto reason = tuner::too_many_failures(whole_job->getMaxFailedTrialCount(),
                                             tuner::tally_of(whole_job->getTrials()))) {
    finish(JobState::FAILED, std::move(*reason));
    return false;
  }
  const auto ending = tuner::study_end_of(study(), whole_job->getTrials(),
                                          store_.stored().create_micros, now_micros());
  look_again(ending.look_again_micros);
  if (ending.reason) {
    reason_ = *ending.reason;
    end_ = JobState::SUCCEEDED;
    if (ending.asap)
      for (auto& [index, one] : running_) {
        one->end.stopping_reason = *ending.reason;
        stop(*one);
      }
    return false;
  }
  return trials_.size() < static_cast<size_t>(whole_job->getMaxTrialCount());
}

bool tune_runner::suggest_one() {
  const auto whole_job = job();
  const auto answer =
      tuner::suggest(study(), whole_job->getTrials(),
                     {.seed = store_.stored().seed, .count = 1, .fixed = {}, .priors = {}});
  if (answer.sets.empty()) {
    reason_ = "the search space holds no further point";
    end_ = JobState::SUCCEEDED;
    return false;
  }
  trials_.push_back(new_trial(trials_.size() + 1, answer.sets.front()));
  launch(trials_.size() - 1);
  return true;
}

void tune_runner::launch(size_t index) {
  auto& trial = trials_[index];
  const auto directory = store_.directory_of(*trial);
  // Processes of an earlier start of this trial must not run on, and its metrics must not be read.
  if (trial->getState() != state::REQUESTED) runtime::kill_leftovers(directory);
  std::error_code ignored;
  std::filesystem::remove(metric_file_of(*trial), ignored);
  for (const auto& made : {metric_file_of(*trial).parent_path(), directory / "model"})
    if (auto ready = make_directories(made); !ready) return fail_run(ready.error());
  trial = started(trial, now_micros());
  if (auto kept = store_.put(*trial); !kept) return fail_run(kept.error());
  events_.started(*trial);
  auto process =
      tune_process::start({command_.filled(values_of(study(), *trial)), environment_of(*trial),
                           directory / "stdout.log", directory / "stderr.log"});
  if (!process) {
    const auto code = process.error().code;
    if (code != errc::not_found && code != errc::permission_denied)
      return fail_run(process.error());
    return conclude(index, {.not_run = process.error().message}, {});
  }
  auto made = std::make_unique<running>(index, std::move(*process),
                                        runtime::metric_history(metric_ids(study())));
  if (!watch(*made))
    return fail_run({errc::resource_exhausted,
                     "no more processes can be watched; raise the limit of open files "
                     "(ulimit -n), or run fewer at a time"});
  running_.emplace(index, std::move(made));
  events_.changed();
}

bool tune_runner::watch(running& one) {
  const auto index = one.index;
  one.ended = reactor_.watch(one.process.descriptor(), [this, index] { on_end(index); });
  one.metrics = reactor_.watch_files(metric_file_of(*trials_[index]).parent_path(), [this, index] {
    // One read, a moment later, covers every write until then.
    auto& changed = *running_.at(index);
    if (changed.poll == 0)
      changed.poll = reactor_.after(metrics_pause, [this, index] { poll_metrics(index); });
  });
  // One read in any case: the program may have written before the watch began.
  one.poll = reactor_.after(metrics_pause, [this, index] { poll_metrics(index); });
  if (settings_.timeout_micros > 0) {
    const milliseconds limit(settings_.timeout_micros / 1000 + 1);
    one.overdue = reactor_.after(limit, [this, index] {
      auto& late = *running_.at(index);
      if (late.stopping) return;
      late.end.overdue = span(micros(settings_.timeout_micros));
      stop(late);
    });
  }
  return one.ended != 0;
}

void tune_runner::poll_metrics(size_t index) {
  auto& one = *running_.at(index);
  one.poll =
      one.metrics != 0 ? 0 : reactor_.after(metrics_poll, [this, index] { poll_metrics(index); });
  read_metrics(one);
}

void tune_runner::read_metrics(running& one) {
  const auto text = read_file(metric_file_of(*trials_[one.index]));
  if (!text) return;
  std::vector<wire::metric_point> points = one.history.read(*text).points;
  for (auto& point : points)
    if (point.timestamp_micros == 0) point.timestamp_micros = now_micros();
  if (!points.empty()) take(one, std::move(points));
}

void tune_runner::take(running& one, std::vector<wire::metric_point> points) {
  auto& trial = trials_[one.index];
  if (auto kept = store_.put(*trial, points); !kept) return fail_run(kept.error());
  std::ranges::move(points, std::back_inserter(one.points));
  core::trim(one.points, points_max, study());
  trial = with_points(trial, one.points);
  events_.changed();
  stop_hopeless();
}

/// A program that writes no metric file may print its metrics.
void tune_runner::read_output(running& one) {
  if (!one.points.empty()) return;
  const auto output =
      tail_of(store_.directory_of(*trials_[one.index]) / "stdout.log", output_read_max);
  auto points = points_of_output(output, metric_ids(study()), settings_.metric_from_output.get(),
                                 now_micros());
  if (!points.empty()) take(one, std::move(points));
}

void tune_runner::stop_hopeless() {
  if (end_ == JobState::CANCELLED || end_ == JobState::FAILED || study().isNoAutomatedStopping())
    return;
  const auto whole_job = job();
  for (auto& found : tuner::trials_to_stop(study(), whole_job->getTrials())) {
    const auto one = running_.find(found.trial);
    if (one == running_.end() || one->second->stopping) continue;
    one->second->end.stopping_reason = std::move(found.reason);
    stop(*one->second);
  }
}

void tune_runner::stop(running& one) {
  if (one.stopping) return;
  one.stopping = true;
  trials_[one.index] =
      trials_[one.index].with([](wire::Trial::Builder built) { built.setState(state::STOPPING); });
  one.process.signal(SIGTERM);
  one.kill = reactor_.after(
      grace, [this, index = one.index] { running_.at(index)->process.signal(SIGKILL); });
  events_.changed();
}

void tune_runner::on_end(size_t index) {
  auto& one = *running_.at(index);
  drop(one);
  one.end.status = one.process.reap();
  runtime::kill_leftovers(store_.directory_of(*trials_[index]));
  one.stopping = true; // it has ended: nothing is to stop it again
  read_metrics(one);
  read_output(one);
  one.end.complaint =
      last_line(tail_of(store_.directory_of(*trials_[index]) / "stderr.log", 1 << 14));
  const auto ended = std::move(running_.at(index));
  running_.erase(index);
  const bool unfinished =
      end_ == JobState::CANCELLED
      || (end_ == JobState::FAILED && ended->end.stopping_reason.empty() && ended->kill != 0);
  if (!unfinished) conclude(index, ended->end, ended->points);
  stop_hopeless();
  fill();
}

void tune_runner::conclude(size_t index, const program_end& end,
                           std::span<const wire::metric_point> points) {
  trials_[index] = judged(trials_[index], study(), points, end, now_micros());
  if (auto kept = store_.put(*trials_[index]); !kept) return fail_run(kept.error());
  events_.ended(*trials_[index]);
  events_.changed();
}

/// A stopping rule of the study may depend on time alone, so it is checked again at `at_micros`.
void tune_runner::look_again(std::optional<int64_t> at_micros) {
  reactor_.drop(look_again_);
  look_again_ = 0;
  if (!at_micros || finished_) return;
  const auto wait_ms = std::clamp<int64_t>((*at_micros - now_micros()) / 1000 + 1, 1, 60'000);
  look_again_ = reactor_.after(milliseconds(wait_ms), [this] {
    look_again_ = 0;
    // Even if no further trial may run: this can stop those that run.
    may_begin_another();
    fill();
  });
}

/// Ends the study at once: trials that run are stopped, and stay unfinished.
void tune_runner::finish(JobState end, std::string reason) {
  if (finished_) return;
  end_ = end;
  reason_ = std::move(reason);
  for (auto& [index, one] : running_)
    stop(*one);
  settle();
}

void tune_runner::fail_run(const error& problem) {
  // The study did not cause this, so its trials stay unfinished and run again the next time.
  if (!problem_) problem_ = problem;
  finish(JobState::CANCELLED, problem.message);
}

void tune_runner::settle() {
  if (finished_ || !running_.empty()) return;
  const auto whole_job = job();
  const auto trials = whole_job->getTrials();
  if (end_ == JobState::UNSPECIFIED) {
    if (auto reason = tuner::too_many_failures(whole_job->getMaxFailedTrialCount(),
                                               tuner::tally_of(trials))) {
      end_ = JobState::FAILED;
      reason_ = std::move(*reason);
    } else if (trials_.size() < static_cast<size_t>(whole_job->getMaxTrialCount())) {
      return; // fill() is about to begin another one
    } else {
      end_ = JobState::SUCCEEDED;
    }
  }
  const bool all_failed = std::ranges::all_of(
      trials_, [](const trial_frame& t) { return t->getState() == state::INFEASIBLE; });
  if (end_ == JobState::SUCCEEDED && !trials_.empty() && all_failed) {
    end_ = JobState::FAILED;
    reason_ = fmt::format("All {} trials failed. The last one: {}", trials.size(),
                          wire::view(trials[trials.size() - 1].getInfeasibleReason()));
  }
  finished_ = true;
  look_again(std::nullopt);
  events_.changed();
  events_.finished();
}

void tune_runner::drop(running& one) {
  for (auto* ticket : {&one.ended, &one.metrics, &one.poll, &one.overdue, &one.kill})
    reactor_.drop(*ticket);
}

std::filesystem::path tune_runner::metric_file_of(wire::Trial::Reader trial) const {
  return store_.directory_of(trial) / "hypertune" / "output.metrics";
}

std::vector<std::string> tune_runner::environment_of(wire::Trial::Reader trial) const {
  const auto directory = store_.directory_of(trial);
  const std::vector<std::pair<std::string, std::string>> own = {
      {"CLOUD_ML_TRIAL_ID", wire::str(trial.getId())},
      {"CLOUD_ML_HP_METRIC_FILE", metric_file_of(trial)},
      {"AIP_MODEL_DIR", directory / "model/"},
      {"AIP_CHECKPOINT_DIR", directory / "checkpoints/"},
      {"AIP_TENSORBOARD_LOG_DIR", directory / "logs/"},
      {runtime::replica_mark, directory}};
  auto out = environment_;
  for (const auto& [name, value] : own) {
    std::erase_if(out, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    out.push_back(name + "=" + value);
  }
  return out;
}

} // namespace troupe::cli
