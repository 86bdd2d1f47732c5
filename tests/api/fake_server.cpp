// Usage: api-fake-server TOKEN_FILE. Prints its address and serves the fake backend until its
// standard input ends. Jobs whose name contains "sleep" stay running; all others succeed step by
// step.
#include "api/http/server.hpp"
#include "tests/api/fake_backend.hpp"

#include <cstdio>
#include <fstream>
#include <poll.h>
#include <unistd.h>

using namespace troupe;

namespace {

void advance_job(api::test::fake_backend& backend, uint64_t id) {
  backend.change_job(id, [](wire::CustomJob::Builder job) {
    bool sleeps = wire::str(job.getDisplayName()).contains("sleep");
    if (job.getState() >= wire::JobState::SUCCEEDED
        || (sleeps && job.getState() == wire::JobState::RUNNING))
      return;
    job.setState(wire::JobState(uint16_t(job.getState()) + 1));
    if (job.getState() == wire::JobState::RUNNING)
      job.initStartTime().setMicros(api::test::new_year_micros + 1'000'000);
    if (job.getState() == wire::JobState::SUCCEEDED)
      job.initEndTime().setMicros(api::test::new_year_micros + 2'500'000);
  });
}

void finish_tuning_job(api::test::fake_backend& backend, uint64_t id) {
  backend.change_tuning_job(id, [](wire::HyperparameterTuningJob::Builder job) {
    if (job.getState() == wire::JobState::SUCCEEDED) return;
    auto trials = job.initTrials(unsigned(job.getMaxTrialCount()));
    for (unsigned index = 0; index < trials.size(); ++index) {
      trials[index].setId(std::to_string(index + 1));
      trials[index].setState(wire::Trial::State::SUCCEEDED);
      auto parameter = trials[index].initParameters(1)[0];
      parameter.setParameterId("lr");
      parameter.initValue().setNumber(0.25);
      auto measurement = trials[index].initFinalMeasurement();
      measurement.setStepCount(3);
      auto metric = measurement.initMetrics(1)[0];
      metric.setMetricId("accuracy");
      metric.setValue(0.5);
      trials[index].initEndTime().setMicros(api::test::new_year_micros);
    }
    job.initStartTime().setMicros(api::test::new_year_micros);
    job.initEndTime().setMicros(api::test::new_year_micros);
    job.setState(wire::JobState::SUCCEEDED);
  });
}

} // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  api::test::fake_backend backend;
  auto server = api::server::start({.token = "a-token-for-tests"}, backend);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::ofstream(arguments[1]) << "a-token-for-tests\n";
  std::printf("127.0.0.1:%u\n", unsigned((*server)->port()));
  std::fflush(stdout);
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  char byte;
  while (::poll(&input, 1, 100) == 0 || ::read(STDIN_FILENO, &byte, 1) > 0) {
    for (uint64_t id : backend.job_ids())
      advance_job(backend, id);
    for (uint64_t id : backend.tuning_job_ids())
      finish_tuning_job(backend, id);
  }
}
