// Assertions that are always on. A bug that is found ends the process at once, with the facts in the
// last line of its log: replicas outlive the process, and a restarted one begins from what is
// stored. Never for what a user, a file or another process may cause; that is an `error`.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace troupe::detail {

/// Prints "FILE:LINE: assertion failed: EXPRESSION: MESSAGE" to stderr and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* expression,
                                   std::string_view message);

} // namespace troupe::detail

/// `TROUPE_ASSERT(used <= capacity, "node {}: {} of {}", node, used, capacity);`
/// The message says which ids are concerned; its arguments are evaluated on failure only.
#define TROUPE_ASSERT(expression, ...)                                                             \
  (static_cast<bool>(expression) ? static_cast<void>(0)                                            \
                                 : ::troupe::detail::assertion_failed(                             \
                                     __FILE__, __LINE__, #expression, ::fmt::format(__VA_ARGS__)))

/// For a place that no path of the program leads to, such as behind a switch over all values.
#define TROUPE_UNREACHABLE(...)                                                                    \
  ::troupe::detail::assertion_failed(__FILE__, __LINE__, "unreachable", ::fmt::format(__VA_ARGS__))
