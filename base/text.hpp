// Words of people in messages: the name that was probably meant, and a piece of their text that is
// fit to be repeated.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// The candidate that a person who wrote `name` most likely meant. Case, '_' and '-' count for
/// nothing.
std::optional<std::string> closest(std::string_view name, std::span<const std::string> candidates);

/// `text` fit for one line of a message: control characters and broken UTF-8 replaced, cut after
/// some 60 bytes.
std::string shown(std::string_view text);

} // namespace troupe
