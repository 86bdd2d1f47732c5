// The rules that predict how a curve goes on: decay curve and convex.
#include "tests/tuner/stopping_studies.hpp"

using namespace troupe;
using namespace troupe::tuner;

namespace {

const std::string decay = R"("decayCurveStoppingSpec": {})";
const std::string convex = R"("convexAutomatedStoppingSpec": {})";

/// A little noise, the same on every machine.
double noise(double step, double key) { return 0.004 * std::sin(12.9898 * step + 78.233 * key); }

std::function<double(double)> power(double end, double rate, double sign = 1) {
  return [=](double step) { return sign * (end + std::pow(step, -rate) + noise(step, end)); };
}

/// The first is the best; the last is worse than most that the tests ask about.
std::vector<told_trial> finished(size_t count, double sign = 1) {
  std::vector<told_trial> made;
  for (size_t i = 0; i + 1 < count; ++i) {
    const auto part = static_cast<double>(i) / 9;
    made.push_back(curve(power(0.2 + part, 0.6 + 0.3 * std::sin(7 * part), sign), 50));
  }
  made.push_back(curve(power(3.5, 0.5, sign), 50));
  return made;
}

std::vector<told_trial> with(std::vector<told_trial> trials, const told_trial& more) {
  trials.push_back(more);
  return trials;
}

told_trial seen(const std::function<double(double)>& value, int64_t steps) {
  return curve(value, steps, trial_state::ACTIVE);
}

} // namespace

TEST_CASE("the decay curve rule stops a trial that will hardly be the best, and gives the reason") {
  const auto found = stops(study_with(decay, smaller), with(finished(10), seen(power(1, 0.7), 15)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].trial == 10);
  const auto& reason = found[0].reason;
  CHECK_MESSAGE(reason.starts_with("decay curve rule: m 1.15"), reason);
  for (const auto* part : {"at step 15 after 15 measurements", "predicted to end at ",
                           " at step 50, so with probability ", " of trial 1"})
    CHECK_MESSAGE(reason.find(part) != std::string::npos, reason);
}

TEST_CASE("the decay curve rule lets a trial go on that is as good as the best, or better") {
  const auto study = study_with(decay, smaller);
  for (int64_t steps : {5, 10, 20, 40, 49}) {
    // Like the best: stopped only when it is sure that it will not be better by what matters.
    if (steps <= 20)
      CHECK(stopped(study, with(finished(10), seen(power(0.2, 0.6), steps))).empty());
    CHECK(stopped(study, with(finished(10), seen(power(0.05, 0.6), steps))).empty());
  }
}

TEST_CASE("the decay curve rule lets a slow starter go on while it falls fast") {
  std::vector<told_trial> trials;
  for (int i = 0; i < 10; ++i) {
    const auto time = 3 + 2.5 * i;
    trials.push_back(curve(
        [=](double step) { return 0.6 - 0.02 * i + std::exp(-step / time) + noise(step, i); }, 50));
  }
  const auto slow = [](double step) { return 0.2 + std::exp(-step / 20) + noise(step, 77); };
  const auto study = study_with(decay, smaller);
  for (int64_t steps : {6, 10, 15, 25})
    CHECK_MESSAGE(stopped(study, with(trials, seen(slow, steps))).empty(), steps);
}

TEST_CASE("the decay curve rule stops nothing when there are too few trials, points or steps") {
  const auto study = study_with(decay, smaller);
  const auto bad = [](int64_t steps) { return seen(power(3, 0.7), steps); };
  CHECK(stopped(study, with(finished(5), bad(10))) == indices{5});
  CHECK(stopped(study, with(finished(4), bad(10))).empty());
  CHECK(stopped(study, with(finished(5), bad(4))).empty());
  CHECK(stopped(study, with(finished(5), bad(50))).empty());
  CHECK(stopped(study, with(finished(5), running({{5, 4}, {8, 4}, {10, 4}}))).empty());
  // Trials that were cut short have no end to learn from.
  auto cut = finished(6);
  cut[4].stopped = cut[5].stopped = "decay curve rule";
  CHECK(stopped(study, with(cut, bad(10))).empty());
}

