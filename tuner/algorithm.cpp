#include "tuner/algorithm.hpp"

#include "tuner/halton.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace troupe::tuner {

namespace {

using noise = wire::StudySpec::ObservationNoise;

row drawn(const search_space& space, random_stream& random) {
  // Draw one number for every parameter, active or not, so that a branch does not shift the numbers
  // of the parameters after it.
  std::vector<double> units(space.parameters().size());
  std::ranges::generate(units, [&] { return random.unit(); });
  return space.filled([&](size_t i) { return space.parameters()[i].drawn_at(units[i]); });
}

row middle(const search_space& space) {
  return space.filled([&](size_t i) {
    const auto& p = space.parameters()[i];
    if (p.preset) return *p.preset;
    return p.type == parameter_type::categorical ? 0.0 : p.nearest_at(0.5);
  });
}

/// Numbers that a model lost (NaN) must not leave a trial without parameters.
bool is_whole(const search_space& space, const row& point) {
  for (size_t i = 0; i < point.size(); ++i) {
    if (std::isnan(point[i]) && space.active(point, i)) return false;
  }
  return true;
}

/// One of the free points, all equally likely. Where most points are taken, drawing until one is
/// free could take forever.
row any_left(const enumeration& points, const tried_points& tried, random_stream& random) {
  auto rank = random.below(points.size() - tried.size());
  for (auto taken : tried.ranks(points)) {
    if (taken <= rank) ++rank;
  }
  return points.at(rank);
}

/// Draws until a point is new. The space must have one left.
row new_point(const study_view& study, const tried_points& tried, random_stream& random) {
  // In a space with a continuum only branches without one can repeat, so a long run of repeats is
  // nearly impossible.
  constexpr int patience = 10'000;
  constexpr int patience_finite = 16;
  const bool listable = study.space.finite() && study.points.size() != enumeration::size_max;
  row point;
  for (int i = 0; i < (listable ? patience_finite : patience); ++i) {
    point = drawn(study.space, random);
    if (!tried.contains(point)) return point;
  }
  return listable ? any_left(study.points, tried, random) : point;
}

} // namespace

std::string tried_points::key_of(const row& point) {
  return {reinterpret_cast<const char*>(point.data()), point.size() * sizeof(double)};
}

std::vector<uint64_t> tried_points::ranks(const enumeration& points) const {
  std::vector<uint64_t> ranks;
  for (const auto& key : keys_) {
    row point(key.size() / sizeof(double));
    std::copy(key.begin(), key.end(), reinterpret_cast<char*>(point.data()));
    ranks.push_back(points.rank_of(point));
  }
  std::ranges::sort(ranks);
  return ranks;
}

std::vector<std::optional<row>> rows_of(const search_space& space,
                                        capnp::List<wire::Trial>::Reader trials) {
  std::vector<std::optional<row>> rows;
  for (auto trial : trials)
    rows.push_back(space.row_of(trial.getParameters()));
  return rows;
}

std::optional<uint64_t> number_of(wire::Trial::Reader trial) {
  const auto id = wire::view(trial.getId());
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (problem != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

uint64_t trials_so_far(capnp::List<wire::Trial>::Reader trials) {
  uint64_t most = trials.size();
  for (auto trial : trials)
    most = std::max(most, number_of(trial).value_or(0));
  return most;
}

chosen_points grid_search(const study_view& study, uint32_t count) {
  chosen_points chosen;
  auto tried = study.tried;
  for (uint64_t rank = 0; rank < study.points.size() && chosen.rows.size() < count; ++rank) {
    auto point = study.points.at(rank);
    if (tried.add(point)) chosen.rows.push_back(std::move(point));
  }
  chosen.exhausted = tried.size() >= study.points.size();
  return chosen;
}

chosen_points chosen_one_by_one(const study_view& study, uint32_t count,
                                const proposal_rule& proposal) {
  const auto observed = study.spec.getObservationNoise();
  chosen_points chosen;
  auto tried = study.tried;
  const auto used_up = [&] { return study.space.finite() && tried.size() >= study.points.size(); };
  const auto over = [&] { return observed == noise::LOW && used_up(); };
  const uint64_t first = trials_so_far(study.trials);
  while (chosen.rows.size() < count && !over()) {
    const uint64_t trial = first + chosen.rows.size();
    random_stream random(study.seed, trial);
    auto point = proposal(trial, tried, chosen.rows, random);
    if (!is_whole(study.space, point)) point = drawn(study.space, random);
    if (observed != noise::HIGH && !used_up() && tried.contains(point))
      point = new_point(study, tried, random);
    tried.add(point);
    chosen.rows.push_back(std::move(point));
  }
  chosen.exhausted = over();
  return chosen;
}

chosen_points random_search(const study_view& study, uint32_t count) {
  return chosen_one_by_one(study, count,
                           [&](uint64_t, const auto&, const auto&, random_stream& random) {
                             return drawn(study.space, random);
                           });
}

chosen_points quasi_random_search(const study_view& study, uint32_t count) {
  const halton sequence(study.space.parameters().size(), study.seed);
  return chosen_one_by_one(study, count,
                           [&](uint64_t trial, const auto&, const auto&, random_stream&) {
                             if (trial == 0) return middle(study.space);
                             return study.space.filled([&](size_t i) {
                               return study.space.parameters()[i].drawn_at(sequence.at(trial, i));
                             });
                           });
}

algorithm algorithm_of(wire::StudySpec::Algorithm name) {
  switch (name) {
  case wire::StudySpec::Algorithm::GRID_SEARCH:
    return grid_search;
  case wire::StudySpec::Algorithm::RANDOM_SEARCH:
    return random_search;
  case wire::StudySpec::Algorithm::UNSPECIFIED:
  case wire::StudySpec::Algorithm::RESERVED1:
    break;
  }
  return bayesian_search;
}

} // namespace troupe::tuner
