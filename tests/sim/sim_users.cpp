// What users and faults do to the simulated cluster: submissions, studies, cancellations, deletions, and
// nodes that vanish, restart and reboot.
#include "tests/sim/sim_world.hpp"

#include <fmt/format.h>

namespace troupe::sim {

namespace {

void fill_spec(wire::CustomJobSpec::Builder spec, chance& dice, bool huge) {
  bool gang = dice.percent(40);
  auto pools = spec.initWorkerPoolSpecs(gang ? 2 : 1);
  for (uint32_t i = 0; i < pools.size(); ++i) {
    pools[i].setReplicaCount(i == 0 ? 1 : dice.between(1, 3));
    pools[i].initMachineSpec().setMachineType(
        wire::text(fmt::format("custom-{}-1024", huge ? 64 : dice.between(1, 2))));
    pools[i].initContainerSpec().setImageUri("host");
    pools[i].getContainerSpec().initCommand(1).set(0, "train");
  }
  auto scheduling = spec.initScheduling();
  scheduling.setRestartJobOnWorkerRestart(dice.percent(20));
  if (dice.percent(10)) {
    scheduling.setRestartJobOnWorkerRestart(false);
    scheduling.setDisableRetries(true);
  }
  if (dice.percent(20)) scheduling.initTimeout().setMicros(dice.between(5, 60) * second);
}

} // namespace

// -- users and faults --

void sim_world::command(const std::function<void(wire::Command::Builder)>& fill) {
  if (!cluster_) return;
  uint64_t request = ++request_;
  auto event = at(now_, [&](wire::Event::Builder builder) {
    builder.setRequest(request);
    builder.setSecret(wire::text(fmt::format("secret-{}", request)));
    auto command = builder.initCommand();
    command.setProject("p");
    command.setLocation("l");
    fill(command);
    asked_[request] =
        command.isCreateCustomJob() || command.isCreateTuningJob() || command.isCreateStudy()
            ? "create"
            : "something of what may be gone";
  });
  step(event);
}

uint64_t sim_world::any_job() {
  if (jobs_.empty()) return 0;
  auto found = jobs_.begin();
  std::advance(found, dice_.below(std::ssize(jobs_)));
  return *found;
}

void sim_world::submit() {
  size_t before = jobs_.size();
  bool for_ever = dice_.percent(5);
  command([&](wire::Command::Builder c) {
    auto job = c.initCreateCustomJob();
    job.setDisplayName("job");
    fill_spec(job.initJobSpec(), dice_, dice_.percent(2));
  });
  if (for_ever && jobs_.size() > before) eternal_.insert(*jobs_.rbegin());
}

namespace {

void fill_study(wire::StudySpec::Builder study, chance& dice) {
  study.initMetrics(1)[0].setMetricId("score");
  auto parameter = study.initParameters(1)[0];
  parameter.setParameterId("x");
  parameter.initDoubleValueSpec().setMaxValue(1);
  if (dice.percent(50)) study.initMedianAutomatedStoppingSpec();
  if (!dice.percent(30)) return;
  auto config = study.initStudyStoppingConfig();
  config.initShouldStopAsap().setBoolean(dice.percent(50));
  if (dice.percent(50))
    config.initMaxNumTrials().setNumber(static_cast<double>(dice.between(1, 5)));
  if (dice.percent(50))
    config.initMaximumRuntimeConstraint().initMaxDuration().setMicros(dice.between(5, 90) * second);
}

} // namespace

void sim_world::submit_study() {
  command([&](wire::Command::Builder c) {
    auto job = c.initCreateTuningJob();
    job.setDisplayName("study");
    job.setMaxTrialCount(static_cast<int32_t>(dice_.between(2, 5)));
    job.setParallelTrialCount(2);
    fill_study(job.initStudySpec(), dice_);
    fill_spec(job.initTrialJobSpec(), dice_, false);
  });
}

void sim_world::resume_study() {
  if (studies_.empty()) return;
  auto found = studies_.begin();
  std::advance(found, dice_.below(std::ssize(studies_)));
  ended_.erase(store::key_of(*found));
  command([&](wire::Command::Builder c) {
    auto resume = c.initResumeTuningJob();
    resume.setId(*found);
    resume.initWanted().setMaxTrialCount(static_cast<int32_t>(dice_.between(2, 8)));
  });
}

/// Somebody who tunes something elsewhere, and does so carelessly.
void sim_world::research() {
  if (client_studies_.size() < 2 || dice_.percent(5))
    return command([&](wire::Command::Builder c) {
      auto study = c.initCreateStudy();
      study.setDisplayName(wire::text(fmt::format("study-{}", request_)));
      fill_study(study.initStudySpec(), dice_);
    });
  auto found = client_studies_.begin();
  std::advance(found, dice_.below(std::ssize(client_studies_)));
  auto number = static_cast<uint32_t>(dice_.between(1, 12));
  if (dice_.percent(2)) {
    deletions_.insert(*found);
    return command([&](wire::Command::Builder c) { c.setDeleteStudy(*found); });
  }
  int64_t choice = dice_.below(100);
  command([&](wire::Command::Builder c) {
    auto change = choice < 40   ? c.initSuggestTrials()
                  : choice < 55 ? c.initAddMeasurement()
                  : choice < 75 ? c.initCompleteTrial()
                  : choice < 85 ? c.initCheckEarlyStopping()
                  : choice < 90 ? c.initStopTrial()
                  : choice < 95 ? c.initCreateTrial()
                                : c.initDeleteTrial();
    change.setStudy(*found);
    change.setNumber(number);
    if (c.isSuggestTrials()) {
      auto wish = change.initSuggest();
      wish.setSuggestionCount(static_cast<int32_t>(dice_.between(1, 3)));
      wish.setClientId(wire::text(fmt::format("client-{}", dice_.below(3))));
    } else if (c.isAddMeasurement()) {
      auto metric = change.initMeasurement().initMetrics(1)[0];
      metric.setMetricId("score");
      metric.setValue(static_cast<double>(dice_.below(1000)));
    } else if (c.isCompleteTrial()) {
      change.initCompletion().setTrialInfeasible(dice_.percent(20));
    } else if (c.isCreateTrial()) {
      auto value = change.initTrial().initParameters(1)[0];
      value.setParameterId("x");
      value.initValue().setNumber(0.25);
    }
  });
}

void sim_world::user() {
  if (peace_) return;
  int64_t choice = dice_.below(100);
  if (choice < 40)
    submit();
  else if (choice < 60)
    research();
  else if (choice < 65)
    submit_study();
  else if (choice < 67)
    resume_study();
  else if (choice < 75)
    command([id = any_job()](wire::Command::Builder c) { c.setCancelCustomJob(id); });
  else if (choice < 90) {
    uint64_t id = any_job();
    deletions_.insert(id);
    command([id](wire::Command::Builder c) { c.setDeleteCustomJob(id); });
  } else if (!studies_.empty()) {
    uint64_t id = *studies_.begin();
    bool cancel = dice_.percent(50);
    command([&](wire::Command::Builder c) {
      if (cancel)
        c.setCancelTuningJob(id);
      else
        c.setDeleteTuningJob(id);
    });
  }
  after(dice_.between(0, 6 * second), [this] { user(); });
}

void sim_world::trouble() {
  if (peace_) return;
  sim_agent& agent = *agents_[static_cast<size_t>(dice_.below(std::ssize(agents_)))];
  int64_t back = dice_.between(0, 15 * second);
  switch (dice_.below(4)) {
  case 0:
    agent.disconnect();
    break;
  case 1:
    agent.restart_agent();
    break;
  case 2:
    agent.reboot();
    break;
  case 3:
    agent.disconnect();
    back = dice_.between(60, 200) * second;
    break;
  }
  after(back, [&agent] { agent.connect(); });
  after(dice_.between(second, 60 * second), [this] { trouble(); });
}

} // namespace troupe::sim