TEST_CASE("the decay curve rule works for maximizing, over time, and by the best measurement") {
  CHECK(stopped(study_with(decay), with(finished(10, -1), seen(power(1, 0.7, -1), 15)))
        == indices{10});
  CHECK(stopped(study_with(decay), with(finished(10, -1), seen(power(0.2, 0.6, -1), 15))).empty());
  const auto timed =
      study_with(R"("decayCurveStoppingSpec": {"useElapsedDuration": true})", smaller);
  const auto found = stops(timed, with(finished(10), seen(power(1, 0.7), 15)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].reason.find("at 150 s after 15") != std::string::npos);
  // What was once as good as the best stays so if the best measurement counts, though it is now
  // bad.
  const auto best = R"("measurementSelectionType": "BEST_MEASUREMENT", )" + decay;
  auto fallen = seen(power(1, 0.7), 15);
  fallen.curve[9].value = 0.22;
  CHECK(stopped(study_with(best, smaller), with(finished(10), fallen)).empty());
  CHECK(stopped(study_with(best, smaller), with(finished(10), seen(power(1, 0.7), 15)))
        == indices{10});
}

TEST_CASE("the decay curve rule works when steps do not begin at 1, or are not consecutive") {
  auto trials = with(finished(10), seen(power(1, 0.7), 15));
  for (auto& one : trials) {
    for (auto& point : one.curve)
      point.step = 1'000'000 + 100 * point.step;
  }
  // So late a first step is a tenth of the way.
  CHECK(stopped(study_with(decay, smaller), trials) == indices{10});
  for (auto& point : trials.back().curve)
    point.value -= 0.85;
  CHECK(stopped(study_with(decay, smaller), trials).empty());
}

TEST_CASE("the decay curve rule gives the same answers when some trials diverge") {
  auto trials = finished(10);
  for (double rate : {0.3, 0.6, 0.9})
    trials.push_back(curve([=](double step) { return std::exp(rate * step); }, 50));
  const auto study = study_with(decay, smaller);
  CHECK(stopped(study, with(trials, seen(power(1.1, 0.7), 20))) == indices{13});
  CHECK(stopped(study, with(trials, seen(power(0.2, 0.6), 20))).empty());
}

TEST_CASE("the decay curve rule stops nothing when all trials are equal") {
  const std::vector<told_trial> same(8, curve([](double) { return 1; }, 20));
  CHECK(
      stopped(study_with(decay, smaller), with(same, seen([](double) { return 1; }, 10))).empty());
}

TEST_CASE(
    "the decay curve rule stops a worse trial more surely, also one worse than all finished ones") {
  const auto study = study_with(decay, smaller);
  std::vector<told_trial> trials;
  for (double end : {0.1, 0.12, 0.15, 0.2, 0.11, 0.13})
    trials.push_back(curve([=](double step) { return end + 1 / step; }, 20));
  for (double end : {0.5, 0.8, 1.0, 3.0, 10.0, 50.0, 1000.0}) {
    const auto bad = seen([=](double step) { return end + 1 / step; }, 6);
    CHECK_MESSAGE(stopped(study, with(trials, bad)) == indices{6}, end);
  }
  CHECK(stopped(study, with(trials, seen([](double) { return 0.9; }, 8))) == indices{6});
  CHECK(stopped(study, with(trials, seen([](double step) { return 2 * std::pow(1.3, step); }, 8)))
        == indices{6});
}

