// How the next points of a study are chosen. An algorithm is a pure function of the study: its
// space, its trials so far and its seed. The table at the end is where another one is added.
//
// ALGORITHM_UNSPECIFIED is Bayesian optimisation, as on Vertex AI (tuner/bayesian.hpp).
#pragma once

#include "tuner/enumeration.hpp"
#include "tuner/random_stream.hpp"
#include "tuner/space.hpp"

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace troupe::tuner {

/// The points that were tried or are being tried, to choose others.
class tried_points {
public:
  bool contains(const row& point) const { return keys_.contains(key_of(point)); }
  bool add(const row& point) { return keys_.insert(key_of(point)).second; }
  size_t size() const { return keys_.size(); }

  /// Of a finite space: the ranks, sorted.
  std::vector<uint64_t> ranks(const enumeration& points) const;

private:
  static std::string key_of(const row& point);
  std::set<std::string> keys_;
};

/// An earlier study to learn from.
struct prior_study {
  wire::StudySpec::Reader spec;
  capnp::List<wire::Trial>::Reader trials;
};

struct study_view {
  wire::StudySpec::Reader spec;
  capnp::List<wire::Trial>::Reader trials;
  std::span<const std::optional<row>> rows; // the trials' points; nothing where it is none
  uint64_t seed;
  const search_space& space;
  const enumeration& points;
  const tried_points& tried; // those trials that are points of the space
  std::span<const prior_study> priors;
};

struct chosen_points {
  std::vector<row> rows;
  bool exhausted = false; // no further point after these
};

using algorithm = chosen_points (*)(const study_view& study, uint32_t count);

/// Every point of the space once, in the order of tuner/enumeration.hpp.
chosen_points grid_search(const study_view& study, uint32_t count);

/// Independent draws, uniform under the parameters' scales. Unless the study's noise is HIGH, a
/// point is not drawn again while others are left; when none are, a study of LOW noise is exhausted
/// and any other starts to repeat.
chosen_points random_search(const study_view& study, uint32_t count);

/// First the middle (or default value, if a parameter has one), then scrambled Halton points.
/// Repeats points as random_search does.
chosen_points quasi_random_search(const study_view& study, uint32_t count);

/// The rows of a study_view.
std::vector<std::optional<row>> rows_of(const search_space& space,
                                        capnp::List<wire::Trial>::Reader trials);

/// By a Gaussian process, as soon as a few trials have ended with values for every metric; until
/// then by quasi_random_search. Repeats points as random_search does.
chosen_points bayesian_search(const study_view& study, uint32_t count);

/// The number in its id; nothing if the id is not a number.
std::optional<uint64_t> number_of(wire::Trial::Reader trial);

/// How many trials were made, deleted ones included: the highest number, as a number is never
/// used twice.
uint64_t trials_so_far(capnp::List<wire::Trial>::Reader trials);

/// Chooses the next point from the number of its trial, the points tried, the points chosen before
/// it, and its own random numbers.
using proposal_rule = std::function<row(uint64_t trial, const tried_points& tried,
                                        std::span<const row> chosen, random_stream& random)>;

/// Points by `proposal`, one after the other. A point that would repeat, where random_search does
/// not allow that, is replaced by another.
chosen_points chosen_one_by_one(const study_view& study, uint32_t count,
                                const proposal_rule& proposal);

algorithm algorithm_of(wire::StudySpec::Algorithm name);

} // namespace troupe::tuner
