#include "tuner/space.hpp"

#include "tuner/parameter_text.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

namespace troupe::tuner {

namespace {

parameter bare(wire::ParameterSpec::Reader spec) {
  parameter made{.id = wire::str(spec.getParameterId()), .scale = spec.getScaleType()};
  switch (spec.which()) {
  case wire::ParameterSpec::NO_VALUE_SPEC:
  case wire::ParameterSpec::DOUBLE_VALUE_SPEC:
    made.type = parameter_type::real;
    // Adding 0.0 turns a negative zero into zero: rows are compared by their bits.
    made.low = spec.getDoubleValueSpec().getMinValue() + 0.0;
    made.high = spec.getDoubleValueSpec().getMaxValue() + 0.0;
    break;
  case wire::ParameterSpec::INTEGER_VALUE_SPEC:
    made.type = parameter_type::integer;
    made.low = static_cast<double>(spec.getIntegerValueSpec().getMinValue());
    made.high = static_cast<double>(spec.getIntegerValueSpec().getMaxValue());
    break;
  case wire::ParameterSpec::CATEGORICAL_VALUE_SPEC:
    made.type = parameter_type::categorical;
    for (auto value : spec.getCategoricalValueSpec().getValues())
      made.categories.push_back(wire::str(value));
    made.high = static_cast<double>(made.categories.size()) - 1;
    break;
  case wire::ParameterSpec::DISCRETE_VALUE_SPEC:
    made.type = parameter_type::discrete;
    for (auto value : spec.getDiscreteValueSpec().getValues())
      made.numbers.push_back(value + 0.0);
    made.low = made.numbers.front();
    made.high = made.numbers.back();
    break;
  }
  return made;
}

std::optional<double> discrete_named(const parameter& p, double number) {
  for (auto candidate : p.numbers) {
    if (std::abs(candidate - number) <= same_discrete) return candidate;
  }
  return std::nullopt;
}

std::optional<double> category_named(const parameter& p, std::string_view name) {
  const auto found = std::ranges::find(p.categories, name);
  if (found == p.categories.end()) return std::nullopt;
  return static_cast<double>(found - p.categories.begin());
}

std::optional<double> number_named(const parameter& p, double number) {
  switch (p.type) {
  case parameter_type::discrete:
    return discrete_named(p, number);
  case parameter_type::integer:
    if (number != std::floor(number)) return std::nullopt;
    [[fallthrough]];
  case parameter_type::real:
    if (!(number >= p.low && number <= p.high)) return std::nullopt;
    return number + 0.0;
  case parameter_type::categorical:
    break;
  }
  return std::nullopt;
}

} // namespace

std::optional<double> coordinate_named(const parameter& p, capnp::json::Value::Reader value) {
  if (value.isNumber()) return number_named(p, value.getNumber());
  if (value.isString() && p.type == parameter_type::categorical)
    return category_named(p, wire::view(value.getString()));
  return std::nullopt;
}

namespace {

std::optional<double> preset_of(const parameter& p, wire::ParameterSpec::Reader spec) {
  switch (spec.which()) {
  case wire::ParameterSpec::DOUBLE_VALUE_SPEC:
    return coordinate_named(p, spec.getDoubleValueSpec().getDefaultValue());
  case wire::ParameterSpec::INTEGER_VALUE_SPEC:
    return coordinate_named(p, spec.getIntegerValueSpec().getDefaultValue());
  case wire::ParameterSpec::DISCRETE_VALUE_SPEC:
    return coordinate_named(p, spec.getDiscreteValueSpec().getDefaultValue());
  case wire::ParameterSpec::CATEGORICAL_VALUE_SPEC:
    return category_named(p, wire::view(spec.getCategoricalValueSpec().getDefaultValue()));
  case wire::ParameterSpec::NO_VALUE_SPEC:
    break;
  }
  return std::nullopt;
}

std::vector<uint64_t> levels_named(const parameter& parent,
                                   wire::ConditionalParameterSpec::Reader child) {
  using condition = wire::ConditionalParameterSpec;
  std::vector<uint64_t> levels;
  const auto add = [&](std::optional<double> coordinate) {
    if (coordinate) levels.push_back(parent.level_of(*coordinate));
  };
  switch (child.which()) {
  case condition::PARENT_DISCRETE_VALUES:
    for (auto value : child.getParentDiscreteValues().getValues())
      add(number_named(parent, value));
    break;
  case condition::PARENT_INT_VALUES:
    for (auto value : child.getParentIntValues().getValues())
      add(number_named(parent, static_cast<double>(value)));
    break;
  case condition::PARENT_CATEGORICAL_VALUES:
    for (auto value : child.getParentCategoricalValues().getValues())
      add(category_named(parent, wire::view(value)));
    break;
  case condition::NO_PARENT_VALUES:
    break;
  }
  std::ranges::sort(levels);
  levels.erase(std::ranges::unique(levels).begin(), levels.end());
  return levels;
}

parameter_value value_of(const parameter& p, double coordinate) {
  if (p.type == parameter_type::categorical)
    return {p.id, p.categories[static_cast<size_t>(coordinate)]};
  return {p.id, coordinate, is_written_whole(p.type, coordinate)};
}

} // namespace

const double search_space::inactive = std::numeric_limits<double>::quiet_NaN();

search_space::search_space(wire::StudySpec::Reader study) {
  for (auto spec : study.getParameters())
    roots_.push_back(add(spec));
  pins_.assign(parameters_.size(), inactive);
}

void search_space::pin(capnp::List<wire::Trial::Parameter>::Reader values) {
  for (auto value : values) {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (parameters_[i].id != wire::view(value.getParameterId())) continue;
      if (const auto coordinate = coordinate_named(parameters_[i], value.getValue()))
        pins_[i] = *coordinate;
    }
  }
  pin_parents();
}

