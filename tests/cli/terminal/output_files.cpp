#include "cli/terminal/output_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE(
    "output files are rejected before the work when they cannot be written or name another format") {
  CHECK(output_files{}.check());
  const auto path = std::filesystem::temp_directory_path() / "troupe-output-files-test.svg";
  CHECK(output_files{.json = {}, .plot = path.string()}.check());
  std::filesystem::remove(path);
  const auto named = output_files{.json = {}, .plot = "best.png"}.check();
  REQUIRE(!named);
  CHECK(named.error().message
        == "--plot best.png: a chart is written as SVG; expected a name that ends in .svg");
  const auto nowhere = output_files{.json = "/nowhere/at/all.json", .plot = {}}.check();
  REQUIRE(!nowhere);
  CHECK(nowhere.error().message
        == "/nowhere/at/all.json: cannot be written; is the directory there?");
}
