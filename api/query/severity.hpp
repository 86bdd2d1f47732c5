// Cloud Logging's severities: their names, and the numbers that order them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::api {

/// The number of a severity by its name (any case, with the usual short forms) or by its number.
std::optional<int64_t> severity_number(std::string_view text);

/// The canonical name of a severity; "DEFAULT" if the text is not a severity.
std::string_view severity_name(std::string_view text);

} // namespace troupe::api
