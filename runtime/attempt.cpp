#include "runtime/attempt.hpp"

#include "base/files.hpp"
#include "runtime/metric_file.hpp"
#include "runtime/replica.hpp"

#include <map>
#include <mutex>
#include <set>
#include <signal.h>

namespace troupe::runtime {

namespace {

std::vector<std::string> tags_of(wire::Launch::Reader launch) {
  std::vector<std::string> out;
  for (auto tag : launch.getMetricTags())
    out.push_back(wire::str(tag));
  return out;
}

bool same_task(const replica_key& a, const replica_key& b) {
  return a.pool == b.pool && a.index == b.index;
}

wire::frame<wire::ReplicaStatus> status_of(const replica_key& key, wire::ReplicaPhase phase) {
  return wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder out) {
    fill(out.initId(), key);
    out.setPhase(phase);
    if (phase == wire::ReplicaPhase::EXITED) out.setSignal(SIGTERM);
  });
}

} // namespace

struct attempt::state {
  state(const node_settings& node, runtime::reactor& loop, const wire::part<wire::Launch>& first,
        attempt_events handlers)
      : settings(node), reactor(loop), job(first->getJobId()), number(first->getAttempt()),
        directory(attempt_directory(node.directory, job, number)), events(std::move(handlers)),
        book(tags_of(*first)) {}

  const node_settings settings;
  runtime::reactor& reactor;
  const uint64_t job;
  const uint32_t number;
  const std::filesystem::path directory;

  // Of the reactor's thread.
  attempt_events events;
  bool detached = false;
  std::map<replica_key, std::unique_ptr<replica>> replicas;
  std::map<replica_key, wire::part<wire::Launch>> waiting; // for the end of the incarnation before
  metric_history book;

  mutable std::mutex mutex;
  std::map<replica_key, wire::frame<wire::ReplicaStatus>> statuses;

  void remember(const replica_key& key, wire::frame<wire::ReplicaStatus> status) {
    std::lock_guard lock(mutex);
    statuses.insert_or_assign(key, std::move(status));
  }
  /// False if the replica, or a later incarnation of it, is known already.
  bool announce(const replica_key& key) {
    std::lock_guard lock(mutex);
    for (const auto& [known, status] : statuses)
      if (same_task(known, key) && known.incarnation >= key.incarnation) return false;
    statuses.emplace(key, status_of(key, wire::ReplicaPhase::LAUNCHING));
    return true;
  }

  replica& add(const replica_key& key) {
    replica_events handlers{[this](const replica_key& changed) { publish(changed); },
                            [this](const replica_key& changed) { read_metrics(changed); }};
    auto made = std::make_unique<replica>(settings, reactor, key, std::move(handlers));
    return *replicas.insert_or_assign(key, std::move(made)).first->second;
  }

  void start_one(const replica_key& key, const wire::part<wire::Launch>& order) {
    for (auto& [known, running] : replicas)
      if (same_task(known, key) && !running->has_ended()) {
        waiting.insert_or_assign(key, order);
        running->stop(std::chrono::milliseconds(0));
        return;
      }
    std::error_code code;
    bool was_here =
        std::filesystem::exists(replica_directory(settings.directory, key) / "order", code);
    auto& made = add(key);
    if (!was_here) return made.launch(*order);
    made.adopt();
    publish(key);
  }

  void publish(const replica_key& key) {
    auto& changed = *replicas.at(key);
    auto status = changed.status();
    remember(key, status);
    events.status(status);
    if (changed.has_ended()) start_waiting(key);
  }

  void start_waiting(const replica_key& ended) {
    for (auto it = waiting.begin(); it != waiting.end(); ++it) {
      if (!same_task(it->first, ended)) continue;
      // From a clean stack: the replica that ended is still telling so.
      reactor.post([self = weak, key = it->first, order = it->second] {
        if (auto alive = self.lock(); alive && !alive->detached) alive->start_one(key, order);
      });
      waiting.erase(it);
      return;
    }
  }

  void read_metrics(const replica_key& key) {
    // Only the primary's measurements count.
    if (key.pool != 0 || key.index != 0) return;
    auto text = read_file(replicas.at(key)->metric_file());
    if (!text) return;
    auto news = book.read(*text);
    if (news.points.empty()) return;
    keep(news.lines);
    report(news.points);
  }

  /// The metric file forgets all but its newest lines; an agent that comes after us must not.
  void keep(const std::string& lines) const { (void)append_file(directory / "points", lines); }

  void report(const std::vector<wire::metric_point>& points) const {
    events.metrics(wire::frame<wire::MetricReport>::build([&](wire::MetricReport::Builder out) {
      out.setJobId(job);
      out.setAttempt(number);
      auto list = out.initPoints(uint32_t(points.size()));
      for (uint32_t i = 0; i < points.size(); ++i)
        wire::fill(list[i], points[i]);
    }));
  }

