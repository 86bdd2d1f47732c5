#include "tuner/suggest.hpp"

namespace troupe::tuner {

suggestion_set suggest(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
                       const suggestion_wish& wish) {
  search_space space(study);
  space.pin(wish.fixed);
  const enumeration points(space);
  tried_points tried;
  const auto rows = rows_of(space, trials);
  for (const auto& point : rows) {
    if (point && space.holds(*point)) tried.add(*point);
  }
  const auto choose = algorithm_of(study.getAlgorithm());
  const auto chosen =
      choose({study, trials, rows, wish.seed, space, points, tried, wish.priors}, wish.count);
  suggestion_set suggestions{.exhausted = chosen.exhausted};
  for (const auto& point : chosen.rows)
    suggestions.sets.push_back(space.values_of(point));
  return suggestions;
}

wire::frame<wire::Suggestions> to_suggestions(uint64_t tuning_job, uint32_t first_trial,
                                              const suggestion_set& suggestions) {
  return wire::frame<wire::Suggestions>::build([&](wire::Suggestions::Builder built) {
    built.setStudyId(tuning_job);
    built.setFirstTrial(first_trial);
    built.setExhausted(suggestions.exhausted);
    auto sets = built.initParameters(static_cast<uint32_t>(suggestions.sets.size()));
    for (uint32_t i = 0; i < sets.size(); ++i) {
      const auto& from = suggestions.sets[i];
      auto values = sets[i].initValues(static_cast<uint32_t>(from.size()));
      for (uint32_t j = 0; j < values.size(); ++j) {
        values[j].setParameterId(wire::text(from[j].id));
        if (const auto* text = std::get_if<std::string>(&from[j].value))
          values[j].initValue().setString(wire::text(*text));
        else
          values[j].initValue().setNumber(std::get<double>(from[j].value));
      }
    }
  });
}

} // namespace troupe::tuner
