// What the tests of validation expect of the problems that they get: one, with its beginning and
// with what was expected instead; or none.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace troupe::core {

using problem_texts = std::vector<std::string>;

inline std::string joined(const problem_texts& all) {
  std::string text;
  for (const auto& one : all)
    text += one + "\n";
  return text;
}

/// Exactly one problem, and it begins like this.
inline void check_only(const problem_texts& found, const std::string& beginning) {
  CAPTURE(joined(found));
  REQUIRE(found.size() == 1);
  CHECK_MESSAGE(found[0].starts_with(beginning), beginning);
  CHECK(found[0].find("; expected ") != std::string::npos);
}

inline void check_none(const problem_texts& found) { CHECK_MESSAGE(found.empty(), joined(found)); }

} // namespace troupe::core
