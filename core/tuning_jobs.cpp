// Hyperparameter tuning: a tuning job asks for suggestions, runs each as a custom job of its own,
// and judges what comes of them (vertex.md §3.1 and §3.3).
#include "core/engine.hpp"
#include "core/measurements.hpp"
#include "core/records.hpp"
#include "core/validate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::core {

using store::family;
using store::key_of;
using wire::JobState;

namespace {

constexpr size_t points_max = 1000;

/// Without a limit of the user's, this many failures, if they are also more than half of what has
/// ended, end the study.
constexpr uint32_t failures_tolerated = 5;

bool measures(wire::StudySpec::Reader study, std::string_view tag) {
  for (auto metric : study.getMetrics())
    if (wire::view(metric.getMetricId()) == tag) return true;
  return false;
}

} // namespace

void engine::create_tuning_job(wire::HyperparameterTuningJob::Reader wanted,
                               wire::Command::Reader command, std::string_view secret) {
  auto problems = problems_of(wanted, settings_.machines);
  if (!problems.empty())
    return answer_error(errc::invalid_argument, fmt::format("{}", fmt::join(problems, "\n")));
  uint64_t id = next_id_++;
  tuning_job& job = tuning_[id];
  job.id = id;
  job.project = wire::str(command.getProject());
  job.location = wire::str(command.getLocation());
  job.token = secret;
  job.submitted = named_job(
      wanted, resource_name(job.project, job.location, "hyperparameterTuningJobs", id), now_);
  job.create_micros = job.update_micros = now_;
  job.reason = "waiting for the first suggestions";
  changed(job);
  wants_suggestions_.insert(id);
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTuningJob(*resource_of(job)); }));
}

