#include "api/backend/stored_trials.hpp"

#include "api/backend/listing.hpp"
#include "api/backend/lookup.hpp"
#include "base/names.hpp"
#include "tuner/best.hpp"
#include "tuner/objective.hpp"

namespace troupe::api {

namespace {

using trial_frames = std::vector<wire::frame<wire::Trial>>;
using job_builder = wire::HyperparameterTuningJob::Builder;

void put(const trial_frames& trials, capnp::List<wire::Trial>::Builder into) {
  for (unsigned index = 0; index < trials.size(); ++index)
    into.setWithCaveats(index, *trials[index]);
}

} // namespace

result<trial_frames> stored_trials(const store::database& database, uint64_t study) {
  trial_frames trials;
  auto rows = trial_rows(study);
  result<> outcome;
  auto visit = [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(rows.prefix)) return false;
    auto trial = wire::frame<wire::Trial>::parse(value);
    if (trial)
      trials.push_back(std::move(*trial));
    else
      outcome = fail(errc::data_loss, "stored trial {}: {}", key, trial.error().message);
    return outcome.has_value();
  };
  auto scanned = database.scan(rows.family, rows.prefix, false, visit);
  if (!scanned) return std::unexpected(scanned.error());
  if (!outcome) return std::unexpected(outcome.error());
  return trials;
}

std::vector<size_t> optimal_of(wire::StudySpec::Reader study, const trial_frames& trials) {
  // Only the final measurement decides, so no other measurement is copied.
  auto judged = wire::frame<wire::ListOptimalTrialsResponse>::build([&](auto response) {
    auto list = response.initOptimalTrials(unsigned(trials.size()));
    for (unsigned index = 0; index < trials.size(); ++index) {
      list[index].setState(trials[index]->getState());
      list[index].setFinalMeasurement(trials[index]->getFinalMeasurement());
    }
  });
  return tuner::optimal_trials(study, judged->getOptimalTrials());
}

result<wire::frame<wire::HyperparameterTuningJob>>
with_trials(const store::database& database,
            const wire::frame<wire::HyperparameterTuningJob>& record) {
  trial_frames trials;
  if (record->getTrials().size() == 0) {
    auto id = last_id(wire::view(record->getName()));
    if (!id) return record;
    auto found = stored_trials(database, *id);
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return record;
    trials = std::move(*found);
  }
  return record.with([&](job_builder job) {
    if (!trials.empty()) put(trials, job.initTrials(unsigned(trials.size())));
    tuner::mark_best(job);
  });
}

} // namespace troupe::api
