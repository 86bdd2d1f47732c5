#include "host/published_endpoint.hpp"

#include "base/files.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::host;
namespace fs = std::filesystem;

namespace {

fs::perms mode_of(const fs::path& path) { return fs::status(path).permissions(); }

constexpr auto owner_file = fs::perms::owner_read | fs::perms::owner_write;

} // namespace

TEST_CASE("publish writes both files for their owner alone, in a directory of mode 0700") {
  test::scratch scratch;
  const fs::path data = scratch.path("data");
  REQUIRE(publish(data, {"http://127.0.0.1:1", "secret"}));
  CHECK(*first_line(data / endpoint_file) == "http://127.0.0.1:1");
  CHECK(*first_line(data / token_file) == "secret");
  CHECK(mode_of(data / endpoint_file) == owner_file);
  CHECK(mode_of(data / token_file) == owner_file);
  CHECK(mode_of(data) == fs::perms::owner_all);
}

TEST_CASE("publish replaces what an earlier controller published, and its file modes") {
  test::scratch scratch;
  REQUIRE(publish(scratch.path(), {"http://127.0.0.1:1", "a-longer-secret"}));
  fs::permissions(scratch.path() / endpoint_file, fs::perms::others_read, fs::perm_options::add);
  REQUIRE(publish(scratch.path(), {"http://127.0.0.1:2", "secret"}));
  CHECK(*first_line(scratch.path() / endpoint_file) == "http://127.0.0.1:2");
  CHECK(*first_line(scratch.path() / token_file) == "secret");
  CHECK(mode_of(scratch.path() / endpoint_file) == owner_file);
}

TEST_CASE("publish fails and writes no endpoint when the token cannot be written") {
  test::scratch scratch;
  fs::create_directory(scratch.path() / token_file);
  CHECK_FALSE(publish(scratch.path(), {"http://127.0.0.1:1", "secret"}));
  CHECK_FALSE(fs::exists(scratch.path() / endpoint_file));
}