search_space search_space::pinned_at(size_t i, double coordinate) const {
  auto made = *this;
  made.pins_[i] = coordinate;
  made.pin_parents();
  return made;
}

bool search_space::is_free(size_t i) const { return !is_pinned(i) && is_reachable(i); }

bool search_space::is_reachable(size_t i) const {
  const auto& p = parameters_[i];
  if (!p.parent) return true;
  const auto above = *p.parent;
  return is_reachable(above)
         && (!is_pinned(above)
             || std::ranges::binary_search(p.parent_levels,
                                           parameters_[above].level_of(pins_[above])));
}

/// From the deepest parameter upwards, as a pinned parameter also pins its parents.
void search_space::pin_parents() {
  for (size_t i = parameters_.size(); i-- > 0;) {
    if (is_pinned(i)) continue;
    if (const auto level = level_for_pins(i)) pins_[i] = parameters_[i].coordinate_at(*level);
  }
}

std::optional<uint64_t> search_space::level_for_pins(size_t parent) const {
  // A name may appear under several levels; one of them is enough.
  std::map<std::string_view, std::set<uint64_t>> by_name;
  for (auto child : parameters_[parent].children) {
    const auto& levels = parameters_[child].parent_levels;
    if (is_pinned(child)) by_name[parameters_[child].id].insert(levels.begin(), levels.end());
  }
  if (by_name.empty()) return std::nullopt;
  std::set<uint64_t> common = by_name.begin()->second;
  for (const auto& [name, levels] : by_name)
    std::erase_if(common, [&](auto level) { return !levels.contains(level); });
  const auto& any = common.empty() ? by_name.begin()->second : common;
  return any.empty() ? std::nullopt : std::optional(*any.begin());
}

bool search_space::holds(const row& point) const {
  for (size_t i = 0; i < point.size(); ++i) {
    if (is_pinned(i) && !std::isnan(point[i]) && point[i] != pins_[i]) return false;
  }
  return true;
}

size_t search_space::add(wire::ParameterSpec::Reader spec) {
  const auto index = parameters_.size();
  parameters_.push_back(bare(spec));
  parameters_.back().preset = preset_of(parameters_.back(), spec);
  for (auto child : spec.getConditionalParameterSpecs()) {
    const auto below = add(child.getParameterSpec());
    parameters_[below].parent = index;
    parameters_[below].parent_levels = levels_named(parameters_[index], child);
    parameters_[index].children.push_back(below);
  }
  return index;
}

bool search_space::active(const row& values, size_t i) const {
  const auto& p = parameters_[i];
  if (!p.parent) return true;
  const auto above = values[*p.parent];
  return !std::isnan(above)
         && std::ranges::binary_search(p.parent_levels, parameters_[*p.parent].level_of(above));
}

bool search_space::finite() const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].levels() == 0 && is_free(i)) return false;
  }
  return true;
}

std::vector<parameter_value> search_space::values_of(const row& values) const {
  std::vector<parameter_value> named;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!std::isnan(values[i])) named.push_back(value_of(parameters_[i], values[i]));
  }
  return named;
}

search_space::reading search_space::read(capnp::List<wire::Trial::Parameter>::Reader values) const {
  std::unordered_map<std::string_view, capnp::json::Value::Reader> named;
  for (auto value : values)
    named.emplace(wire::view(value.getParameterId()), value.getValue());
  reading made;
  made.values = assembled([&](size_t i) {
    const auto found = named.find(parameters_[i].id);
    if (found == named.end()) {
      made.missing = true;
      return inactive;
    }
    const auto coordinate = coordinate_named(parameters_[i], found->second);
    made.foreign = made.foreign || !coordinate;
    return coordinate.value_or(inactive);
  });
  return made;
}

std::optional<row> search_space::row_of(capnp::List<wire::Trial::Parameter>::Reader values) const {
  auto found = read(values);
  if (found.missing || found.foreign) return std::nullopt;
  return std::move(found.values);
}

std::optional<row>
search_space::foreign_row_of(capnp::List<wire::Trial::Parameter>::Reader values) const {
  auto found = read(values);
  const bool nothing = std::ranges::all_of(found.values, [](double v) { return std::isnan(v); });
  if (found.foreign || nothing) return std::nullopt;
  return std::move(found.values);
}

} // namespace troupe::tuner