TEST_CASE("the decay curve rule gives the same answer each time, also from many trials") {
  std::vector<told_trial> trials;
  for (int i = 0; i < 300; ++i) {
    const auto end = 0.2 + 0.01 * ((37 * i) % 100);
    auto one = curve(power(end, 0.7), i % 3 == 0 ? 100 : 30 + i % 40);
    if (i % 3 != 0) one.stopped = "decay curve rule";
    trials.push_back(one);
  }
  for (int i = 0; i < 10; ++i)
    trials.push_back(seen(power(0.2 + 0.1 * i, 0.7), 30));
  const auto study = study_with(decay, smaller);
  const auto first = stops(study, trials);
  const auto again = stops(study, trials);
  REQUIRE(first.size() == again.size());
  CHECK(first.size() >= 6);
  CHECK(first.size() <= 9);
  for (size_t i = 0; i < first.size(); ++i)
    CHECK(first[i].reason == again[i].reason);
}

TEST_CASE("the convex rule stops a trial when even an over-estimate is worse than the best") {
  const auto study = study_with(convex, smaller);
  const auto found = stops(study, with(finished(10), seen(power(1, 0.7), 15)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].trial == 10);
  const auto& reason = found[0].reason;
  for (const auto* part :
       {"convex rule: m 1.15", "at step 15 after 15 measurements",
        "10 finished trials let it reach ", " at step 50 at most", " of trial 1"})
    CHECK_MESSAGE(reason.find(part) != std::string::npos, reason);
  CHECK(stopped(study, with(finished(10), seen(power(0.2, 0.6), 15))).empty());
  CHECK(stopped(study_with(convex), with(finished(10, -1), seen(power(1, 0.7, -1), 15)))
        == indices{10});
}

TEST_CASE("the convex rule stops nothing before its minimum of steps, measurements and trials") {
  const auto bad = [](int64_t steps) { return seen(power(3, 0.7), steps); };
  const auto study = study_with(convex, smaller);
  CHECK(stopped(study, with(finished(6), bad(6))) == indices{6});
  CHECK(stopped(study, with(finished(5), bad(6))).empty()); // one more than 5 must have finished
  CHECK(stopped(study, with(finished(6), bad(5))).empty()); // not beyond a tenth of 50 steps
  CHECK(stopped(study, with(finished(6), running({{5, 4}, {6, 3}, {7, 3.5}, {8, 3.4}}))).empty());
  CHECK(stopped(study, with(finished(6), bad(50))).empty());
  const auto set = [](const std::string& fields) {
    return study_with(R"("convexAutomatedStoppingSpec": {)" + fields + "}", smaller);
  };
  CHECK(stopped(set(R"("minMeasurementCount": "3")"), with(finished(4), bad(6))) == indices{4});
  CHECK(stopped(set(R"("minStepCount": "20")"), with(finished(6), bad(20))).empty());
  CHECK(stopped(set(R"("minStepCount": "20")"), with(finished(6), bad(21))) == indices{6});
  CHECK(stopped(set(R"("maxStepCount": "20")"), with(finished(6), bad(20))).empty());
  CHECK(stopped(set(R"("maxStepCount": "20")"), with(finished(6), bad(19))) == indices{6});
}

TEST_CASE("the convex rule makes no prediction from a flat curve") {
  auto flat = seen(power(3, 0.7), 8);
  for (int64_t step = 9; step <= 14; ++step)
    flat.curve.push_back({step, 3.0});
  CHECK(stopped(study_with(convex, smaller), with(finished(10), flat)).empty());
}

TEST_CASE("the convex rule uses the learning rate where slopes do not explain the ends") {
  // All curves are alike for 10 steps; then they gain by the logarithm of their learning rate.
  const auto like = [](double rate) {
    return [=](double step) {
      return 1 / step + (step <= 10 ? 0 : 0.02 * (step - 10) * (std::log10(rate) - 3))
             + noise(step, rate);
    };
  };
  std::vector<told_trial> trials;
  for (int i = 0; i < 12; ++i) {
    const auto rate = std::pow(10, -0.25 * i);
    trials.push_back(curve(like(rate), 50));
    trials.back().rate = rate;
  }
  auto hopeless = seen(like(1), 10);
  hopeless.rate = 1;
  CHECK(stopped(study_with(convex, smaller), with(trials, hopeless)).empty());
  const auto named = R"("convexAutomatedStoppingSpec": {"learningRateParameterName": "rate"})";
  CHECK(stopped(study_with(named, smaller), with(trials, hopeless)) == indices{12});
}