  void stop_all(wire::Stop::Reader order) {
    std::set<replica_key> list;
    for (auto id : order.getReplicas())
      list.insert(key_of(id));
    auto named = [&](const replica_key& key) { return list.empty() || list.contains(key); };
    for (auto it = waiting.begin(); it != waiting.end();) {
      if (!named(it->first)) {
        ++it;
        continue;
      }
      auto status = status_of(it->first, wire::ReplicaPhase::EXITED);
      remember(it->first, status);
      it = waiting.erase(it);
      events.status(status);
    }
    for (auto& [key, running] : replicas)
      if (named(key)) running->stop(std::chrono::milliseconds(order.getGraceMs()));
  }

  void adopt_all() {
    if (auto points = read_file(directory / "points")) book.read(*points);
    std::error_code code;
    for (std::filesystem::recursive_directory_iterator it(directory, code), end; it != end && !code;
         it.increment(code)) {
      if (it.depth() == 1) it.disable_recursion_pending();
      auto key = it.depth() == 1 ? key_of(it->path()) : std::nullopt;
      if (!key) continue;
      auto& found = add(*key);
      found.adopt();
      remember(*key, found.status());
    }
  }

  std::weak_ptr<state> weak;
};

attempt::attempt(std::shared_ptr<state> made) : state_(std::move(made)) { state_->weak = state_; }

attempt::~attempt() { detach(); }

uint64_t attempt::job() const { return state_->job; }
uint32_t attempt::number() const { return state_->number; }

result<std::unique_ptr<attempt>> attempt::create(const node_settings& settings, reactor& loop,
                                                 wire::part<wire::Launch> order,
                                                 attempt_events events) {
  auto made = std::make_shared<state>(settings, loop, order, std::move(events));
  if (auto directory = make_directories(made->directory); !directory)
    return std::unexpected(directory.error());
  // The file outlives the agent, so it holds the launch alone, not the order that it came in.
  const auto launch = wire::frame<wire::Launch>::copy(*order);
  if (auto kept = replace_file(made->directory / "launch", launch.str(), 0600, durability::process);
      !kept)
    return std::unexpected(kept.error());
  return std::unique_ptr<attempt>(new attempt(std::move(made)));
}

void attempt::start(wire::part<wire::Launch> order) {
  std::vector<replica_key> fresh;
  for (auto id : order->getReplicas())
    if (auto key = key_of(id); state_->announce(key)) fresh.push_back(key);
  if (fresh.empty()) return;
  state_->reactor.post([self = state_, fresh = std::move(fresh), order = std::move(order)] {
    for (const auto& key : fresh)
      if (!self->detached) self->start_one(key, order);
  });
}

void attempt::stop(wire::part<wire::Stop> order) {
  state_->reactor.post([self = state_, order = std::move(order)] {
    if (!self->detached) self->stop_all(*order);
  });
}

void attempt::kill(std::vector<replica_key> overdue) {
  state_->reactor.post([self = state_, overdue = std::move(overdue)] {
    for (const auto& key : overdue)
      if (auto known = self->replicas.find(key); known != self->replicas.end())
        known->second->kill();
  });
}

std::vector<wire::frame<wire::ReplicaStatus>> attempt::statuses() const {
  std::lock_guard lock(state_->mutex);
  std::vector<wire::frame<wire::ReplicaStatus>> out;
  for (const auto& [key, status] : state_->statuses)
    out.push_back(status);
  return out;
}

void attempt::resend_metrics() {
  state_->reactor.post([self = state_] {
    if (!self->detached && !self->book.points().empty()) self->report(self->book.points());
  });
}

void attempt::detach() {
  state_->reactor.run([&] {
    state_->detached = true;
    state_->waiting.clear();
    state_->replicas.clear();
  });
}

result<std::unique_ptr<attempt>> attempt::adopt(const node_settings& settings, reactor& loop,
                                                uint64_t job, uint32_t number,
                                                attempt_events events) {
  const auto file = attempt_directory(settings.directory, job, number) / "launch";
  auto bytes = read_file(file);
  if (!bytes) return fail(errc::data_loss, "{} does not exist", file.string());
  auto order = wire::frame<wire::Launch>::parse(*bytes);
  if (!order) return fail(errc::data_loss, "{}: {}", file.string(), order.error().message);
  if ((*order)->getJobId() != job || (*order)->getAttempt() != number)
    return fail(errc::data_loss, "{} is of another attempt", file.string());
  auto made = std::make_shared<state>(settings, loop, *order, std::move(events));
  std::unique_ptr<attempt> adopted(new attempt(made));
  loop.run([&] { made->adopt_all(); });
  return adopted;
}

result<std::vector<std::pair<uint64_t, uint32_t>>> left_attempts(const node_settings& settings) {
  auto directory = attempts_directory(settings.directory);
  if (auto made = make_directories(directory); !made) return std::unexpected(made.error());
  std::vector<std::pair<uint64_t, uint32_t>> left;
  std::error_code code;
  for (std::filesystem::directory_iterator it(directory, code), end; it != end && !code;
       it.increment(code))
    if (auto name = attempt_of(it->path().filename().string())) left.push_back(*name);
  if (code) return fail(errc::unavailable, "{}: {}", directory.string(), code.message());
  return left;
}

} // namespace troupe::runtime