tuning_job* engine::find_tuning_job(uint64_t id, wire::Command::Reader command) {
  auto found = tuning_.find(id);
  if (found != tuning_.end() && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  answer_error(errc::not_found,
               fmt::format("There is no {}.", resource_name(wire::view(command.getProject()),
                                                            wire::view(command.getLocation()),
                                                            "hyperparameterTuningJobs", id)));
  return nullptr;
}

void engine::cancel_tuning_job(uint64_t id, wire::Command::Reader command) {
  tuning_job* job = find_tuning_job(id, command);
  if (!job) return;
  answer_empty();
  if (job->terminal() || job->cancel_requested) return;
  job->cancel_requested = true;
  job->state = JobState::CANCELLING;
  job->update_micros = now_;
  decide_tuning_end(*job, JobState::CANCELLED, failure{errc::cancelled, "CANCELLED"});
}

void engine::delete_tuning_job(uint64_t id, wire::Command::Reader command) {
  tuning_job* job = find_tuning_job(id, command);
  if (!job) return;
  if (!job->terminal())
    return answer_error(errc::failed_precondition,
                        fmt::format("{} has not ended. Cancel it first, then delete it.",
                                    wire::view(job->submitted->getName())));
  for (const trial& t : job->trials)
    if (auto found = jobs_.find(t.job); found != jobs_.end() && !found->second.deleted)
      erase_resource(found->second);
  out_.writes.erase(family::tuning_jobs, key_of(id));
  out_.writes.erase(family::attempts, key_of(id));
  answer_deletion(job->project, job->location);
  tuning_.erase(id);
}

void engine::ask(tuning_job& job) {
  if (job.terminal() || job.end_state != JobState::UNSPECIFIED) return;
  int64_t made = std::ssize(job.trials);
  int64_t count =
      std::min<int64_t>(job.submitted->getParallelTrialCount() - int64_t{job.live_trials()},
                        job.submitted->getMaxTrialCount() - made);
  auto first = static_cast<uint32_t>(made + 1);
  if (count <= 0 || job.asked_from == first) return;
  job.asked_from = first;
  out_.suggestion_requests.push_back(
      {job.id, first, static_cast<uint32_t>(count), resource_of(job)});
}

void engine::suggestions(wire::Suggestions::Reader answer, std::string_view secret) {
  auto found = tuning_.find(answer.getTuningJobId());
  if (found == tuning_.end()) return;
  tuning_job& job = found->second;
  if (job.terminal() || job.end_state != JobState::UNSPECIFIED
      || answer.getFirstTrial() != job.trials.size() + 1)
    return;
  job.asked_from = 0;
  int64_t room =
      std::min<int64_t>(job.submitted->getParallelTrialCount() - int64_t{job.live_trials()},
                        job.submitted->getMaxTrialCount() - std::ssize(job.trials));
  int64_t taken = 0;
  for (auto parameters : answer.getParameters()) {
    if (taken >= room) break;
    add_trial(job, parameters, secret);
    ++taken;
  }
  int64_t offered = answer.getParameters().size();
  // An answer without a point would be the same answer if asked for again.
  if ((answer.getExhausted() || offered == 0) && taken == offered)
    job.end_state = JobState::SUCCEEDED;
  if (taken > 0 && job.state == JobState::QUEUED)
    job.state = JobState::PENDING, job.update_micros = now_;
  changed(job);
  wants_suggestions_.insert(job.id);
  maybe_end_tuning(job);
}

void engine::add_trial(tuning_job& job, wire::Suggestions::ParameterSet::Reader parameters,
                       std::string_view secret) {
  auto number = static_cast<uint32_t>(job.trials.size() + 1);
  uint64_t id = next_id_++;
  auto named = trial_custom_job(job, number, parameters,
                                resource_name(job.project, job.location, "customJobs", id), now_);
  trial made;
  made.number = number;
  made.parameters = wire::frame<wire::Suggestions::ParameterSet>::copy(parameters);
  made.job = id;
  job.trials.push_back(std::move(made));
  std::string token =
      fmt::format("{}-{}", secret.empty() ? std::string_view(job.token) : secret, number);
  custom_job& run = add_job(std::move(named), id, job.project, job.location, std::move(token));
  run.tuning_job = job.id;
  run.trial = number;
}

void engine::trial_running(custom_job& run) {
  auto found = tuning_.find(run.tuning_job);
  if (found == tuning_.end()) return;
  tuning_job& job = found->second;
  trial& t = job.trials.at(run.trial - 1);
  if (t.state == wire::Trial::State::REQUESTED) t.state = wire::Trial::State::ACTIVE;
  if (t.start_micros == 0) t.start_micros = now_;
  if (job.state == JobState::QUEUED || job.state == JobState::PENDING)
    job.state = JobState::RUNNING;
  if (job.start_micros == 0) job.start_micros = now_;
  job.update_micros = now_;
  changed(job);
}

void engine::trial_ended(custom_job& run) {
  auto found = tuning_.find(run.tuning_job);
  if (found == tuning_.end()) return;
  tuning_job& job = found->second;
  trial& t = job.trials.at(run.trial - 1);
  if (t.ended()) return;
  t.end_micros = now_;
  if (run.state == JobState::SUCCEEDED) {
    t.final_measurement = final_of(t.measurements, job.submitted->getStudySpec());
    if (!t.final_measurement) {
      auto objective = job.submitted->getStudySpec().getMetrics()[0].getMetricId();
      t.infeasible_reason =
          run.points.empty()
              ? fmt::format(
                  "The trial succeeded without reporting a metric of the study; expected {}.",
                  wire::view(objective))
              : fmt::format("The trial succeeded without reporting a finite value of {}.",
                            wire::view(objective));
    }
  } else if (run.state == JobState::CANCELLED) {
    t.infeasible_reason = "The trial's job was cancelled.";
  } else {
    t.infeasible_reason = run.error ? run.error->message : "The trial's job failed.";
  }
  t.state =
      t.infeasible_reason.empty() ? wire::Trial::State::SUCCEEDED : wire::Trial::State::INFEASIBLE;
  job.update_micros = now_;
  changed(job);
  wants_suggestions_.insert(job.id);
  judge_trials(job, t);
  maybe_end_tuning(job);
}

/// Whether the study goes on after this end. With maxFailedTrialCount 0 a failed first trial ends
/// it, to save the cost of the rest.
void engine::judge_trials(tuning_job& job, const trial& ended) {
  if (ended.state != wire::Trial::State::INFEASIBLE || job.cancel_requested
      || job.end_state == JobState::FAILED)
    return;
  uint32_t failed = 0, over = 0;
  for (const trial& t : job.trials) {
    failed += t.state == wire::Trial::State::INFEASIBLE;
    over += t.ended();
  }
  auto limit = static_cast<uint32_t>(std::max(0, job.submitted->getMaxFailedTrialCount()));
  std::string why;
  if (limit > 0 && failed >= limit)
    why = fmt::format("{} trials failed, and maxFailedTrialCount is {}. The last one: {}", failed,
                      limit, ended.infeasible_reason);
  else if (limit == 0 && ended.number == 1 && failed == over)
    why =
        fmt::format("The first trial failed, so no others were tried: {}", ended.infeasible_reason);
  else if (limit == 0 && failed >= failures_tolerated && failed * 2 > over)
    why = fmt::format("{} of {} trials failed. The last one: {}", failed, over,
                      ended.infeasible_reason);
  if (!why.empty())
    decide_tuning_end(job, JobState::FAILED, failure{errc::invalid_argument, std::move(why)});
}

void engine::metrics(node& where, wire::MetricReport::Reader report) {
  auto found = jobs_.find(report.getJobId());
  if (found == jobs_.end()) return;
  custom_job& run = found->second;
  auto tuned = tuning_.find(run.tuning_job);
  if (tuned == tuning_.end() || run.terminal() || run.attempt != report.getAttempt()
      || std::ranges::none_of(run.replicas, [&](const replica& r) { return r.node == where.name; }))
    return;
  tuning_job& job = tuned->second;
  auto study = job.submitted->getStudySpec();
  bool news = false;
  for (auto point : report.getPoints()) {
    std::string_view tag = wire::view(point.getTag());
    if (!measures(study, tag)) continue;
    if (std::ranges::any_of(run.points, [&](const metric_point& known) {
          return known.step == point.getStep()
                 && known.timestamp_micros == point.getTimestampMicros() && known.tag == tag;
        }))
      continue;
    run.points.push_back(
        {std::string(tag), point.getValue(), point.getStep(), point.getTimestampMicros()});
    news = true;
  }
  if (!news) return;
  trim(run.points, points_max, study);
  trial& t = job.trials.at(run.trial - 1);
  t.measurements = measurements_of(run.points, t.start_micros != 0 ? t.start_micros : now_);
  job.update_micros = now_;
  changed_attempt(run);
  changed(job);
}

void engine::decide_tuning_end(tuning_job& job, JobState end, std::optional<failure> error) {
  job.end_state = end;
  job.end_error = std::move(error);
  changed(job);
  stop_trials(job);
  maybe_end_tuning(job);
}

void engine::stop_trials(tuning_job& job) {
  for (size_t i = 0; i < job.trials.size(); ++i) {
    if (job.trials[i].ended()) continue;
    job.trials[i].state = wire::Trial::State::STOPPING;
    if (auto run = jobs_.find(job.trials[i].job); run != jobs_.end()) cancel(run->second);
  }
}

void engine::maybe_end_tuning(tuning_job& job) {
  if (job.terminal()) return;
  auto made = std::ssize(job.trials);
  uint32_t live = job.live_trials();
  job.reason = fmt::format("{} of at most {} trials made, {} under way", made,
                           job.submitted->getMaxTrialCount(), live);
  JobState end = job.end_state;
  if (end == JobState::UNSPECIFIED && made >= job.submitted->getMaxTrialCount())
    end = JobState::SUCCEEDED;
  if (live > 0 || end == JobState::UNSPECIFIED) return;
  job.error = job.end_error;
  if (end == JobState::SUCCEEDED && made > 0 && std::ranges::all_of(job.trials, [](const trial& t) {
        return t.state == wire::Trial::State::INFEASIBLE;
      })) {
    end = JobState::FAILED;
    job.error =
        failure{errc::invalid_argument, fmt::format("All {} trials failed. The last one: {}", made,
                                                    job.trials.back().infeasible_reason)};
  }
  job.state = end;
  job.end_state = JobState::UNSPECIFIED;
  job.end_error.reset();
  job.end_micros = job.update_micros = now_;
  job.reason.clear();
  changed(job);
}

} // namespace troupe::core