TEST_CASE("the convex rule counts a later peak when the best measurement is the objective") {
  // Every curve peaks at step 12 and falls from there.
  const auto peak = [](double top) {
    return [=](double step) { return top - 0.1 * std::abs(step - 12) + noise(step, top); };
  };
  std::vector<told_trial> trials;
  for (int i = 0; i < 10; ++i)
    trials.push_back(curve(peak(2 + 0.1 * i), 40));
  const auto study = study_with(convex + R"(, "measurementSelectionType": "BEST_MEASUREMENT")");
  auto job = job_with(with(trials, seen(peak(2.95), 6)));
  CHECK(trials_to_stop(*study, job->getTrials()).empty());
}

TEST_CASE("values that overflow neither switch a rule off nor stop a trial by themselves") {
  constexpr auto huge = std::numeric_limits<double>::max();
  auto trials = finished(10);
  for (int i = 0; i < 3; ++i) {
    auto broken = curve(power(1.5, 0.6), 50);
    for (size_t step = 10; step < 30; ++step)
      broken.curve[step].value = i == 2 ? -huge / 2 : huge;
    trials.push_back(broken);
  }
  for (const auto& rule : {decay, convex}) {
    const auto study = study_with(rule, smaller);
    CHECK(stopped(study, with(trials, seen(power(0.15, 0.6), 25))).empty());
  }
  trials.pop_back();
  trials.push_back(curve([](double) { return huge; }, 50));
  const auto study = study_with(decay, smaller);
  CHECK(stopped(study, with(trials, seen(power(2, 0.6), 25))) == indices{13});
}

TEST_CASE("the decay curve rule accepts trials that begin late, from another's checkpoint") {
  auto trials = finished(10);
  for (int i = 0; i < 12; ++i) {
    auto late = curve(power(0.3 + 0.1 * i, 0.6), 50);
    late.curve.erase(late.curve.begin(), late.curve.begin() + 24);
    trials.push_back(late);
  }
  CHECK(stopped(study_with(decay, smaller), with(trials, seen(power(2, 0.7), 15))) == indices{22});
}

TEST_CASE(
    "decay curve: what a trial's parameters promise counts where its curve says nothing yet") {
  // All curves are alike until step 30; then they fall to where their parameter has them end.
  const auto like = [](double rate) {
    return [=](double step) {
      return (step <= 30 ? 1 + 1 / step : 0.2 + 8 * std::pow(rate - 0.5, 2)) + noise(step, rate);
    };
  };
  std::vector<told_trial> trials;
  for (int i = 0; i < 16; ++i) {
    const auto rate = 0.05 + 0.06 * ((5 * i) % 16);
    trials.push_back(curve(like(rate), 50));
    trials.back().rate = rate;
  }
  const auto asked = [&](double rate) {
    auto one = seen(like(rate), 12);
    one.rate = rate;
    return with(trials, one);
  };
  const auto parameters =
      R"(, "parameters": [{"parameterId": "rate", "doubleValueSpec": {"minValue": 0.01, "maxValue": 1}}])";
  for (double rate : {0.02, 0.1, 0.9, 0.99})
    CHECK_MESSAGE(stopped(study_with(decay + parameters, smaller), asked(rate)) == indices{16},
                  rate);
  // Better than all that ended, by what matters.
  CHECK(stopped(study_with(decay + parameters, smaller), asked(0.5)).empty());
  CHECK(stopped(study_with(decay, smaller), asked(0.9)).empty());
}
