// The database that version 0.1 left behind when its controller was killed (tests/store/database-0.1)
// is read by this version: nothing is lost, the REST API says what it said, and the cluster goes on.
#include "api/http/server.hpp"
#include "tests/api/http_client.hpp"
#include "tests/core/world.hpp"
#include "tests/support/scratch.hpp"

#include <fstream>
#include <set>

using namespace troupe;
using namespace troupe::test;

namespace {

/// The API reads the committed state; these tests neither change anything through it nor read logs.
class stored_state final : public api::backend {
public:
  explicit stored_state(const store::database& database) : database_(database) {}

  void execute(wire::frame<wire::Command>,
               std::function<void(wire::frame<wire::Outcome>)> reply) override {
    reply(wire::frame<wire::Outcome>::build([](wire::Outcome::Builder outcome) {
      outcome.initError().setMessage("this test changes nothing");
    }));
  }
  void read_logs(std::string node, wire::frame<wire::LogQuery>,
                 std::function<void(result<wire::frame<wire::LogChunk>>)> reply) override {
    reply(fail(errc::unavailable, "node {} is not connected", node));
  }
  const store::database& database() const override { return database_; }

private:
  const store::database& database_;
};

int64_t killed_at_micros() {
  int64_t micros = 0;
  std::ifstream(DATABASE_0_1 "/killed_at_micros") >> micros;
  REQUIRE(micros > 0);
  return micros;
}

/// A cluster that was recovered from a copy of the database, one second after the crash.
struct recovered {
  recovered() {
    auto unpack = fmt::format("tar -xzf '{}/database.tar.gz' -C '{}'", DATABASE_0_1,
                              directory.path().string());
    REQUIRE(std::system(unpack.c_str()) == 0);
    auto opened = store::open(directory.path() / "store");
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
    w.db = std::move(*opened);
    w.settings.machines.types["small"] = {250, 64 << 20, 0, {}};
    w.now = killed_at_micros() + 1'000'000;
    w.restart();
  }
  ~recovered() {
    w.cluster.reset();
    w.db.reset();
  }

  size_t count(store::family family) const {
    size_t rows = 0;
    REQUIRE(w.db->scan(family, "", false, [&](auto, auto) { return ++rows > 0; }));
    return rows;
  }

  template <class T>
  uint64_t id_of(store::family family, std::string_view display_name) const {
    uint64_t id = 0;
    REQUIRE(w.db->scan(family, "", false, [&](std::string_view, std::string_view value) {
      auto record = wire::frame<T>::parse(value);
      REQUIRE(record);
      if (wire::view((*record)->getDisplayName()) == display_name)
        id = world::id_of(wire::str((*record)->getName()));
      return id == 0;
    }));
    REQUIRE_MESSAGE(id != 0, display_name);
    return id;
  }
  uint64_t job(std::string_view name) const {
    return id_of<wire::CustomJob>(store::family::custom_jobs, name);
  }
  uint64_t tuning_job(std::string_view name) const {
    return id_of<wire::HyperparameterTuningJob>(store::family::tuning_jobs, name);
  }
  uint64_t study(std::string_view name) const {
    return id_of<wire::Study>(store::family::studies, name);
  }

  /// Node `a` connects again, with the replicas that it ran.
  void node_a_returns() {
    node_wish a{.name = "a",
                .cpus = 8,
                .memory_gib = 4,
                .gpus = 2,
                .gpu_type = wire::AcceleratorType::TESLA_T4};
    const auto known = w.node("a");
    a.boot = wire::str(known->getHello().getBootId());
    a.agent_epoch = known->getHello().getAgentEpoch() + 1;
    a.cluster_id = w.cluster->id();
    w.hello(a, {{.job = job("running")},
                {.job = job("running"), .pool = 1},
                {.job = job("running-after-a-restart")},
                {.job = job("running-after-a-restart"), .pool = 1, .incarnation = 1},
                {.job = job("running-trial-3")},
                {.job = job("running-trial-4")}});
  }

