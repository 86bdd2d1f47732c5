// Whether a study is valid: its metrics, algorithm, stopping rules and earlier studies.
#include "core/validate/detail.hpp"

#include <cmath>
#include <set>

namespace troupe::core::detail {

namespace {

bool is_id(std::string_view id) {
  return !id.empty() && id.find_first_of(" \t\n\r\v\f") == std::string_view::npos;
}

void check_metrics(problem_list& problems, const std::string& path,
                   capnp::List<wire::MetricSpec>::Reader metrics) {
  if (metrics.size() == 0) problems.add(path, "no metric; expected 1 or more");
  std::set<std::string_view> seen;
  bool objective = false;
  for (uint32_t i = 0; i < metrics.size() && !problems.full(); ++i) {
    const auto here = fmt::format("{}[{}]", path, i);
    const auto id = wire::view(metrics[i].getMetricId());
    if (!is_id(id))
      problems.add(here + ".metricId", "'{}'; expected a name without whitespace", id);
    else if (!seen.insert(id).second)
      problems.add(here + ".metricId", "'{}' a second time; expected every name once", id);
    if (metrics[i].getGoal() > wire::MetricSpec::GoalType::MINIMIZE)
      problems.add(here + ".goal", "{} is not a goal; expected MAXIMIZE or MINIMIZE",
                   static_cast<uint32_t>(metrics[i].getGoal()));
    objective |= !metrics[i].hasSafetyConfig();
    if (!metrics[i].hasSafetyConfig()) continue;
    const auto safety = metrics[i].getSafetyConfig();
    if (!std::isfinite(safety.getSafetyThreshold()))
      problems.add(here + ".safetyConfig.safetyThreshold", "{}; expected a finite number",
                   safety.getSafetyThreshold());
    const auto fraction = safety.getDesiredMinSafeTrialsFraction();
    if (!(fraction >= 0 && fraction <= 1))
      problems.add(here + ".safetyConfig.desiredMinSafeTrialsFraction", "{}; expected 0 to 1",
                   fraction);
  }
  if (metrics.size() != 0 && !objective)
    problems.add(
        path, "only safety metrics; expected at least one without safetyConfig, as the objective");
}

/// A wrapper value: absent, or a whole number that is not negative.
int64_t check_count(problem_list& problems, const std::string& path,
                    capnp::json::Value::Reader value, int64_t absent) {
  if (value.isNull()) return absent;
  constexpr double count_max = 2147483647;
  if (!value.isNumber() || !(value.getNumber() >= 0 && value.getNumber() <= count_max)
      || value.getNumber() != std::floor(value.getNumber())) {
    problems.add(path, "{}; expected a whole number of 0 or more",
                 value.isNumber() ? fmt::format("{}", value.getNumber()) : "not a number");
    return absent;
  }
  return static_cast<int64_t>(value.getNumber());
}

void check_time_constraint(problem_list& problems, const std::string& path,
                           wire::StudyTimeConstraint::Reader constraint) {
  if (constraint.isMaxDuration() && constraint.getMaxDuration().getMicros() < 0)
    problems.add(path + ".maxDuration", "{}; expected 0s or more",
                 seconds_text(constraint.getMaxDuration()));
}

void check_study_stopping(problem_list& problems, const std::string& path,
                          wire::StudyStoppingConfig::Reader stopping, size_t objectives) {
  if (!stopping.getShouldStopAsap().isNull() && !stopping.getShouldStopAsap().isBoolean())
    problems.add(path + ".shouldStopAsap", "not a truth value; expected true or false");
  check_time_constraint(problems, path + ".minimumRuntimeConstraint",
                        stopping.getMinimumRuntimeConstraint());
  check_time_constraint(problems, path + ".maximumRuntimeConstraint",
                        stopping.getMaximumRuntimeConstraint());
  const auto least = check_count(problems, path + ".minNumTrials", stopping.getMinNumTrials(), 0);
  const auto most =
      check_count(problems, path + ".maxNumTrials", stopping.getMaxNumTrials(), INT64_MAX);
  if (least > most)
    problems.add(path + ".minNumTrials", "{}; expected at most maxNumTrials, which is {}", least,
                 most);
  check_count(problems, path + ".maxNumTrialsNoProgress", stopping.getMaxNumTrialsNoProgress(), 0);
  if (stopping.hasMaxDurationNoProgress() && stopping.getMaxDurationNoProgress().getMicros() < 0)
    problems.add(path + ".maxDurationNoProgress", "{}; expected 0s or more",
                 seconds_text(stopping.getMaxDurationNoProgress()));
  const bool no_progress_rule =
      !stopping.getMaxNumTrialsNoProgress().isNull() || stopping.hasMaxDurationNoProgress();
  if (no_progress_rule && objectives > 1)
    problems.add(path, "a no-progress rule with {} objectives; expected a single objective",
                 objectives);
}

/// At any depth.
bool has_parameter(wire::ParameterSpec::Reader parameter, std::string_view id) {
  if (wire::view(parameter.getParameterId()) == id) return true;
  for (auto child : parameter.getConditionalParameterSpecs())
    if (has_parameter(child.getParameterSpec(), id)) return true;
  return false;
}

bool has_parameter(wire::StudySpec::Reader study, std::string_view id) {
  for (auto parameter : study.getParameters())
    if (has_parameter(parameter, id)) return true;
  return false;
}

void check_convex(problem_list& problems, const std::string& path, wire::StudySpec::Reader study) {
  const auto convex = study.getConvexAutomatedStoppingSpec();
  const auto check = [&](const char* field, int64_t value) {
    if (value < 0) problems.add(path + field, "{}; expected 0 or more", value);
  };
  check(".maxStepCount", convex.getMaxStepCount());
  check(".minStepCount", convex.getMinStepCount());
  check(".minMeasurementCount", convex.getMinMeasurementCount());
  if (convex.getMinStepCount() > 0 && convex.getMaxStepCount() > 0
      && convex.getMinStepCount() >= convex.getMaxStepCount())
    problems.add(path + ".minStepCount", "{}; expected less than maxStepCount, {}",
                 convex.getMinStepCount(), convex.getMaxStepCount());
  const auto learning_rate = wire::view(convex.getLearningRateParameterName());
  if (!learning_rate.empty() && !has_parameter(study, learning_rate))
    problems.add(path + ".learningRateParameterName",
                 "'{}' is not a parameter of the study; expected one of its parameterIds",
                 learning_rate);
}

void check_asha(problem_list& problems, const std::string& path,
                wire::AshaAutomatedStoppingSpec::Reader asha) {
  if (asha.getMinStepCount() < 0)
    problems.add(path + ".minStepCount", "{}; expected 0 (for 1) or more", asha.getMinStepCount());
  const double factor = asha.getReductionFactor();
  // Nearer to 1 there would be a rung at every step, and no end of them.
  constexpr double factor_min = 1.1;
  if (factor != 0 && !(factor >= factor_min && std::isfinite(factor)))
    problems.add(path + ".reductionFactor", "{}; expected a number from {}, or 0 (for 4)", factor,
                 factor_min);
}

/// Whether they exist is known to the cluster only.
void check_priors(problem_list& problems, const std::string& path,
                  wire::TransferLearningConfig::Reader config) {
  const auto names = config.getPriorStudyNames();
  if (names.size() > priors_max)
    problems.add(path, "{} studies; expected at most {}", names.size(), priors_max);
  std::set<std::string_view> seen;
  for (uint32_t i = 0; i < names.size() && !problems.full(); ++i)
    if (!seen.insert(wire::view(names[i])).second)
      problems.add(fmt::format("{}[{}]", path, i), "'{}' a second time; expected every study once",
                   wire::view(names[i]));
}

template <class Enum>
void check_enum(problem_list& problems, const std::string& path, Enum value, Enum last,
                std::string_view expected) {
  if (value > last)
    problems.add(path, "{} is not one of its values; expected {}", static_cast<uint32_t>(value),
                 expected);
}

} // namespace

void check_study(problem_list& problems, const std::string& path, wire::StudySpec::Reader study,
                 defaults policy) {
  using spec = wire::StudySpec;
  check_metrics(problems, path + ".metrics", study.getMetrics());
  check_parameters(problems, path + ".parameters", study, policy);
  if (study.getAlgorithm() == spec::Algorithm::RESERVED1
      || study.getAlgorithm() > spec::Algorithm::RANDOM_SEARCH)
    problems.add(
        path + ".algorithm",
        "{} is not an algorithm; expected ALGORITHM_UNSPECIFIED, GRID_SEARCH or RANDOM_SEARCH",
        static_cast<uint32_t>(study.getAlgorithm()));
  check_enum(problems, path + ".observationNoise", study.getObservationNoise(),
             spec::ObservationNoise::HIGH, "LOW or HIGH");
  check_enum(problems, path + ".measurementSelectionType", study.getMeasurementSelectionType(),
             spec::MeasurementSelectionType::BEST_MEASUREMENT,
             "LAST_MEASUREMENT or BEST_MEASUREMENT");
  if (study.hasStudyStoppingConfig()) {
    size_t objectives = 0;
    for (auto metric : study.getMetrics())
      objectives += !metric.hasSafetyConfig();
    check_study_stopping(problems, path + ".studyStoppingConfig", study.getStudyStoppingConfig(),
                         objectives);
  }
  if (study.isConvexAutomatedStoppingSpec())
    check_convex(problems, path + ".convexAutomatedStoppingSpec", study);
  if (study.isAshaAutomatedStoppingSpec())
    check_asha(problems, path + ".ashaAutomatedStoppingSpec", study.getAshaAutomatedStoppingSpec());
  check_priors(problems, path + ".transferLearningConfig.priorStudyNames",
               study.getTransferLearningConfig());
}

} // namespace troupe::core::detail
