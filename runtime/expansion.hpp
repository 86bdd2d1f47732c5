// $(NAME) in a job's variables, command and arguments, by Vertex's rules: a known name becomes its
// value, an unknown one stays as it is written (so a shell's own $(command) works), and $$(NAME) is
// the literal $(NAME).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::runtime {

using lookup = std::function<std::optional<std::string>(std::string_view name)>;

std::string expand(std::string_view text, const lookup& value_of);

} // namespace troupe::runtime
