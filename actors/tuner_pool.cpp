#include "actors/tuner_pool.hpp"

#include "tuner/gp/keep_memory.hpp"
#include "tuner/stopping/stopping.hpp"
#include "tuner/suggest.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

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

} // namespace

wire::frame<wire::Suggestions> answer_of(const core::suggestion_request& request) {
  tuner::suggestion_set suggested;
  const auto problem = problem_in([&] {
    const auto job = *request.job;
    std::vector<tuner::prior_study> priors;
    for (const auto& prior : request.priors)
      priors.push_back({prior->getStudySpec(), prior->getTrials()});
    // The study's id is its seed: the same study asks the same questions, after a restart as well.
    suggested = tuner::suggest(job.getStudySpec(), job.getTrials(),
                               {.seed = request.study,
                                .count = request.count,
                                .fixed = request.fixed->getParameters(),
                                .priors = priors});
  });
  if (!problem.empty())
    spdlog::error("event=suggestion_failed study={} first_trial={} reason=\"{}\"", request.study,
                  request.first_trial, problem);
  return tuner::to_suggestions(request.study, request.first_trial, suggested)
      .with([&](wire::Suggestions::Builder answer) {
        answer.setOperation(request.operation);
        answer.setError(wire::text(problem));
      });
}

wire::frame<wire::Stoppings> answer_of(const core::stopping_request& request) {
  const auto trials = request.job->getTrials();
  std::vector<tuner::stopping> stops;
  const auto problem =
      problem_in([&] { stops = tuner::trials_to_stop(request.job->getStudySpec(), trials); });
  if (!problem.empty())
    spdlog::error("event=stopping_rule_failed study={} reason=\"{}\"", request.study, problem);
  return wire::frame<wire::Stoppings>::build([&](wire::Stoppings::Builder answer) {
    answer.setStudyId(request.study);
    answer.setOperation(request.operation);
    answer.setError(wire::text(problem));
    auto list = answer.initTrials(static_cast<uint32_t>(stops.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setNumber(
          static_cast<uint32_t>(tuner::number_of(trials[stops[i].trial]).value_or(0)));
      list[i].setReason(wire::text(stops[i].reason));
    }
  });
}

class tuner_pool::queue : public std::enable_shared_from_this<queue> {
public:
  /// Computes, and sends the answer in the actor's name.
  using work = std::function<void(caf::event_based_actor*)>;

  explicit queue(size_t threads) : threads_(threads) {}

  void add(caf::actor_system& system, work task) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(task));
      if (busy_ == threads_) return;
      ++busy_;
    }
    system.spawn<caf::detached>([self = shared_from_this()](caf::event_based_actor* actor) {
      while (const auto next = self->next())
        next(actor);
    });
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }

private:
  /// Nothing: the asking actor has ended.
  work next() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --busy_;
      return {};
    }
    auto first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }

  const size_t threads_;
  std::mutex mutex_;
  std::deque<work> waiting_;
  size_t busy_ = 0;
};

tuner_pool::tuner_pool(size_t threads)
    : queue_(std::make_shared<queue>(
        threads > 0 ? threads : std::max<size_t>(2, std::thread::hardware_concurrency() / 2))) {
  tuner::gp::keep_freed_memory();
}

tuner_pool::~tuner_pool() { queue_->clear(); }

void tuner_pool::ask(caf::actor_system& system, const controller_actor& controller,
                     core::suggestion_request request) {
  auto shared = std::make_shared<const core::suggestion_request>(std::move(request));
  queue_->add(system, [shared, controller](caf::event_based_actor* self) {
    self->send(controller, atom::suggest::value, answer_of(*shared));
  });
}

void tuner_pool::ask(caf::actor_system& system, const controller_actor& controller,
                     core::stopping_request request) {
  auto shared = std::make_shared<const core::stopping_request>(std::move(request));
  queue_->add(system, [shared, controller](caf::event_based_actor* self) {
    self->send(controller, atom::stop_trials::value, answer_of(*shared));
  });
}

} // namespace troupe::actors
