#include "runtime/program.hpp"

#include "tests/runtime/test_node.hpp"

using namespace troupe;
using namespace troupe::runtime;

namespace {

auto program_for(const job& job, const node_settings& settings = {.node_name = "n1"}) {
  auto order = order_of(job);
  return program_of(*order, {job.id, 1, 0, 0, 0}, settings, "/p");
}

} // namespace

TEST_CASE("a container spec runs its command with its arguments") {
  auto program = program_for({.pools = {{{"python3", "task.py", "--x=1"}}}});
  REQUIRE(program);
  CHECK(program->steps == std::vector<std::vector<std::string>>{{"python3", "task.py", "--x=1"}});
}

TEST_CASE("a reducer runs troupe itself") {
  auto program = program_for({.pools = {{{}, "troupe/reductionserver", 1, true}}},
                             {.troupe = "/usr/bin/troupe"});
  REQUIRE(program);
  CHECK(program->steps == std::vector<std::vector<std::string>>{{"/usr/bin/troupe", "reducer"}});
}

TEST_CASE("an image stands for the host only when the configuration maps it") {
  job with_image{.pools = {{{"train"}, "docker.io/me/train:1"}}};
  auto refused = program_for(with_image);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().permanent);
  CHECK(refused.error().message.find("docker.io/me/train:1") != std::string::npos);
  CHECK(refused.error().message.find("`images:`") != std::string::npos);
  CHECK(program_for(with_image, {.images = {{"docker.io/me/train:1", "host"}}}));
  CHECK(program_for(with_image, {.images = {{"docker.io/*", "host"}}}));
  CHECK_FALSE(program_for(
      with_image, {.images = {{"docker.io/you/*", "host"}, {"docker.io/me/train", "host"}}}));
}

TEST_CASE("a container spec without a program is refused") {
  auto refused = program_for({.pools = {{{}}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().permanent);
  CHECK(refused.error().message.find("`command` and `args`") != std::string::npos);
}
