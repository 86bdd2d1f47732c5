// Whether the parameters of a study are valid, conditional ones included.
#include "core/validate/detail.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace troupe::core::detail {

namespace {

using wire::ParameterSpec;
using parameter_reader = ParameterSpec::Reader;
using child_reader = wire::ConditionalParameterSpec::Reader;

constexpr double discrete_gap_min = 1e-10;
constexpr uint32_t discrete_values_max = 1000;
constexpr uint32_t categories_max = 1000;       // ours: the documented service names no limit
constexpr uint32_t condition_values_max = 1000; // likewise
// Values travel as JSON numbers; larger integers would come out changed.
constexpr int64_t integer_max = int64_t(1) << 53;

struct scope {
  problem_list& problems;
  defaults policy;
  bool grid;
  size_t parameters = 0;
};

std::string_view type_name(parameter_reader parameter) {
  switch (parameter.which()) {
  case ParameterSpec::DOUBLE_VALUE_SPEC:
    return "DOUBLE";
  case ParameterSpec::INTEGER_VALUE_SPEC:
    return "INTEGER";
  case ParameterSpec::CATEGORICAL_VALUE_SPEC:
    return "CATEGORICAL";
  case ParameterSpec::DISCRETE_VALUE_SPEC:
    return "DISCRETE";
  case ParameterSpec::NO_VALUE_SPEC:
    break;
  }
  return "untyped";
}

/// std::ranges does not take Cap'n Proto's lists: their iterators are not readable as the concepts
/// ask.
template <class List, class Predicate>
bool any_of(const List& list, Predicate holds) {
  for (auto element : list) {
    if (holds(element)) return true;
  }
  return false;
}

/// Whether the parameter can take this number.
bool takes(parameter_reader parameter, double number) {
  switch (parameter.which()) {
  case ParameterSpec::DOUBLE_VALUE_SPEC: {
    const auto range = parameter.getDoubleValueSpec();
    return number >= range.getMinValue() && number <= range.getMaxValue();
  }
  case ParameterSpec::INTEGER_VALUE_SPEC: {
    const auto range = parameter.getIntegerValueSpec();
    return number == std::floor(number) && number >= static_cast<double>(range.getMinValue())
           && number <= static_cast<double>(range.getMaxValue());
  }
  case ParameterSpec::DISCRETE_VALUE_SPEC:
    return any_of(parameter.getDiscreteValueSpec().getValues(),
                  [&](double value) { return std::abs(value - number) <= discrete_gap_min; });
  case ParameterSpec::CATEGORICAL_VALUE_SPEC:
  case ParameterSpec::NO_VALUE_SPEC:
    break;
  }
  return false;
}

bool takes(parameter_reader parameter, std::string_view category) {
  return parameter.isCategoricalValueSpec()
         && any_of(parameter.getCategoricalValueSpec().getValues(),
                   [&](auto value) { return wire::view(value) == category; });
}

// -- one parameter's values --

void check_default(scope& in, const std::string& path, parameter_reader parameter,
                   capnp::json::Value::Reader value) {
  if (value.isNull()) return;
  if (in.policy == defaults::refused)
    in.problems.add(path, "set; expected none, a tuning job does not take default values");
  else if (!value.isNumber() || !takes(parameter, value.getNumber()))
    in.problems.add(path, "{}; expected a value that the parameter can take",
                    value.isNumber() ? fmt::format("{}", value.getNumber()) : "not a number");
}

void check_scale(scope& in, const std::string& path, parameter_reader parameter, double least) {
  using scale = ParameterSpec::ScaleType;
  const auto type = parameter.getScaleType();
  if (type > scale::UNIT_REVERSE_LOG_SCALE)
    in.problems.add(path + ".scaleType",
                    "{} is not a scale; expected UNIT_LINEAR_SCALE, UNIT_LOG_SCALE or "
                    "UNIT_REVERSE_LOG_SCALE",
                    static_cast<uint32_t>(type));
  else if ((type == scale::UNIT_LOG_SCALE || type == scale::UNIT_REVERSE_LOG_SCALE) && !(least > 0))
    in.problems.add(
        path + ".scaleType",
        "a logarithmic scale from {}; expected positive values only, or UNIT_LINEAR_SCALE", least);
}

void check_double(scope& in, const std::string& path, parameter_reader parameter) {
  const auto range = parameter.getDoubleValueSpec();
  const auto low = range.getMinValue();
  const auto high = range.getMaxValue();
  const auto here = path + ".doubleValueSpec";
  if (!std::isfinite(low) || !std::isfinite(high)) {
    in.problems.add(here, "{} to {}; expected finite bounds", low, high);
    return;
  }
  if (low > high)
    in.problems.add(here, "minValue {} above maxValue {}; expected minValue <= maxValue", low,
                    high);
  else if (!std::isfinite(high - low))
    in.problems.add(here, "{} to {}; expected a range whose width is a finite number", low, high);
  if (in.grid)
    in.problems.add(path, "DOUBLE with GRID_SEARCH; expected INTEGER, CATEGORICAL or DISCRETE");
  check_scale(in, path, parameter, low);
  check_default(in, here + ".defaultValue", parameter, range.getDefaultValue());
}

void check_integer(scope& in, const std::string& path, parameter_reader parameter) {
  const auto range = parameter.getIntegerValueSpec();
  const auto low = range.getMinValue();
  const auto high = range.getMaxValue();
  const auto here = path + ".integerValueSpec";
  if (low > high)
    in.problems.add(here, "minValue {} above maxValue {}; expected minValue <= maxValue", low,
                    high);
  if (low < -integer_max || high > integer_max)
    in.problems.add(here, "{} to {}; expected bounds of at most 2^53, which JSON numbers can carry",
                    low, high);
  check_scale(in, path, parameter, static_cast<double>(low));
  check_default(in, here + ".defaultValue", parameter, range.getDefaultValue());
}

void check_discrete(scope& in, const std::string& path, parameter_reader parameter) {
  const auto values = parameter.getDiscreteValueSpec().getValues();
  const auto here = path + ".discreteValueSpec.values";
  if (values.size() == 0 || values.size() > discrete_values_max) {
    in.problems.add(here, "{} values; expected 1 to {}", values.size(), discrete_values_max);
    return;
  }
  for (uint32_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      in.problems.add(fmt::format("{}[{}]", here, i), "{}; expected a finite number", values[i]);
      return;
    }
    if (i > 0 && !(values[i] - values[i - 1] >= discrete_gap_min)) {
      in.problems.add(fmt::format("{}[{}]", here, i),
                      "{} after {}; expected strictly increasing values at least {} apart",
                      values[i], values[i - 1], discrete_gap_min);
      return;
    }
  }
  const auto last = values[values.size() - 1];
  if (!std::isfinite(last - values[0]))
    in.problems.add(here, "{} to {}; expected a range whose width is a finite number", values[0],
                    last);
  check_scale(in, path, parameter, values[0]);
  check_default(in, path + ".discreteValueSpec.defaultValue", parameter,
                parameter.getDiscreteValueSpec().getDefaultValue());
}

