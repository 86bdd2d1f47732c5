#include "runtime/shim/log_writer.hpp"

#include "tests/runtime/test_node.hpp"

using namespace troupe::runtime;

namespace {

/// Everything on disk, in the order of the segments.
std::string stored(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& each : std::filesystem::directory_iterator(directory))
    files.push_back(each.path());
  std::sort(files.begin(), files.end());
  std::string out;
  for (const auto& path : files) {
    std::ifstream file(path);
    out.append(std::istreambuf_iterator<char>(file), {});
  }
  return out;
}

constexpr int64_t now = 1'700'000'000'000'000'000;

} // namespace

TEST_CASE("lines are read with their time and stream") {
  troupe::test::scratch scratch;
  shim::log_writer log(scratch.path(), 1 << 20);
  log.append(false, "a\nb", 3, now);
  log.append(true, "err\n", 4, now + 5);
  log.append(false, "c\n\n", 3, now + 5);
  log.append(false, "tail", 4, now + 6);
  log.finish(now + 9);
  CHECK(stored(scratch.path())
        == "1700000000000000000 o a\n"
           "1700000000000000005 e err\n"
           "1700000000000000006 o bc\n"
           "1700000000000000007 o \n"
           "1700000000000000009 o tail\n");
}

TEST_CASE("a line that is too long is split, one of exactly the limit is not") {
  troupe::test::scratch scratch;
  shim::log_writer log(scratch.path(), 1 << 20);
  std::string full(shim::line_bytes_max, 'x');
  SUBCASE("in one piece") {
    auto text = full + "y\n" + full + "\n";
    log.append(false, text.data(), text.size(), now);
  }
  SUBCASE("byte by byte") {
    for (char c : full + "y\n" + full + "\n")
      log.append(false, &c, 1, now);
  }
  log.finish(now);
  CHECK(stored(scratch.path())
        == "1700000000000000000 O " + full + "\n1700000000000000001 o y\n"
               + "1700000000000000002 o " + full + "\n");
}
