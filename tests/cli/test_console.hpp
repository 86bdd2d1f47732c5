// A console whose output tests read, and JSON documents from literals.
#pragma once

#include "cli/client/json.hpp"
#include "cli/terminal/console.hpp"

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::cli {

struct test_console {
  std::ostringstream out;
  std::ostringstream err;
  console at{.out = out, .err = err};
};

inline json_document document(std::string_view text) {
  auto parsed = json_document::parse(text);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (auto& line : lines)
    all += line + "\n";
  return all;
}

} // namespace troupe::cli
