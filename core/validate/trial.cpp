#include "core/validate/trial.hpp"

#include "core/validate/detail.hpp"
#include "tuner/space.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace troupe::core {

namespace {

using detail::problem_list;
using value_reader = capnp::json::Value::Reader;

constexpr size_t values_shown_max = 20;
constexpr int32_t suggestions_max = 1000;

std::string shown(value_reader value) {
  switch (value.which()) {
  case capnp::json::Value::NUMBER:
    return fmt::format("{}", value.getNumber());
  case capnp::json::Value::STRING:
    return fmt::format("'{}'", wire::view(value.getString()));
  case capnp::json::Value::BOOLEAN:
    return value.getBoolean() ? "true" : "false";
  case capnp::json::Value::NULL_:
    return "not set";
  default:
    return "neither a number nor a string";
  }
}

template <class Values>
std::string listed(const Values& values) {
  std::vector<std::string> first;
  for (const auto& value : values) {
    if (first.size() == values_shown_max) {
      first.emplace_back("...");
      break;
    }
    first.push_back(fmt::format("{}", value));
  }
  return fmt::format("{}", fmt::join(first, ", "));
}

std::string expected_of(const tuner::parameter& p) {
  switch (p.type) {
  case tuner::parameter_type::real:
    return fmt::format("a number from {} to {}", p.low, p.high);
  case tuner::parameter_type::integer:
    return fmt::format("a whole number from {} to {}", p.low, p.high);
  case tuner::parameter_type::discrete:
    return fmt::format("one of the numbers {}", listed(p.numbers));
  case tuner::parameter_type::categorical:
    return fmt::format("one of the strings {}", listed(p.categories));
  }
  return {};
}

class parameter_check {
public:
  parameter_check(wire::StudySpec::Reader study, const std::string& path)
      : space_(study), path_(path) {}

  std::vector<std::string> check(capnp::List<wire::Trial::Parameter>::Reader values, bool whole) {
    collect(values);
    std::set<std::string> met;
    bool wrong = false;
    tuner::row point(space_.parameters().size(), std::numeric_limits<double>::quiet_NaN());
    for (size_t i = 0; i < point.size(); ++i) {
      const tuner::parameter& p = space_.parameters()[i];
      const auto given = named_.find(p.id);
      const bool active = !whole || space_.active(point, i);
      if (!active) continue;
      if (given == named_.end()) {
        if (whole) problems_.add(path_, "'{}' is missing; expected {}", p.id, expected_of(p));
        continue;
      }
      const auto [index, value] = given->second;
      const auto coordinate = tuner::coordinate_named(p, value);
      // A name may stand at several places of the tree, under conditions that exclude each other.
      if (!coordinate && !whole && fits_elsewhere(p.id, value)) continue;
      if (met.insert(p.id).second && !coordinate)
        problems_.add(place(index), "'{}' is {}; expected {}", p.id, shown(value), expected_of(p));
      point[i] = coordinate.value_or(std::numeric_limits<double>::quiet_NaN());
      wrong |= !coordinate;
    }
    // Below a wrong parent nothing can be said.
    for (const auto& [id, given] : named_)
      if (!met.contains(id) && whole && !wrong)
        problems_.add(place(given.first),
                      "'{}' is not active under the values of its parents; expected it left out",
                      id);
    return std::move(problems_).take();
  }

private:
  std::string place(uint32_t index) const { return fmt::format("{}[{}]", path_, index); }

  bool known(std::string_view id) const {
    return std::ranges::any_of(space_.parameters(), [&](const auto& p) { return p.id == id; });
  }

  bool fits_elsewhere(std::string_view id, value_reader value) const {
    return std::ranges::any_of(space_.parameters(), [&](const tuner::parameter& p) {
      return p.id == id && tuner::coordinate_named(p, value);
    });
  }

  void collect(capnp::List<wire::Trial::Parameter>::Reader values) {
    for (uint32_t i = 0; i < values.size() && !problems_.full(); ++i) {
      const auto id = wire::str(values[i].getParameterId());
      if (!known(id))
        problems_.add(place(i), "'{}' is not a parameter of the study; expected one of {}", id,
                      ids());
      else if (!named_.try_emplace(id, i, values[i].getValue()).second)
        problems_.add(place(i), "'{}' a second time; expected every parameter once", id);
    }
  }

  std::string ids() const {
    std::set<std::string> all;
    for (const tuner::parameter& p : space_.parameters())
      all.insert(p.id);
    return listed(all);
  }

