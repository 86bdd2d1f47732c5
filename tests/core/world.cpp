#include "tests/core/world.hpp"

namespace troupe::test {

void fill_status(wire::ReplicaStatus::Builder status, const replica_word& word) {
  auto id = status.initId();
  id.setJobId(word.job);
  id.setAttempt(word.attempt);
  id.setPool(word.pool);
  id.setIndex(word.index);
  id.setIncarnation(word.incarnation);
  status.setPhase(word.phase);
  status.setExitCode(word.code);
  status.setSignal(word.signal);
  status.setMessage(wire::text(word.message));
  status.setOutOfMemory(word.oom);
  status.setPermanent(word.permanent);
}

world::world(core::settings with)
    : settings(with), db(store::in_memory()),
      cluster(std::make_unique<core::cluster>(with, "c0ffee")) {}

core::effects& world::step(const std::function<void(wire::Event::Builder)>& fill) {
  auto event = wire::frame<wire::Event>::build([&](wire::Event::Builder builder) {
    builder.setAtMicros(now);
    builder.setRequest(++request);
    builder.setSecret("s3cret");
    fill(builder);
  });
  last = cluster->on(event);
  settle();
  return last;
}

void world::settle() {
  REQUIRE(db->commit(last.writes));
  CHECK_MESSAGE(!cluster->violated_invariant(), cluster->violated_invariant().value_or(""));
  orders.insert(orders.end(), last.orders.begin(), last.orders.end());
}

core::scanner world::scanner() const {
  return [this](store::family kind, const auto& visit) { return db->scan(kind, "", false, visit); };
}

void world::restart() {
  auto recovered = core::cluster::recover(settings, "fresh", instant_of(now), scanner());
  REQUIRE_MESSAGE(recovered, (recovered ? "" : recovered.error().message));
  cluster = std::move(recovered->first);
  last = std::move(recovered->second);
  settle();
}

void world::pass(int64_t seconds) {
  now += seconds * 1'000'000;
  step([](wire::Event::Builder event) { event.setTick(); });
}

// -- users --

uint64_t world::submit(const job_wish& wish) {
  step([&](wire::Event::Builder event) {
    auto command = in_project(event);
    auto job = command.initCreateCustomJob();
    job.setDisplayName(wire::text(wish.name));
    fill_spec(job.initJobSpec(), wish);
  });
  REQUIRE(last.replies.size() == 1);
  REQUIRE_MESSAGE(last.replies[0].outcome->isCustomJob(), reply_error());
  return id_of(wire::str(last.replies[0].outcome->getCustomJob().getName()));
}

void world::cancel(uint64_t job) {
  step([&](wire::Event::Builder event) { in_project(event).setCancelCustomJob(job); });
}

void world::remove(uint64_t job) {
  step([&](wire::Event::Builder event) { in_project(event).setDeleteCustomJob(job); });
}

wire::Command::Builder world::in_project(wire::Event::Builder event) {
  auto command = event.initCommand();
  command.setProject("p");
  command.setLocation("l");
  return command;
}

uint64_t world::id_of(const std::string& name) {
  return std::stoull(name.substr(name.rfind('/') + 1));
}

// -- nodes --

core::effects& world::hello(const node_wish& wish, const std::vector<replica_word>& replicas) {
  nodes[wish.name] = wish;
  return step([&](wire::Event::Builder event) {
    auto hello = event.initNodeUp();
    hello.setName(wire::text(wish.name));
    hello.setAddress(wire::text("10.0.0." + wish.name));
    hello.setBootId(wire::text(wish.boot));
    hello.setAgentEpoch(wish.agent_epoch);
    hello.setClusterId(wire::text(wish.cluster_id));
    hello.setPortFirst(20000);
    hello.setPortLast(static_cast<uint16_t>(20000 + wish.ports - 1));
    auto resources = hello.initResources();
    resources.setCpuMillis(wish.cpus * 1000);
    resources.setMemoryBytes(wish.memory_gib << 30);
    resources.setGpus(wish.gpus);
    if (wish.gpus > 0) resources.setGpuType(wish.gpu_type);
    auto list = hello.initReplicas(static_cast<uint32_t>(replicas.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      fill_status(list[i], replicas[i]);
  });
}

core::effects& world::down(const std::string& name) {
  return step([&](wire::Event::Builder event) {
    auto down = event.initNodeDown();
    down.setName(wire::text(name));
    down.setAgentEpoch(nodes.at(name).agent_epoch);
    down.setReason("link closed");
  });
}

core::effects& world::say(const std::string& node, const replica_word& word) {
  return step(
      [&](wire::Event::Builder event) { fill_status(report(event, node).initReplica(), word); });
}

wire::Report::Builder world::report(wire::Event::Builder event, const std::string& node) {
  auto report = event.initReport();
  report.setNode(wire::text(node));
  report.setBootId(wire::text(nodes.at(node).boot));
  report.setAgentEpoch(nodes.at(node).agent_epoch);
  return report;
}

void world::running(uint64_t job, const std::string& node) { say(node, {.job = job}); }
void world::exits(uint64_t job, int32_t code, const std::string& node) {
  say(node, {.job = job, .phase = ReplicaPhase::EXITED, .code = code});
}

// -- what became of it --

wire::frame<wire::CustomJob> world::job(uint64_t id) const {
  auto found = stored<wire::CustomJob>(store::family::custom_jobs, id);
  REQUIRE(found);
  return *found;
}

wire::frame<wire::AttemptRecord> world::attempt(uint64_t id) const {
  auto found = stored<wire::AttemptRecord>(store::family::attempts, id);
  REQUIRE(found);
  return *found;
}

std::vector<wire::frame<wire::Trial>> world::trials(uint64_t id) const {
  std::vector<wire::frame<wire::Trial>> all;
  REQUIRE(db->scan(store::family::trials, store::key_of(id) + "/", false, [&](auto key, auto v) {
    if (!key.starts_with(store::key_of(id))) return false;
    all.push_back(*wire::frame<wire::Trial>::parse(v));
    return true;
  }));
  return all;
}

JobState world::state(uint64_t id) const { return job(id)->getState(); }
std::string world::reason(uint64_t id) const { return wire::str(attempt(id)->getReason()); }
std::string world::error(uint64_t id) const { return wire::str(job(id)->getError().getMessage()); }
wire::frame<wire::NodeRecord> world::node(const std::string& name) const {
  auto value = db->read(store::family::nodes, name);
  REQUIRE(value);
  REQUIRE(*value);
  return *wire::frame<wire::NodeRecord>::parse(**value);
}

std::vector<std::string> world::service_logs(uint64_t id) const {
  std::vector<std::string> lines;
  REQUIRE(
      db->scan(store::family::service_logs, store::key_of(id), false, [&](auto key, auto value) {
        if (!key.starts_with(store::key_of(id))) return false;
        lines.push_back(wire::str((*wire::frame<wire::ServiceLog>::parse(value))->getMessage()));
        return true;
      }));
  return lines;
}

std::string world::reply_error() const {
  if (last.replies.empty() || !last.replies[0].outcome->isError()) return "";
  return wire::str(last.replies[0].outcome->getError().getMessage());
}

int32_t world::reply_code() const {
  if (last.replies.size() != 1 || !last.replies[0].outcome->isError()) return 0;
  return last.replies[0].outcome->getError().getCode();
}

std::vector<wire::Order::Reader> world::sent(wire::Order::Which kind,
                                             const std::string& node) const {
  std::vector<wire::Order::Reader> found;
  for (const core::order& order : last.orders)
    if (order.message->which() == kind && (node.empty() || order.node == node))
      found.push_back(*order.message);
  return found;
}

size_t world::count_sent(wire::Order::Which kind, const std::string& node) const {
  return sent(kind, node).size();
}

} // namespace troupe::test