void check_categorical(scope& in, const std::string& path, parameter_reader parameter) {
  const auto spec = parameter.getCategoricalValueSpec();
  const auto here = path + ".categoricalValueSpec";
  if (spec.getValues().size() == 0 || spec.getValues().size() > categories_max) {
    in.problems.add(here + ".values", "{} values; expected 1 to {}", spec.getValues().size(),
                    categories_max);
    return;
  }
  std::set<std::string_view> seen;
  for (auto value : spec.getValues()) {
    if (!seen.insert(wire::view(value)).second)
      in.problems.add(here + ".values", "'{}' a second time; expected every value once",
                      wire::view(value));
  }
  if (parameter.getScaleType() != ParameterSpec::ScaleType::UNSPECIFIED)
    in.problems.add(path + ".scaleType", "set on a CATEGORICAL parameter; expected none");
  const auto preset = wire::view(spec.getDefaultValue());
  if (preset.empty()) return;
  if (in.policy == defaults::refused)
    in.problems.add(here + ".defaultValue",
                    "set; expected none, a tuning job does not take default values");
  else if (!takes(parameter, preset))
    in.problems.add(here + ".defaultValue", "'{}'; expected one of the values", preset);
}

void check_values(scope& in, const std::string& path, parameter_reader parameter) {
  switch (parameter.which()) {
  case ParameterSpec::DOUBLE_VALUE_SPEC:
    return check_double(in, path, parameter);
  case ParameterSpec::INTEGER_VALUE_SPEC:
    return check_integer(in, path, parameter);
  case ParameterSpec::CATEGORICAL_VALUE_SPEC:
    return check_categorical(in, path, parameter);
  case ParameterSpec::DISCRETE_VALUE_SPEC:
    return check_discrete(in, path, parameter);
  case ParameterSpec::NO_VALUE_SPEC:
    break;
  }
  in.problems.add(path, "no value spec; expected exactly one of doubleValueSpec, integerValueSpec, "
                        "categoricalValueSpec and discreteValueSpec");
}

