#include "core/studies/studies.hpp"

#include "core/state/trial_records.hpp"
#include "core/studies/trial_job.hpp"

namespace troupe::core {

studies::studies(cluster_state& state, changes& out, timers& due, custom_jobs& jobs)
    : shared(state, out, due), ends(state, out, shared, jobs), runs(state, out, shared, jobs, ends),
      tuning_jobs(state, out, shared, jobs, ends, runs), base(state, out, shared),
      operations(state, out, shared, base), client_studies(state, out, shared, base, operations),
      state_(state), timers_(due) {
  jobs.observe(runs);
}

// -- the tuner's answers --

void studies::suggested(wire::Suggestions::Reader answer, std::string_view secret) {
  const uint64_t id = answer.getStudyId();
  if (auto job = state_.tuning_jobs.find(id); job != state_.tuning_jobs.end())
    return tuning_jobs.suggested(job->second, answer, secret);
  if (auto s = state_.client_studies.find(id); s != state_.client_studies.end())
    operations.suggested(s->second, answer);
}

void studies::judged(wire::Stoppings::Reader answer) {
  study* s = state_.find_study(answer.getStudyId());
  if (!s) return;
  s->stoppings_asked = false;
  if (s->stoppings_news) shared.want_stoppings(s->id);
  if (auto found = state_.client_studies.find(s->id); found != state_.client_studies.end())
    return operations.judged(found->second, answer);
  tuning_job& job = state_.tuning_jobs.at(s->id);
  if (job.terminal()) return;
  for (auto stop : answer.getTrials()) {
    auto found = job.trials.find(stop.getNumber());
    if (found != job.trials.end() && found->second.state == wire::Trial::State::ACTIVE)
      ends.stop_early(job, found->second, wire::str(stop.getReason()));
  }
}

void studies::timer(uint64_t id) {
  shared.arm(*state_.find_study(id), std::nullopt);
  if (auto job = state_.tuning_jobs.find(id); job != state_.tuning_jobs.end())
    return ends.judge(job->second);
  client_study& s = state_.client_studies.at(id);
  base.judge_end(s);
  operations.advance(s);
}

// -- the end of a step --

void studies::judge_ends() {
  for (uint64_t id : std::set(shared.wanted_suggestions()))
    if (auto job = state_.tuning_jobs.find(id); job != state_.tuning_jobs.end())
      ends.judge(job->second);
}

void studies::ask_suggestions() {
  for (uint64_t id : shared.take_suggestions())
    if (auto job = state_.tuning_jobs.find(id); job != state_.tuning_jobs.end())
      tuning_jobs.ask(job->second);
}

void studies::ask_stoppings() {
  for (uint64_t id : shared.take_stoppings())
    if (study* s = state_.find_study(id)) shared.ask_stoppings(*s);
}

// -- recovery --

void studies::restore() {
  const auto restore_one = [&](study& s) {
    if (s.look_again_micros) timers_.arm(core::timer::of_study(s.id), *s.look_again_micros);
    shared.want_stoppings(s.id);
  };
  for (auto& [id, job] : state_.tuning_jobs) {
    job.optimal = optimal_of(job);
    restore_one(job);
  }
  for (auto& [id, s] : state_.client_studies)
    restore_one(s);
  for (auto& [id, run] : state_.jobs)
    if (auto job = state_.tuning_jobs.find(run.tuning_job); job != state_.tuning_jobs.end())
      run.metric_tags = metric_tags_of(job->second.spec());
}

void studies::ask_again() {
  for (auto& [id, job] : state_.tuning_jobs)
    tuning_jobs.ask(job);
  for (auto& [id, s] : state_.client_studies)
    operations.ask_again(s);
}

} // namespace troupe::core
