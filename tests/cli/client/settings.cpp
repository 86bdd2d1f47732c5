#include "cli/client/settings.hpp"

#include "cli/client/http_client.hpp"
#include "tests/cli/test_console.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("commands find a published cluster, and its files are readable by the owner only") {
  test::scratch at;
  test_console console;
  auto data = at.path("data");
  REQUIRE(host::publish(data, {"http://127.0.0.1:7070", "secret"}));
  console.at.environment["TROUPE_DATA"] = data;
  auto found = find_cluster({}, console.at);
  REQUIRE(found);
  CHECK(found->url == "http://127.0.0.1:7070");
  CHECK(found->token == "secret");
  struct stat info {};
  for (auto& [name, mode] :
       {std::pair(std::string(), 0700), {"/token", 0600}, {"/endpoint", 0600}}) {
    REQUIRE(stat((data + name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == mode);
  }
  REQUIRE(host::publish(data, {"http://127.0.0.1:7071", "other"}));
  CHECK(find_cluster({}, console.at)->token == "other");
}

TEST_CASE("flags win over the environment, and both win over the data directory") {
  test::scratch at;
  test_console console;
  REQUIRE(host::publish(at.path("data"), {"http://file:1", "secret"}));
  console.at.environment = {{"TROUPE_DATA", "/nowhere"},
                            {"TROUPE_ENDPOINT", "http://environment:1"}};
  global_options options{.data = at.path("data")};
  CHECK(find_cluster(options, console.at)->url == "http://environment:1");
  options.endpoint = "http://flag:1";
  options.token_file = at.write("t", "  mine \n");
  CHECK(find_cluster(options, console.at)->url == "http://flag:1");
  CHECK(find_cluster(options, console.at)->token == "mine");
}

TEST_CASE("the error says what to do when no cluster or token is found") {
  test::scratch at;
  test_console console;
  auto none = find_cluster({}, console.at);
  REQUIRE(!none);
  CHECK(none.error().message.find("neither --data, nor TROUPE_DATA, nor HOME is set")
        != std::string::npos);
  console.at.environment["HOME"] = at.path("");
  none = find_cluster({}, console.at);
  REQUIRE(!none);
  CHECK(none.error().message.find(
            ".troupe/endpoint: No such file or directory. Start one with: troupe up")
        != std::string::npos);
  console.at.environment["TROUPE_ENDPOINT"] = "http://h:1";
  none = find_cluster({}, console.at);
  REQUIRE(!none);
  CHECK(none.error().code == errc::unauthenticated);
  CHECK(none.error().message.find("--token-file") != std::string::npos);
  global_options smuggling{.token_file = at.write("t", "a\x01"
                                                       "b\n")};
  CHECK(!find_cluster(smuggling, console.at));
  global_options blank{.token_file = at.write("b", "\n")};
  CHECK(find_cluster(blank, console.at).error().message.find("the file is empty")
        != std::string::npos);
}

TEST_CASE("the data directory is absolute when a relative one is given") {
  test_console console;
  const auto here = std::filesystem::current_path();
  CHECK(*data_directory({.data = "d"}, console.at) == here / "d");
  CHECK(*data_directory({.data = "./a/../b"}, console.at) == here / "b");
  console.at.environment["TROUPE_DATA"] = "e";
  CHECK(*data_directory({}, console.at) == here / "e");
}

TEST_CASE("an endpoint is http://host:port, and anything else is rejected") {
  CHECK(*parse_endpoint("http://127.0.0.1:80") == http_endpoint{"127.0.0.1", 80});
  CHECK(*parse_endpoint("http://[::1]:8080/") == http_endpoint{"::1", 8080});
  CHECK(*parse_endpoint("http://node-1.lan:65535") == http_endpoint{"node-1.lan", 65535});
  for (auto url : {"", "127.0.0.1:80", "https://h:1", "http://h", "http://[::1]", "http://h:0",
                   "http://h:65536", "http://h:x", "http://:80", "http://h:1/v1", "http://u@h:1"})
    CHECK(parse_endpoint(url).error().code == errc::invalid_argument);
  CHECK(percent_encoded("a b/\"é~") == "a%20b%2F%22%C3%A9~");
}