// -- conditions --

template <class Values>
void check_condition_values(scope& in, const std::string& path, parameter_reader parent,
                            const Values& values) {
  if (values.size() == 0 || values.size() > condition_values_max) {
    in.problems.add(path + ".values", "{} values; expected 1 to {}", values.size(),
                    condition_values_max);
    return;
  }
  for (auto value : values) {
    if constexpr (std::is_same_v<decltype(value), capnp::Text::Reader>) {
      if (!takes(parent, wire::view(value)))
        in.problems.add(path + ".values", "'{}'; expected values that the parent '{}' can take",
                        wire::view(value), wire::view(parent.getParameterId()));
    } else if (!takes(parent, static_cast<double>(value))) {
      in.problems.add(path + ".values", "{}; expected values that the parent '{}' can take", value,
                      wire::view(parent.getParameterId()));
    }
  }
}

void check_condition(scope& in, const std::string& path, parameter_reader parent,
                     child_reader child) {
  using condition = wire::ConditionalParameterSpec;
  const auto mismatch = [&](std::string_view field) {
    in.problems.add(path + "." + std::string(field),
                    "set under the {} parameter '{}'; expected the field for that type",
                    type_name(parent), wire::view(parent.getParameterId()));
  };
  switch (child.which()) {
  case condition::NO_PARENT_VALUES:
    in.problems.add(path, "no condition; expected exactly one of parentDiscreteValues, "
                          "parentIntValues and parentCategoricalValues");
    return;
  case condition::PARENT_DISCRETE_VALUES:
    if (!parent.isDiscreteValueSpec()) return mismatch("parentDiscreteValues");
    return check_condition_values(in, path + ".parentDiscreteValues", parent,
                                  child.getParentDiscreteValues().getValues());
  case condition::PARENT_INT_VALUES:
    if (!parent.isIntegerValueSpec()) return mismatch("parentIntValues");
    return check_condition_values(in, path + ".parentIntValues", parent,
                                  child.getParentIntValues().getValues());
  case condition::PARENT_CATEGORICAL_VALUES:
    if (!parent.isCategoricalValueSpec()) return mismatch("parentCategoricalValues");
    return check_condition_values(in, path + ".parentCategoricalValues", parent,
                                  child.getParentCategoricalValues().getValues());
  }
}

/// Whether some value of the parent makes both children active.
bool overlap(child_reader a, child_reader b) {
  using condition = wire::ConditionalParameterSpec;
  if (a.which() != b.which()) return false; // one of them is a problem already
  const auto share = [](auto left, auto right, auto same) {
    if (left.size() > condition_values_max || right.size() > condition_values_max) return false;
    return any_of(left, [&](auto x) { return any_of(right, [&](auto y) { return same(x, y); }); });
  };
  switch (a.which()) {
  case condition::PARENT_DISCRETE_VALUES:
    return share(a.getParentDiscreteValues().getValues(), b.getParentDiscreteValues().getValues(),
                 [](double x, double y) { return std::abs(x - y) <= discrete_gap_min; });
  case condition::PARENT_INT_VALUES:
    return share(a.getParentIntValues().getValues(), b.getParentIntValues().getValues(),
                 [](int64_t x, int64_t y) { return x == y; });
  case condition::PARENT_CATEGORICAL_VALUES:
    return share(a.getParentCategoricalValues().getValues(),
                 b.getParentCategoricalValues().getValues(),
                 [](auto x, auto y) { return wire::view(x) == wire::view(y); });
  case condition::NO_PARENT_VALUES:
    break;
  }
  return false;
}

