#include "tests/sim/sim_world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::sim {

using store::family;

namespace {

uint64_t id_of(const std::string& name) { return std::stoull(name.substr(name.rfind('/') + 1)); }

} // namespace

wire::frame<wire::Event> at(int64_t now, const std::function<void(wire::Event::Builder)>& fill) {
  return wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
    event.setAtMicros(now);
    fill(event);
  });
}

sim_world::sim_world(uint64_t seed)
    : dice_(seed), db_(store::in_memory()), replay_db_(store::in_memory()),
      replay_(std::make_unique<core::cluster>(core::settings{}, "first")) {
  int64_t count = dice_.between(1, 5);
  for (int64_t i = 0; i < count; ++i)
    agents_.push_back(std::make_unique<sim_agent>(*this, fmt::format("node-{}", i),
                                                  static_cast<uint64_t>(dice_.between(2, 6)),
                                                  static_cast<uint16_t>(dice_.between(5, 40))));
  found();
}

/// As a controller does on an empty store: its cluster's record is stored before anything else, so that
/// a crash does not change the cluster's id.
void sim_world::found() {
  auto founded = core::cluster::recover(
      settings_, "first", instant_of(now_),
      [this](family kind, const auto& visit) { return db_->scan(kind, "", false, visit); });
  if (!founded) throw violation("the first start: " + founded.error().message);
  cluster_ = std::move(founded->first);
  commit(founded->second);
}

