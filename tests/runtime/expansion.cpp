#include "runtime/expansion.hpp"

#include <doctest/doctest.h>

using troupe::runtime::expand;

TEST_CASE("references to known variables are replaced, and others stay as they are") {
  auto value_of = [](std::string_view name) -> std::optional<std::string> {
    if (name == "A") return "one";
    if (name == "B") return "$(A)";
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  CHECK(expand("", value_of) == "");
  CHECK(expand("--dir=$(A)/x", value_of) == "--dir=one/x");
  CHECK(expand("$(A)$(A)", value_of) == "oneone");
  CHECK(expand("[$(EMPTY)]", value_of) == "[]");
  CHECK(expand("$(NOBODY) $(A)", value_of) == "$(NOBODY) one");
  CHECK(expand("$$(A)", value_of) == "$(A)");
  CHECK(expand("$$$(A)", value_of) == "$$(A)");
  CHECK(expand("$(B)", value_of) == "$(A)");
  CHECK(expand("echo $$ $A ${A} $(date +%s)", value_of) == "echo $$ $A ${A} $(date +%s)");
  CHECK(expand("$(echo $(A))", value_of) == "$(echo one)");
  CHECK(expand("$(A", value_of) == "$(A");
  CHECK(expand("cost: 5$", value_of) == "cost: 5$");
}
