#include "wire/yaml_section.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::wire;
using namespace std::chrono_literals;

TEST_CASE("sizes need a unit and are whole bytes") {
  CHECK(size_bytes_of("64GiB") == uint64_t(64) << 30);
  CHECK(size_bytes_of("1.5KiB") == 1536);
  CHECK(size_bytes_of("10 MB") == 10'000'000);
  CHECK(size_bytes_of("0.1TB") == 100'000'000'000);
  CHECK(size_bytes_of("0B") == 0);
  for (std::string_view bad : {"", "64", "GiB", "64gib", "64G", "-1GiB", "1.5B", "1..5GiB",
                               "64GiB ", "64  GiB", "99999TiB", ".GiB"})
    CHECK_MESSAGE(!size_bytes_of(bad), bad);
}

TEST_CASE("durations need a unit") {
  CHECK(span_of("500ms") == 500ms);
  CHECK(span_of("1.5h") == 90min);
  CHECK(span_of("0.1s") == 100ms);
  CHECK(span_of("2d") == 48h);
  CHECK(span_of("0s") == 0s);
  for (std::string_view bad : {"", "30", "s", "-1s", "30 sec", "1h30m", "0.1us", "1e3s"})
    CHECK_MESSAGE(!span_of(bad), bad);
}

TEST_CASE("a section reads its keys, keeps defaults, and refuses unknown keys") {
  int lines = 3;
  std::string inner = "kept";
  const auto number = [](std::string_view text) {
    return text == "7" ? std::optional(7) : std::nullopt;
  };
  auto done = read_sections("lines: 7\nbox:\n  widht: 1\n", "f.yaml", [&](yaml_section& top) {
    CHECK(top.scalar("lines", lines, "seven", number));
    CHECK(top.section("box", [&](yaml_section& box) {
      int width = 0;
      CHECK_FALSE(box.scalar("width", width, "seven", number));
      CHECK_FALSE(box.scalar("label", inner, "text", [](std::string_view text) {
        return std::optional(std::string(text));
      }));
    }));
  });
  CHECK(lines == 7);
  CHECK(inner == "kept");
  REQUIRE_FALSE(done);
  CHECK(
      done.error()
      == error{errc::invalid_argument, "f.yaml:3:3: box.widht: unknown key; did you mean width?"});
  CHECK(read_sections("lines: [7]", "f.yaml",
                      [&](yaml_section& top) { top.scalar("lines", lines, "seven", number); })
            .error()
            .message
        == "f.yaml:1:8: lines: got an array; expected seven");
}
