// Client studies and their trials: created, shown, deleted.
#include "tests/core/studies/client_study.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::client_study;

TEST_CASE("a study is created under its name once, shown, and deleted with its trials") {
  world w;
  uint64_t id = create(w);
  CHECK(study_of(w, id)->getState() == wire::Study::State::ACTIVE);
  CHECK(wire::str(study_of(w, id)->getName())
        == fmt::format("projects/p/locations/l/studies/{}", id));
  CHECK(study_of(w, id)->hasCreateTime());
  CHECK(create(w) == 0);
  CHECK(w.reply_code() == 6);
  CHECK(w.reply_error().find(std::to_string(id)) != std::string::npos);
  CHECK(create(w, "") == 0);
  CHECK(w.reply_code() == 3);

  create_trial(w, id, 0.5);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(id); });
  CHECK(w.last.replies.at(0).outcome->isEmpty());
  CHECK(w.trials(id).empty());
  CHECK(!w.stored<wire::Study>(store::family::studies, id));
  CHECK(!w.stored<wire::StudyRecord>(store::family::study_records, id));
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(id); });
  CHECK(w.reply_code() == 5);
  CHECK(create(w) != 0);
}

TEST_CASE("a trial must be a point of the space, and says where it is not") {
  world w;
  uint64_t id = create(w);
  auto with = [&](const std::function<void(capnp::List<wire::Trial::Parameter>::Builder)>& fill,
                  uint32_t count) {
    w.step([&](wire::Event::Builder event) {
      auto change = world::in_project(event).initCreateTrial();
      change.setStudy(id);
      fill(change.initTrial().initParameters(count));
    });
    CHECK(w.reply_code() == 3);
    return w.reply_error();
  };
  CHECK(with([](auto) {}, 0)
        == "parameters: 'x' is missing; expected a number from 0 to 1\n"
           "parameters: 'optimizer' is missing; expected one of the strings "
           "sgd, adam");
  CHECK(with([](auto p) { point(p, 2); }, 2)
        == "parameters[0]: 'x' is 2; expected a number from 0 to 1");
  CHECK(with([](auto p) { point(p, std::numeric_limits<double>::quiet_NaN()); }, 2)
            .starts_with("parameters[0]: 'x' is nan"));
  CHECK(with([](auto p) { point(p, 0.5), p[1].initValue().setString("sgd"); }, 2)
        == "parameters: 'momentum' is missing; expected a number from 0 to 0.9");
  CHECK(with(
            [](auto p) {
              point(p, 0.5), p[2].setParameterId("momentum"), p[2].initValue().setNumber(0.5);
            },
            3)
            .find("'momentum' is not active")
        != std::string::npos);
  CHECK(
      with([](auto p) { point(p, 0.5), p[2].setParameterId("y"), p[2].initValue().setNumber(0.5); },
           3)
      == "parameters[2]: 'y' is not a parameter of the study; expected one of momentum, "
         "optimizer, x");
  CHECK(with([](auto p) { point(p, 0.5), p[2].setParameterId("x"), p[2].initValue(); }, 3)
            .find("a second time")
        != std::string::npos);
  create_trial(w, id, 0.5, [](wire::Trial::Builder t) { t.setState(state::SUCCEEDED); });
  CHECK(w.reply_error().starts_with("finalMeasurement: not set"));
  CHECK(w.last.writes.empty());
}

TEST_CASE("numbers of deleted trials are not used again") {
  world w;
  uint64_t id = create(w);
  create_trial(w, id, 0.1);
  create_trial(w, id, 0.2);
  change(w, id, 2, [](wire::Command::Builder c) { return c.initDeleteTrial(); });
  CHECK(w.last.replies.at(0).outcome->isEmpty());
  CHECK(w.trials(id).size() == 1);
  w.restart();
  create_trial(w, id, 0.3);
  CHECK(wire::view(w.trials(id).at(1)->getId()) == "3");
  change(w, id, 2, [](wire::Command::Builder c) { return c.initDeleteTrial(); });
  CHECK(w.reply_code() == 5);
}

TEST_CASE("deleting a study ends what waits for it") {
  world w;
  uint64_t id = create(w);
  uint64_t op = ask(w, id, "one");
  auto request = w.last.suggestion_requests.at(0);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(id); });
  CHECK(operation(w, op)->getDone());
  CHECK(operation(w, op)->getError().getCode() == 10);
  suggest(w, request, {0.1});
  CHECK(w.trials(id).empty());
}