  test::scratch directory;
  world w;
};

std::vector<wire::Trial::State> states_of(const std::vector<wire::frame<wire::Trial>>& trials) {
  std::vector<wire::Trial::State> states;
  for (const auto& trial : trials)
    states.push_back(trial->getState());
  return states;
}

} // namespace

TEST_CASE("a database of 0.1 is recovered with nothing lost") {
  recovered from;
  CHECK(from.w.cluster->epoch() == 2);
  CHECK(from.count(store::family::custom_jobs) == 29);
  CHECK(from.count(store::family::tuning_jobs) == 7);
  CHECK(from.count(store::family::studies) == 6);
  CHECK(from.count(store::family::trials) == 73);
  CHECK(from.count(store::family::operations) == 30);
  CHECK(from.count(store::family::nodes) == 3);
  CHECK(from.count(store::family::service_logs) == 187);
}

TEST_CASE("custom jobs of 0.1 are in the states that they had") {
  recovered from;
  const world& w = from.w;
  CHECK(w.state(from.job("succeeded")) == JobState::SUCCEEDED);
  CHECK(w.state(from.job("failed")) == JobState::FAILED);
  CHECK(w.error(from.job("failed")).find("non-zero status of 3") != std::string::npos);
  CHECK(w.state(from.job("failed-by-signals")) == JobState::FAILED);
  CHECK(w.state(from.job("cancelled")) == JobState::CANCELLED);
  CHECK(w.state(from.job("running")) == JobState::RUNNING);
  CHECK(w.state(from.job("running-after-a-restart")) == JobState::RUNNING);
  CHECK(w.state(from.job("pending")) == JobState::PENDING);
  CHECK(w.state(from.job("pending-after-a-lost-node")) == JobState::PENDING);
  CHECK(w.state(from.job("queued-behind-others")) == JobState::QUEUED);
  CHECK(w.state(from.job("queued-without-a-fitting-node")) == JobState::QUEUED);
  CHECK(!w.service_logs(from.job("failed")).empty());
}

TEST_CASE("tuning jobs of 0.1 keep their trials, measurements and ends") {
  recovered from;
  using state = wire::Trial::State;
  const auto state_of = [&](std::string_view name) {
    return (*from.w.stored<wire::HyperparameterTuningJob>(store::family::tuning_jobs,
                                                          from.tuning_job(name)))
        ->getState();
  };
  CHECK(state_of("grid-succeeded") == JobState::SUCCEEDED);
  CHECK(state_of("stopped-by-the-median") == JobState::SUCCEEDED);
  CHECK(state_of("resumed") == JobState::SUCCEEDED);
  CHECK(state_of("failed") == JobState::FAILED);
  CHECK(state_of("cancelled") == JobState::CANCELLED);
  CHECK(state_of("running") == JobState::RUNNING);
  CHECK(state_of("waits-for-a-node") == JobState::PENDING);

  CHECK(states_of(from.w.trials(from.tuning_job("running")))
        == std::vector{state::SUCCEEDED, state::SUCCEEDED, state::ACTIVE, state::ACTIVE});
  CHECK(states_of(from.w.trials(from.tuning_job("cancelled")))
        == std::vector{state::SUCCEEDED, state::INFEASIBLE});
  const auto stopped = from.w.trials(from.tuning_job("stopped-by-the-median"));
  REQUIRE(stopped.size() == 6);
  CHECK(wire::str(stopped[5]->getStoppingReason()).starts_with("median rule"));
}

TEST_CASE("trials of a client study of 0.1 are in the states that they had") {
  recovered from;
  using state = wire::Trial::State;
  CHECK(states_of(from.w.trials(from.study("every-state")))
        == std::vector{state::SUCCEEDED, state::SUCCEEDED, state::SUCCEEDED, state::SUCCEEDED,
                       state::SUCCEEDED, state::ACTIVE, state::STOPPING, state::INFEASIBLE,
                       state::INFEASIBLE, state::REQUESTED});
}

