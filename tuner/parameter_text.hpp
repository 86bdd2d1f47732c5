// A trial's parameters as text: how their values stand behind `--id=` and in templates. A trial
// sees the same text in a cluster and under `troupe tune`.
#pragma once

#include "tuner/space.hpp"

#include <string>
#include <vector>

namespace troupe::tuner {

/// Whether a number of this type is written without a decimal point. INTEGER always is. DISCRETE is
/// where it is whole: such values are batch sizes and widths, which programs read as integers.
/// DOUBLE never is.
bool is_written_whole(parameter_type type, double number);

/// Numbers that are written whole have all their digits ("32", "9007199254740993" as the nearest
/// double has it); others stand as Python's repr has them, with the fewest digits that read back the
/// same ("0.1", "1e-05", "2.0"). Strings stand as they are.
std::string parameter_text(const parameter_value& value);

/// "--id=value" for each value.
std::vector<std::string> flags_of(const std::vector<parameter_value>& values);

/// The same for the parameters of a stored trial or a suggestion, in their order. A parameter that
/// the study does not have is written as its JSON type suggests.
std::vector<std::string> flags_of(wire::StudySpec::Reader study,
                                  capnp::List<wire::Trial::Parameter>::Reader parameters);

} // namespace troupe::tuner