using id_set = std::set<std::string_view>;

std::optional<std::string_view> common(const id_set& a, const id_set& b) {
  const auto found = std::ranges::find_if(a, [&](auto id) { return b.contains(id); });
  return found == a.end() ? std::nullopt : std::optional(*found);
}

id_set check_parameter(scope& in, const std::string& path, parameter_reader parameter);

/// Two parameters of one name may never be active together, or a trial would have two values for
/// one flag.
void check_children(scope& in, const std::string& path, parameter_reader parent, id_set& ids) {
  const auto children = parent.getConditionalParameterSpecs();
  if (children.size() != 0 && parent.isDoubleValueSpec())
    in.problems.add(path,
                    "on the DOUBLE parameter '{}'; expected an INTEGER, CATEGORICAL or "
                    "DISCRETE parent",
                    wire::view(parent.getParameterId()));
  std::vector<id_set> below;
  for (uint32_t i = 0; i < children.size(); ++i) {
    const auto here = fmt::format("{}[{}]", path, i);
    if (in.parameters >= parameters_max || in.problems.full()) return;
    if (!parent.isDoubleValueSpec()) check_condition(in, here, parent, children[i]);
    auto names = check_parameter(in, here + ".parameterSpec", children[i].getParameterSpec());
    if (names.contains(wire::view(parent.getParameterId())))
      in.problems.add(here, "'{}' below a parameter of the same name; expected different names",
                      wire::view(parent.getParameterId()));
    for (uint32_t j = 0; j < i; ++j) {
      const auto twice = common(names, below[j]);
      if (twice && overlap(children[i], children[j]))
        in.problems.add(
            here,
            "'{}' is also in conditionalParameterSpecs[{}], active under the same values; "
            "expected disjoint conditions",
            *twice, j);
    }
    ids.insert(names.begin(), names.end());
    below.push_back(std::move(names));
  }
}

id_set check_parameter(scope& in, const std::string& path, parameter_reader parameter) {
  id_set ids;
  if (++in.parameters > parameters_max || in.problems.full()) return ids;
  const auto id = wire::view(parameter.getParameterId());
  if (id.empty() || id.find_first_of(" \t\n\r\v\f") != std::string_view::npos)
    in.problems.add(path + ".parameterId", "'{}'; expected a name without whitespace", id);
  check_values(in, path, parameter);
  check_children(in, path + ".conditionalParameterSpecs", parameter, ids);
  ids.insert(id);
  return ids;
}

} // namespace

void check_parameters(problem_list& problems, const std::string& path,
                      wire::StudySpec::Reader study, defaults policy) {
  scope in{problems, policy, study.getAlgorithm() == wire::StudySpec::Algorithm::GRID_SEARCH};
  const auto parameters = study.getParameters();
  if (parameters.size() == 0) problems.add(path, "no parameter; expected 1 to {}", parameters_max);
  id_set seen;
  for (uint32_t i = 0; i < parameters.size() && in.parameters <= parameters_max; ++i) {
    const auto here = fmt::format("{}[{}]", path, i);
    const auto names = check_parameter(in, here, parameters[i]);
    if (auto twice = common(names, seen))
      problems.add(here, "'{}' is the name of an earlier parameter; expected every name once",
                   *twice);
    seen.insert(names.begin(), names.end());
  }
  if (in.parameters > parameters_max)
    problems.add(path, "more than {} parameters, conditional ones included; expected at most {}",
                 parameters_max, parameters_max);
}

} // namespace troupe::core::detail
