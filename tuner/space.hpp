// The search space of a study, flattened: every parameter of the tree is one dimension, parents
// before children, and a conditional parameter is active only under certain values of its parent.
// All algorithms work on rows over these dimensions; only the two ends (a study's trials coming in,
// suggestions going out) know names and types.
//
// A space is made only from a spec without problems (core/validate/validate.hpp).
#pragma once

#include "wire/tuning_job.capnp.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::tuner {

/// One value of a trial, as messages and the program's flags carry it.
struct parameter_value {
  std::string id;
  std::variant<double, std::string> value;
  bool is_integer = false; // a number to be written without a decimal point

  bool operator==(const parameter_value&) const = default;
};

enum class parameter_type { real, integer, discrete, categorical };
using scale_type = wire::ParameterSpec::ScaleType;

struct parameter {
  std::string id;
  parameter_type type = parameter_type::real;
  scale_type scale = scale_type::UNSPECIFIED;
  double low = 0;                      // inclusive; of categories: 0
  double high = 0;                     // inclusive; of categories: the last index
  std::vector<double> numbers;         // discrete only, increasing
  std::vector<std::string> categories; // categorical only
  std::optional<size_t> parent;
  std::vector<uint64_t> parent_levels; // sorted; active while the parent is at one of them
  std::vector<size_t> children;
  std::optional<double> preset; // the coordinate of its default value

  /// The number of values that it can take; 0: a continuum.
  uint64_t levels() const;

  // A coordinate is the number itself, or the index of a category. Levels count its values from 0.
  double coordinate_at(uint64_t level) const;
  uint64_t level_of(double coordinate) const;

  /// From the unit interval to the nearest coordinate under the scale, and back; as models of the
  /// objective need it. Formulas: linear u = (x-l)/(h-l); log u = ln(x/l)/ln(h/l); reverse log u =
  /// 1 - ln((l+h-x)/l)/ln(h/l).
  double nearest_at(double unit) const;
  double unit_of(double coordinate) const;

  /// From the unit interval to a coordinate so that equal lengths under the scale are drawn equally
  /// often, the ends included: an integer owns the half unit on both sides, an unscaled discrete
  /// value as much as any other.
  double drawn_at(double unit) const;
};

/// How closely a condition or a trial must name a discrete value.
inline constexpr double same_discrete = 1e-10;

/// The coordinate of a trial's value; nothing if the parameter cannot have that value.
std::optional<double> coordinate_named(const parameter& p, capnp::json::Value::Reader value);

/// One coordinate per parameter; NaN where the parameter is inactive.
using row = std::vector<double>;

class search_space {
public:
  explicit search_space(wire::StudySpec::Reader study);

  /// The part of this space where these parameters have these values, and their parents values
  /// that make them active (the first such, where the parent is not named itself). What a parameter
  /// cannot take is left out: commands are checked before they come here.
  void pin(capnp::List<wire::Trial::Parameter>::Reader values);
  bool is_pinned(size_t i) const { return !std::isnan(pins_[i]); }
  double pinned(size_t i) const { return pins_[i]; }

  /// The part of this part where one more parameter has a value; is_free(i) must be true.
  search_space pinned_at(size_t i, double coordinate) const;
  /// The parameter is not pinned, and no pin makes it inactive.
  bool is_free(size_t i) const;

  /// Whether a point is in the pinned part.
  bool holds(const row& point) const;

  const std::vector<parameter>& parameters() const { return parameters_; }
  const std::vector<size_t>& roots() const { return roots_; }

  /// Whether parameter `i` has a value, given those before it.
  bool active(const row& values, size_t i) const;

  /// The row that takes `coordinate(i)` for every active parameter `i` that is not pinned.
  template <class Coordinate>
  row filled(Coordinate coordinate) const {
    return assembled([&](size_t i) { return is_pinned(i) ? pins_[i] : coordinate(i); });
  }

  /// Whether it is a list of points; not so as soon as one real parameter that is not pinned has
  /// any width.
  bool finite() const;

  std::vector<parameter_value> values_of(const row& values) const;

  /// Nothing if the parameters are not a point of this space.
  std::optional<row> row_of(capnp::List<wire::Trial::Parameter>::Reader values) const;

  /// The row of another study's trial: parameters that it lacks count as inactive. Nothing if one
  /// has a value that is not in this space, or if the two have no parameter in common.
  std::optional<row> foreign_row_of(capnp::List<wire::Trial::Parameter>::Reader values) const;

private:
  static const double inactive; // NaN

  size_t add(wire::ParameterSpec::Reader spec);
  void pin_parents();
  /// No pin makes it inactive.
  bool is_reachable(size_t i) const;
  /// For a parameter that is not pinned: its level that has the pinned parameters as children.
  std::optional<uint64_t> level_for_pins(size_t parent) const;

  struct reading {
    row values;
    bool missing = false; // an active parameter is not named
    bool foreign = false; // one is named with a value that it cannot take
  };
  reading read(capnp::List<wire::Trial::Parameter>::Reader values) const;

  template <class Coordinate>
  row assembled(Coordinate coordinate) const {
    row values(parameters_.size(), inactive);
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (active(values, i)) values[i] = coordinate(i);
    }
    return values;
  }

  std::vector<parameter> parameters_;
  std::vector<double> pins_; // NaN: free
  std::vector<size_t> roots_;
};

} // namespace troupe::tuner