  tuner::search_space space_;
  std::string path_;
  problem_list problems_;
  std::map<std::string, std::pair<uint32_t, value_reader>> named_;
};

void append(std::vector<std::string>& all, std::vector<std::string> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

bool later(wire::Measurement::Reader than, wire::Measurement::Reader m) {
  return std::pair(m.getStepCount(), m.getElapsedDuration().getMicros())
         > std::pair(than.getStepCount(), than.getElapsedDuration().getMicros());
}

std::vector<std::string> problems_of_order(capnp::List<wire::Measurement>::Reader all) {
  std::vector<std::string> problems;
  if (all.size() > measurements_max)
    problems.push_back(
        fmt::format("measurements: {} of them; expected at most {}", all.size(), measurements_max));
  for (uint32_t i = 1; i < all.size(); ++i)
    if (!later(all[i - 1], all[i])) {
      problems.push_back(
          fmt::format("measurements[{}]: not later than the one before it; expected them strictly "
                      "ordered by (stepCount, elapsedDuration)",
                      i));
      break;
    }
  return problems;
}

bool same(value_reader a, value_reader b) {
  if (a.isNumber() && b.isNumber()) {
    const auto size = std::max(std::abs(a.getNumber()), std::abs(b.getNumber()));
    return std::abs(a.getNumber() - b.getNumber()) <= tuner::same_discrete * std::min(1.0, size);
  }
  return a.isString() && b.isString() && wire::view(a.getString()) == wire::view(b.getString());
}

} // namespace

std::vector<std::string> problems_of_parameters(wire::StudySpec::Reader study,
                                                capnp::List<wire::Trial::Parameter>::Reader values,
                                                const std::string& path, bool whole) {
  return parameter_check(study, path).check(values, whole);
}

std::vector<std::string> problems_of_measurement(wire::StudySpec::Reader study,
                                                 wire::Measurement::Reader measured,
                                                 const std::string& path, bool final) {
  problem_list problems;
  if (measured.getStepCount() < 0)
    problems.add(path + ".stepCount", "{}; expected 0 or more", measured.getStepCount());
  if (measured.getElapsedDuration().getMicros() < 0)
    problems.add(path + ".elapsedDuration", "{}; expected 0s or more",
                 detail::seconds_text(measured.getElapsedDuration()));
  std::vector<std::string> ids;
  for (auto metric : study.getMetrics())
    ids.push_back(wire::str(metric.getMetricId()));
  std::set<std::string> seen;
  for (uint32_t i = 0; i < measured.getMetrics().size() && !problems.full(); ++i) {
    const auto metric = measured.getMetrics()[i];
    const auto here = fmt::format("{}.metrics[{}]", path, i);
    const auto id = wire::str(metric.getMetricId());
    if (std::ranges::find(ids, id) == ids.end())
      problems.add(here + ".metricId", "'{}' is not a metric of the study; expected one of {}", id,
                   listed(ids));
    else if (!seen.insert(id).second)
      problems.add(here + ".metricId", "'{}' a second time; expected every metric once", id);
    if (!std::isfinite(metric.getValue()))
      problems.add(here + ".value",
                   "{} of '{}'; expected a finite number (a trial that cannot be measured is "
                   "completed with trialInfeasible)",
                   metric.getValue(), id);
  }
  if (measured.getMetrics().size() == 0)
    problems.add(path + ".metrics", "no metric; expected {}", listed(ids));
  else if (final)
    for (const auto& id : ids)
      if (!seen.contains(id))
        problems.add(path + ".metrics", "'{}' is missing; expected every metric of the study: {}",
                     id, listed(ids));
  return std::move(problems).take();
}

std::vector<std::string> problems_of(wire::StudySpec::Reader study, wire::Trial::Reader wanted) {
  using state = wire::Trial::State;
  auto problems = problems_of_parameters(study, wanted.getParameters(), "parameters", true);
  const auto add = [&](std::string text) { problems.push_back(std::move(text)); };
  const bool succeeded = wanted.getState() == state::SUCCEEDED;
  if (wanted.getState() != state::UNSPECIFIED && wanted.getState() != state::REQUESTED && !succeeded
      && wanted.getState() != state::INFEASIBLE)
    add("state: a trial cannot be made in it; expected REQUESTED (suggested later), or SUCCEEDED "
        "or INFEASIBLE (ended already)");
  if (succeeded && !wanted.hasFinalMeasurement())
    add("finalMeasurement: not set in a SUCCEEDED trial; expected every metric of the study");
  if (!succeeded && wanted.hasFinalMeasurement())
    add("finalMeasurement: set in a trial that has not SUCCEEDED; expected it left out, or state "
        "SUCCEEDED");
  if (!succeeded && wanted.getMeasurements().size() > 0)
    add("measurements: set in a trial that has not SUCCEEDED; expected them left out, or state "
        "SUCCEEDED");
  if (wanted.getState() != state::INFEASIBLE && wanted.getInfeasibleReason().size() > 0)
    add("infeasibleReason: set in a trial that is not INFEASIBLE; expected it left out, or state "
        "INFEASIBLE");
  if (succeeded && wanted.hasFinalMeasurement())
    append(problems,
           problems_of_measurement(study, wanted.getFinalMeasurement(), "finalMeasurement", true));
  for (uint32_t i = 0; i < wanted.getMeasurements().size() && problems.size() < problems_max; ++i)
    append(problems, problems_of_measurement(study, wanted.getMeasurements()[i],
                                             fmt::format("measurements[{}]", i), false));
  append(problems, problems_of_order(wanted.getMeasurements()));
  return problems;
}

namespace {

/// No point can have all of these values if one of them is of a parameter that the others make
/// inactive.
std::vector<std::string> problems_of_slice(wire::StudySpec::Reader study,
                                           capnp::List<wire::Trial::Parameter>::Reader values,
                                           const std::string& path) {
  tuner::search_space space(study);
  space.pin(values);
  const auto point = space.values_of(space.filled([&](size_t i) {
    const auto& p = space.parameters()[i];
    return p.type == tuner::parameter_type::categorical ? 0.0 : p.nearest_at(0.5);
  }));
  std::vector<std::string> problems;
  for (uint32_t i = 0; i < values.size(); ++i) {
    const auto id = wire::view(values[i].getParameterId());
    if (std::ranges::none_of(point, [&](const tuner::parameter_value& v) { return v.id == id; }))
      problems.push_back(fmt::format("{}[{}]: '{}' is inactive where the other parameters have "
                                     "these values; expected it left out, or other values",
                                     path, i, id));
  }
  return problems;
}

} // namespace

std::vector<std::string> problems_of(wire::StudySpec::Reader study,
                                     wire::SuggestTrialsRequest::Reader wanted) {
  std::vector<std::string> problems;
  const auto count = wanted.getSuggestionCount();
  if (count < 1 || count > suggestions_max)
    problems.push_back(
        fmt::format("suggestionCount: {}; expected 1 to {}", count, suggestions_max));
  if (wanted.getClientId().size() == 0)
    problems.emplace_back("clientId: not set; expected a name for the worker that asks: it gets "
                          "its own unfinished trials back");
  const auto contexts = wanted.getContexts();
  if (contexts.size() != 0 && int64_t{contexts.size()} != count)
    problems.push_back(fmt::format(
        "contexts: {} of them; expected none, or one for each of the {} suggestions asked for",
        contexts.size(), count));
  for (uint32_t i = 0; i < contexts.size() && problems.size() < problems_max; ++i) {
    const auto here = fmt::format("contexts[{}].parameters", i);
    auto found = problems_of_parameters(study, contexts[i].getParameters(), here, false);
    if (found.empty()) found = problems_of_slice(study, contexts[i].getParameters(), here);
    append(problems, std::move(found));
  }
  return problems;
}

std::vector<std::string> problems_of(wire::StudySpec::Reader study,
                                     wire::CompleteTrialRequest::Reader wanted) {
  std::vector<std::string> problems;
  if (wanted.getTrialInfeasible() && wanted.hasFinalMeasurement())
    problems.emplace_back("finalMeasurement: set beside trialInfeasible; expected one of the two");
  if (!wanted.getTrialInfeasible() && wanted.getInfeasibleReason().size() > 0)
    problems.emplace_back(
        "infeasibleReason: set without trialInfeasible; expected trialInfeasible true beside it");
  if (wanted.hasFinalMeasurement())
    append(problems,
           problems_of_measurement(study, wanted.getFinalMeasurement(), "finalMeasurement", true));
  return problems;
}

bool lies_in(capnp::List<wire::Trial::Parameter>::Reader values,
             capnp::List<wire::Trial::Parameter>::Reader slice) {
  for (auto wanted : slice) {
    bool has = false;
    for (auto value : values)
      has |= wire::view(value.getParameterId()) == wire::view(wanted.getParameterId())
             && same(value.getValue(), wanted.getValue());
    if (!has) return false;
  }
  return true;
}

} // namespace troupe::core
