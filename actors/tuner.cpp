#include "actors/tuner.hpp"

#include "core/study/stopping/stopping.hpp"
#include "core/study/suggest.hpp"

#include <spdlog/spdlog.h>

#include <charconv>
#include <exception>

namespace troupe::actors {

namespace {

/// What went wrong in `compute`, or nothing. Linear algebra and memory throw, and a study that
/// cannot be computed must not end the controller.
template <class Compute>
std::string problem_in(Compute compute) {
  try {
    compute();
    return {};
  } catch (const std::bad_alloc&) {
    return "there is not enough memory for it";
  } catch (const kj::Exception& thrown) {
    return thrown.getDescription().cStr();
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "an exception of an unknown kind";
  }
}

uint32_t number_of(wire::Trial::Reader trial) {
  const auto id = wire::view(trial.getId());
  uint32_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

} // namespace

wire::frame<wire::Suggestions> answer_of(const core::suggestion_request& request) {
  core::suggestion_set suggested;
  const auto problem = problem_in([&] {
    const auto job = *request.job;
    std::vector<core::prior_study> priors;
    for (const auto& prior : request.priors)
      priors.push_back({prior->getStudySpec(), prior->getTrials()});
    // The study's id is its seed: the same study asks the same questions, after a restart as well.
    suggested = core::suggest(job.getStudySpec(), job.getTrials(),
                              {.seed = request.study,
                               .count = request.count,
                               .fixed = request.fixed->getParameters(),
                               .priors = priors});
  });
  if (!problem.empty())
    spdlog::error("event=suggestion_failed study={} first_trial={} reason=\"{}\"", request.study,
                  request.first_trial, problem);
  return core::to_suggestions(request.study, request.first_trial, suggested)
      .with([&](wire::Suggestions::Builder answer) {
        answer.setOperation(request.operation);
        answer.setError(wire::text(problem));
      });
}

wire::frame<wire::Stoppings> answer_of(const core::stopping_request& request) {
  const auto trials = request.job->getTrials();
  std::vector<core::stopping> stops;
  const auto problem =
      problem_in([&] { stops = core::trials_to_stop(request.job->getStudySpec(), trials); });
  if (!problem.empty())
    spdlog::error("event=stopping_rule_failed study={} reason=\"{}\"", request.study, problem);
  return wire::frame<wire::Stoppings>::build([&](wire::Stoppings::Builder answer) {
    answer.setStudyId(request.study);
    answer.setOperation(request.operation);
    answer.setError(wire::text(problem));
    auto list = answer.initTrials(static_cast<uint32_t>(stops.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setNumber(number_of(trials[stops[i].trial]));
      list[i].setReason(wire::text(stops[i].reason));
    }
  });
}

void ask_tuner(caf::actor_system& system, controller_actor controller,
               core::suggestion_request request) {
  auto shared = std::make_shared<const core::suggestion_request>(std::move(request));
  system.spawn([shared, controller](caf::event_based_actor* self) {
    self->send(controller, atom::suggest::value, answer_of(*shared));
  });
}

void ask_tuner(caf::actor_system& system, controller_actor controller,
               core::stopping_request request) {
  auto shared = std::make_shared<const core::stopping_request>(std::move(request));
  system.spawn([shared, controller](caf::event_based_actor* self) {
    self->send(controller, atom::halt::value, answer_of(*shared));
  });
}

} // namespace troupe::actors