void sim_world::run() {
  for (auto& agent : agents_)
    after(dice_.between(0, 5 * second), [a = agent.get()] { a->connect(); });
  after(0, [this] { user(); });
  after(second, [this] { trouble(); });
  advance_until(now_ + dice_.between(60, 600) * second);
  peace_ = true;
  if (!cluster_) recover();
  for (uint64_t id : eternal_)
    command([&](wire::Command::Builder c) { c.setCancelCustomJob(id); });
  // Long enough for every stop, every lost node, and every queue to run off.
  advance_until(now_ + 20'000 * second);
  compare_with_replay();
  check_acknowledged();
  check_peace();
}

void sim_world::advance_until(int64_t end) {
  int64_t last_wake = 0;
  int idle = 0;
  while (true) {
    int64_t next = agenda_.empty() ? INT64_MAX : agenda_.begin()->first;
    std::optional<instant> wake = cluster_ ? cluster_->wake_at() : std::nullopt;
    if (wake && micros_of(*wake) < next) {
      int64_t when = std::max(now_, micros_of(*wake));
      if (when > end) break;
      idle = when == last_wake ? idle + 1 : 0;
      if (idle > 3)
        throw violation("the controller wants to be woken again and again at the same time");
      last_wake = now_ = when;
      tick();
      continue;
    }
    if (next > end) break;
    now_ = next;
    auto action = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    action();
  }
  now_ = end;
}

void sim_world::tick() {
  step(at(now_, [](wire::Event::Builder event) { event.setTick(); }));
}

// -- the controller --

void sim_world::step(const wire::frame<wire::Event>& event) {
  if (!cluster_) return;
  core::effects effects = cluster_->on(event);
  if (auto broken = cluster_->violated_invariant()) throw violation(*broken);
  std::set<std::pair<family, std::string>> once;
  for (const store::write& write : effects.writes.writes)
    if (!once.emplace(write.where, write.key).second)
      throw violation(
          fmt::format("{}/{} is written twice in a step", store::name_of(write.where), write.key));
  // It may die before the commit, after it, or halfway through what it has to say.
  bool dies = !peace_ && dice_.below(400) == 0;
  if (dies && dice_.percent(50)) return crash();
  commit(effects);
  if (dies) {
    effects.orders.resize(static_cast<size_t>(dice_.below(std::ssize(effects.orders) + 1)));
    effects.replies.clear();
  }
  send(std::move(effects));
  if (dies) crash();
}

void sim_world::commit(const core::effects& effects) {
  if (!db_->commit(effects.writes)) throw violation("the store refused a batch");
  for (const store::write& write : effects.writes.writes) {
    if (write.where == family::custom_jobs || write.where == family::tuning_jobs) {
      auto ended = ended_.find(write.key);
      if (ended != ended_.end() && write.value && *write.value != ended->second)
        throw violation(fmt::format("I4: job {} changed after its end", write.key));
      if (!write.value) continue;
      auto state =
          write.where == family::custom_jobs
              ? (*wire::frame<wire::CustomJob>::parse(*write.value))->getState()
              : (*wire::frame<wire::HyperparameterTuningJob>::parse(*write.value))->getState();
      if (state == wire::JobState::SUCCEEDED || state == wire::JobState::FAILED
          || state == wire::JobState::CANCELLED)
        ended_.emplace(write.key, *write.value);
    }
    if (write.where != family::events) continue;
    auto logged = wire::frame<wire::Event>::parse(*write.value);
    if (!replay_db_->commit(replay_->on(*logged).writes))
      throw violation("the replay's store refused a batch");
  }
}

void sim_world::send(core::effects effects) {
  for (const core::refusal& refusal : effects.refusals)
    for (auto& agent : agents_)
      if (agent->name() == refusal.node && agent->epoch() == refusal.agent_epoch) {
        agent->disconnect();
        after(10 * second, [a = agent.get()] { a->connect(); });
      }
  for (const core::order& order : effects.orders)
    for (auto& agent : agents_) {
      if (agent->name() != order.node) continue;
      // Orders on a link keep their order.
      int64_t& last = last_order_[order.node];
      last = std::max(last, now_ + dice_.between(0, 5'000));
      int64_t delay = last - now_;
      int copies = dice_.percent(3) ? 2 : 1;
      for (int i = 0; i < copies; ++i)
        after(delay, [a = agent.get(), session = agent->session(), message = order.message] {
          if (a->linked() && a->session() == session) a->obey(*message);
        });
    }
  for (const core::reply& reply : effects.replies) {
    std::string what = asked_[reply.request];
    asked_.erase(reply.request);
    auto outcome = *reply.outcome;
    if (outcome.isError()) {
      // Deleting what lives is refused, and what was deleted is not there; nothing else is asked
      // wrongly.
      if (what == "create")
        throw violation("refused: " + wire::str(outcome.getError().getMessage()));
    } else if (outcome.isCustomJob()) {
      uint64_t id = id_of(wire::str(outcome.getCustomJob().getName()));
      if (!jobs_.insert(id).second)
        throw violation(fmt::format("I5: job id {} was given out twice", id));
      // Decided late, but before the node could begin: orders take longer than replies.
    } else if (outcome.isTuningJob()) {
      studies_.insert(id_of(wire::str(outcome.getTuningJob().getName())));
    } else if (outcome.isStudy()) {
      client_studies_.insert(id_of(wire::str(outcome.getStudy().getName())));
    }
  }
  for (const core::suggestion_request& request : effects.suggestion_requests)
    after(dice_.between(0, 2 * second), [this, request] { answer(request); });
  for (const core::stopping_request& request : effects.stopping_requests)
    after(dice_.between(0, 2 * second), [this, request] { answer(request); });
}

// -- the tuner --

void sim_world::answer(const core::suggestion_request& request) {
  bool fails = dice_.percent(3), exhausted = dice_.percent(5);
  step(at(now_, [&](wire::Event::Builder event) {
    auto answer = event.initSuggestions();
    answer.setStudyId(request.study);
    answer.setFirstTrial(request.first_trial);
    answer.setOperation(request.operation);
    if (fails) return answer.setError("out of memory");
    for (auto set : answer.initParameters(request.count)) {
      auto value = set.initValues(1)[0];
      value.setParameterId("x");
      value.initValue().setNumber(0.5);
    }
    answer.setExhausted(exhausted);
  }));
}

void sim_world::answer(const core::stopping_request& request) {
  std::vector<uint32_t> stopped;
  for (auto trial : request.job->getTrials())
    if (trial.getState() == wire::Trial::State::ACTIVE && dice_.percent(15))
      stopped.push_back(static_cast<uint32_t>(std::stoul(wire::str(trial.getId()))));
  step(at(now_, [&](wire::Event::Builder event) {
    auto answer = event.initStoppings();
    answer.setStudyId(request.study);
    answer.setOperation(request.operation);
    auto list = answer.initTrials(static_cast<uint32_t>(stopped.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setNumber(stopped[i]);
      list[i].setReason("worse than the others");
    }
  }));
}

void sim_world::crash() {
  cluster_.reset();
  sessions_.clear();
  asked_.clear();
  for (auto& agent : agents_) {
    agent->disconnect();
    after(dice_.between(2 * second, 20 * second), [a = agent.get()] { a->connect(); });
  }
  after(dice_.between(0, 10 * second), [this] { recover(); });
}

void sim_world::recover() {
  if (cluster_) return;
  auto recovered = core::cluster::recover(
      settings_, "other", instant_of(now_),
      [this](family kind, const auto& visit) { return db_->scan(kind, "", false, visit); });
  if (!recovered) throw violation("recovery: " + recovered.error().message);
  cluster_ = std::move(recovered->first);
  if (cluster_->id() != "first") throw violation("recovery: the cluster's id changed");
  if (auto broken = cluster_->violated_invariant()) throw violation("after recovery: " + *broken);
  commit(recovered->second);
  send(std::move(recovered->second));
  compare_with_replay();
  check_acknowledged();
}

// -- links --

void sim_world::arrive(sim_agent& agent) {
  after(dice_.between(0, 10'000), [this, &agent, session = agent.session()] {
    if (!cluster_ || !agent.linked() || agent.session() != session) return;
    sessions_[agent.name()] = session;
    agent.welcome(cluster_->id(), cluster_->epoch());
    step(agent.hello(now_));
  });
}

void sim_world::deliver(sim_agent& agent, wire::frame<wire::Event> message) {
  after(dice_.between(0, 20'000), [this, &agent, session = agent.session(), message] {
    // A hello under way tells the same, so what overtakes it may be dropped or not.
    if (!agent.linked() || agent.session() != session) return;
    step(wire::frame<wire::Event>(message).with(
        [&](wire::Event::Builder event) { event.setAtMicros(now_); }));
  });
}

void sim_world::link_lost(sim_agent& agent, uint64_t session) {
  // Half-open for a while: the controller learns of it late, or by the next hello.
  after(dice_.between(0, 20 * second), [this, &agent, session, epoch = agent.epoch()] {
    auto known = sessions_.find(agent.name());
    if (!cluster_ || known == sessions_.end() || known->second != session) return;
    sessions_.erase(known);
    step(at(now_, [&](wire::Event::Builder event) {
      auto down = event.initNodeDown();
      down.setName(wire::text(agent.name()));
      down.setAgentEpoch(epoch);
      down.setReason("link closed");
    }));
  });
}

} // namespace troupe::sim
