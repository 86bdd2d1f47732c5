#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe::detail {

void assertion_failed(const char* file, int line, const char* expression,
                      std::string_view message) {
  const auto text =
      fmt::format("{}:{}: assertion failed: {}: {}\n", file, line, expression, message);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  std::abort();
}

} // namespace troupe::detail
