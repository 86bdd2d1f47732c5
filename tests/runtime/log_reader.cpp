#include "tests/runtime/test_node.hpp"

#include <algorithm>
#include <sys/mount.h>

using namespace troupe;
using namespace troupe::runtime;
using wire::ReplicaPhase;

namespace {

uint64_t bytes_below(const std::filesystem::path& directory) {
  uint64_t out = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(directory))
    if (each.is_regular_file()) out += each.file_size();
  return out;
}

/// Reads from start to end in steps of `entries`.
std::vector<line> read_all(node& here, uint32_t entries) {
  std::vector<line> out;
  for (;;) {
    auto next = here.logs(4711, entries, out.empty() ? nullptr : &out.back());
    if (next.empty()) return out;
    out.insert(out.end(), next.begin(), next.end());
  }
}

} // namespace

TEST_CASE("a log is read in order, in steps, without loss or repetition") {
  node here;
  auto attempt = here.run(shell("i=0; while [ $i -lt 100 ]; do echo \"{\\\"message\\\": "
                                "\\\"m$i\\\"}\"; i=$((i+1)); done; printf 'bad \\377'"));
  here.seen.wait_for_end();
  auto lines = read_all(here, 7);
  REQUIRE(lines.size() == 101);
  for (size_t i = 0; i < 100; ++i) {
    CHECK(lines[i].text == "{\"message\": \"m" + std::to_string(i) + "\"}");
    CHECK(lines[i].replica == "1/workerpool0-0/0");
    CHECK(lines[i].timestamp_nanos < lines[i + 1].timestamp_nanos);
  }
  CHECK(lines[100].text == "bad \xef\xbf\xbd");
  CHECK(lines[0].timestamp_nanos / 1000 >= here.seen.wait_for_end()->getStartedMicros());
}

TEST_CASE("the logs of all replicas come as one, ordered by time") {
  node here;
  auto gang = shell("for i in 1 2 3; do echo x; sleep 0.01; done");
  gang.pools.push_back(gang.pools[0]);
  auto attempt = here.run(gang);
  here.seen.wait_for(ReplicaPhase::EXITED, 0, 0);
  here.seen.wait_for(ReplicaPhase::EXITED, 0, 1);
  auto lines = here.logs();
  REQUIRE(lines.size() == 6);
  for (size_t i = 1; i < lines.size(); ++i)
    CHECK(lines[i - 1].timestamp_nanos <= lines[i].timestamp_nanos);
}

TEST_CASE("a line can be read as soon as it is written") {
  node here;
  auto attempt = here.run(shell("echo first; exec sleep 1000"));
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (here.texts() != std::vector<std::string>{"first"})
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  attempt->stop(stop_of(4711, 0));
  here.seen.wait_for_end();
}

TEST_CASE("a flood of output costs bounded disk, and its start and end are kept") {
  node here;
  here.settings.log_bytes_max = 4 << 20;
  constexpr uint64_t flood_bytes = 200 << 20;
  auto attempt = here.run(shell("echo the start; head -c " + std::to_string(flood_bytes)
                                + " /dev/zero | tr '\\0' 'x' | fold -w 1000; echo; echo the end"));
  CHECK(here.seen.wait_for_end()->getExitCode() == 0);
  CHECK(bytes_below(here.settings.directory / "logs") < 6u << 20);
  auto lines = read_all(here, 10'000);
  REQUIRE(lines.size() > 2);
  CHECK(lines.front().text == "the start");
  CHECK(lines.back().text == "the end");
  uint64_t kept = 0, missing = 0, gaps = 0;
  for (const auto& each : lines) {
    kept += each.text.size() + 23;
    if (!each.text.starts_with("[troupe] ")) continue;
    ++gaps;
    missing = std::stoull(each.text.substr(9));
    kept -= each.text.size() + 23;
  }
  CHECK(gaps == 1);
  // The offsets count every byte that was written, so what is kept and what is missing make the
  // whole.
  CHECK(kept + missing == lines.back().next_offset);
  CHECK(lines.back().next_offset > flood_bytes);
}

TEST_CASE("a full disk does not stop the replica, and the log shows that something is missing") {
  node here;
  std::filesystem::create_directories(here.settings.directory / "logs");
  if (mount("none", (here.settings.directory / "logs").c_str(), "tmpfs", 0, "size=256k") != 0) {
    MESSAGE("not allowed to mount a small file system here; skipped");
    return;
  }
  auto attempt = here.run(
      shell("echo the start; head -c 2000000 /dev/zero | tr '\\0' 'x' | fold -w 1000; exit 4"));
  CHECK(here.seen.wait_for_end()->getExitCode() == 4);
  auto lines = read_all(here, 10'000);
  REQUIRE(lines.size() > 2);
  CHECK(lines.front().text == "the start");
  CHECK(std::any_of(lines.begin(), lines.end(),
                    [](const line& each) { return each.text.starts_with("[troupe] "); }));
  umount2((here.settings.directory / "logs").c_str(), MNT_DETACH);
}

TEST_CASE("a position inside a line or past the end gives the lines after it") {
  node here;
  auto attempt = here.run(shell("echo one; echo two"));
  here.seen.wait_for_end();
  auto all = here.logs();
  REQUIRE(all.size() == 2);
  line inside = all[0];
  inside.next_offset -= 3;
  auto rest = here.logs(4711, 0, &inside);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].text == "two");
  line past = all[1];
  past.next_offset += 1000;
  CHECK(here.logs(4711, 0, &past).empty());
  CHECK(here.logs(1).empty());
}