TEST_CASE("the API says of a database of 0.1 what 0.1 said") {
  recovered from;
  stored_state backend(*from.w.db);
  api::server_settings settings;
  settings.token = "secret";
  auto server = api::server::start(settings, backend);
  REQUIRE_MESSAGE(server, (server ? "" : server.error().message));
  const api::test::client http{(*server)->port()};

  std::ifstream answers(DATABASE_0_1 "/answers.txt");
  std::string name, body;
  size_t compared = 0;
  while (std::getline(answers, name) && std::getline(answers, body)) {
    CAPTURE(name);
    CHECK(http.get("/v1/" + name).body == body);
    ++compared;
  }
  CHECK(compared == 109);
}

TEST_CASE("operations that waited for the tuner of 0.1 are asked again") {
  recovered from;
  const auto& effects = from.w.last;
  REQUIRE(effects.suggestion_requests.size() == 1);
  CHECK(effects.suggestion_requests[0].study == from.study("waits-for-suggestions"));
  CHECK(effects.suggestion_requests[0].count == 20);
  CHECK(effects.suggestion_requests[0].job->getTrials().size() == 25);
  CHECK(effects.suggestion_requests[0].priors.size() == 2);

  from.w.pass(1);
  std::set<uint64_t> checked;
  for (const auto& request : from.w.last.stopping_requests)
    checked.insert(request.study);
  CHECK(checked.contains(from.study("waits-for-a-check")));

  size_t waiting = 0;
  REQUIRE(from.w.db->scan(store::family::operations, "", false, [&](auto, std::string_view value) {
    waiting += !(*wire::frame<wire::Operation>::parse(value))->getDone();
    return true;
  }));
  CHECK(waiting == 3);
}

TEST_CASE("nodes of 0.1 keep their quarantine, and what their replicas hold") {
  recovered from;
  for (auto name : {"a", "b", "c"})
    CHECK(!from.w.node(name)->getConnected());
  CHECK(from.w.node("a")->getQuarantine().size() == 0);
  CHECK(from.w.node("a")->getAllocated().getGpus() == 1);
  CHECK(wire::str(from.w.node("b")->getQuarantine()).find("still runs past its kill deadline")
        != std::string::npos);
  CHECK(from.w.node("b")->getAllocated().getGpus() == 1);
  CHECK(from.w.node("c")->getAllocated().getCpuMillis() == 0);
}

TEST_CASE("a cluster of 0.1 goes on: replicas are adopted, jobs end, new ids are new") {
  recovered from;
  world& w = from.w;
  const uint64_t running = from.job("running");
  from.node_a_returns();
  CHECK(w.state(running) == JobState::RUNNING);
  CHECK(w.attempt(running)->getAttempt() == 1);
  CHECK(w.count_sent(wire::Order::STOP, "a") == 0);
  // Its launch was under way when the controller was killed, and the node does not know it.
  CHECK(w.count_sent(wire::Order::LAUNCH, "a") >= 1);

  w.exits(running, 0);
  CHECK(w.state(running) == JobState::SUCCEEDED);
  w.exits(from.job("running-trial-3"), 0);
  CHECK(w.trials(from.tuning_job("running"))[2]->getState() == wire::Trial::State::SUCCEEDED);

  std::set<uint64_t> ids;
  for (auto family : {store::family::custom_jobs, store::family::tuning_jobs,
                      store::family::studies, store::family::operations})
    REQUIRE(w.db->scan(family, "", false, [&](std::string_view key, auto) {
      ids.insert(std::stoull(std::string(key)));
      return true;
    }));
  CHECK(w.submit() > *ids.rbegin());
}

TEST_CASE("a job that 0.1 deleted is forgotten once its node reports the last replica's end") {
  recovered from;
  world& w = from.w;
  // The node that could not end it was rebooted.
  w.hello({.name = "b",
           .cpus = 2,
           .memory_gib = 1,
           .gpus = 2,
           .gpu_type = wire::AcceleratorType::L4,
           .boot = "another boot",
           .agent_epoch = 1,
           .cluster_id = w.cluster->id()});
  CHECK(w.node("b")->getQuarantine().size() == 0);
  CHECK(w.node("b")->getAllocated().getGpus() == 0);
}
