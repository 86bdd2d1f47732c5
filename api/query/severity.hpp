// Cloud Logging's severities: names for people, numbers for their order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::api {

/// The number of a severity by its name (any case, with the usual short forms) or by its number.
std::optional<int64_t> severity_number(std::string_view text);

/// The canonical name of a severity; "DEFAULT" for what is none.
std::string_view severity_name(std::string_view text);

} // namespace troupe::api
