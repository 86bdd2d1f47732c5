#include "cli/bench/settings.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::cli;

namespace {

const collective& named(std::string_view name) {
  return *std::ranges::find(collectives(), name, &collective::name);
}

std::string problem(const bench_flags& flags, std::string_view name = "allreduce") {
  auto settings = settings_of(flags, named(name));
  if (settings) return "";
  CHECK(settings.error().code == errc::invalid_argument);
  return settings.error().message;
}

bench_settings sizes(uint64_t from, uint64_t to, uint64_t step, uint64_t factor,
                     std::string_view name = "allreduce") {
  bench_settings out{.operation = &named(name)};
  out.min_bytes = from;
  out.max_bytes = to;
  out.step_bytes = step;
  out.step_factor = factor;
  return out;
}

using list = std::vector<uint64_t>;

} // namespace

TEST_CASE("amounts of bytes") {
  CHECK(*parse_bytes("-b", "8") == 8);
  CHECK(*parse_bytes("-b", "0") == 0);
  CHECK(*parse_bytes("-b", "64K") == 65536);
  CHECK(*parse_bytes("-b", "1m") == 1 << 20);
  CHECK(*parse_bytes("-b", "2GiB") == uint64_t(2) << 30);
  CHECK(*parse_bytes("-b", "1024T") == uint64_t(1) << 50);
  for (auto wrong : {"", "K", "-1", "1.5M", "8B", "8MB", "8iB", "8 M", "1025T",
                     "99999999999999999999", "8X", "8KK"})
    CHECK_MESSAGE(!parse_bytes("-b", wrong), wrong);
  CHECK(parse_bytes("--size", "8X").error().message
        == "--size: '8X' is no amount of bytes; expected a whole number, with K, M, G or T for "
           "powers of 1024, as 64K; at most 1024T");
}

TEST_CASE("line rates") {
  CHECK(*parse_link("--link", "1gbit") == 125e6);
  CHECK(*parse_link("--link", "2.5Gbit/s") == 312.5e6);
  CHECK(*parse_link("--link", "100mbit") == 12.5e6);
  CHECK(*parse_link("--link", "800kbit") == 1e5);
  CHECK(*parse_link("--link", "1tbit") == 125e9);
  for (auto wrong : {"", "1", "1g", "gbit", "0gbit", "-1gbit", "1gbps", "nangbit", "infgbit"})
    CHECK_MESSAGE(!parse_link("--link", wrong), wrong);
  CHECK(link_rate(125e6) == "1 Gbit/s");
  CHECK(link_rate(312.5e6) == "2.5 Gbit/s");
  CHECK(link_rate(12.5e6) == "100 Mbit/s");
  CHECK(link_rate(1e5) == "800 kbit/s");
}

TEST_CASE("flags become settings") {
  bench_flags flags;
  flags.type = "bf16";
  flags.op = "max";
  flags.link = "10gbit";
  flags.in_place = true;
  const auto settings = *settings_of(flags, named("allreduce"));
  CHECK(settings.min_bytes == uint64_t(32) << 20);
  CHECK(settings.type == TROUPE_BFLOAT16);
  CHECK(settings.op == TROUPE_MAX);
  CHECK(*settings.link_bytes_per_s == 1.25e9);
  CHECK(settings.in_place);
  CHECK_FALSE(settings.out_of_place);
  CHECK(arguments_of(settings)
        == std::vector<std::string>{
            "allreduce", "-n", "20", "-w", "5", "-b", "33554432", "-e", "33554432", "-i",
            "0",         "-f", "2",  "-c", "1", "-d", "bfloat16", "-o", "max",      "--in-place"});
}

TEST_CASE("neither place and both mean both") {
  bench_flags flags;
  for (const bool both : {false, true}) {
    flags.in_place = flags.out_of_place = both;
    const auto settings = *settings_of(flags, named("allgather"));
    CHECK(settings.in_place);
    CHECK(settings.out_of_place);
  }
}

TEST_CASE("other ranks get only the flags that their collective has") {
  const auto broadcast = *settings_of({}, named("broadcast"));
  CHECK_FALSE(broadcast.out_of_place);
  CHECK(arguments_of(broadcast).back() == "0");
  const auto barrier = *settings_of({}, named("barrier"));
  CHECK_FALSE(barrier.check);
  CHECK(arguments_of(barrier) == std::vector<std::string>{"barrier", "-n", "20", "-w", "5"});
}

TEST_CASE("wrong flags are named") {
  bench_flags flags;
  flags.type = "complex";
  CHECK(problem(flags).starts_with("--datatype: unknown type 'complex'; expected float, "));
  flags = {};
  flags.op = "mean";
  CHECK(problem(flags) == "--op: unknown operator 'mean'; expected sum, avg, min, max or prod");
  flags = {};
  flags.max_bytes = "1M";
  CHECK(problem(flags).starts_with("--maxbytes is 1048576 and --minbytes 33554432; "));
  flags = {};
  flags.step_factor = 1;
  CHECK(problem(flags).starts_with("--stepfactor is 1; "));
  flags.step_bytes = "1M";
  CHECK(problem(flags) == "");
  flags.step_bytes = "many";
  CHECK(problem(flags).starts_with("--stepbytes: 'many' is "));
  flags = {};
  flags.link = "fast";
  CHECK(problem(flags).starts_with("--link: 'fast' is no line rate; "));
  flags = {};
  flags.out_of_place = true;
  CHECK(problem(flags, "broadcast") == "--out-of-place: broadcast works in place only");
}

TEST_CASE("sizes grow by a factor or by steps") {
  CHECK(counts_of(sizes(8, 64, 0, 2), 3) == list{2, 4, 8, 16});
  CHECK(counts_of(sizes(8, 100, 0, 4), 3) == list{2, 8});
  CHECK(counts_of(sizes(8, 24, 8, 2), 3) == list{2, 4, 6});
  CHECK(counts_of(sizes(16, 16, 0, 2), 3) == list{4});
  CHECK(counts_of(sizes(0, 8, 0, 2), 3) == list{0, 1, 2});
}

TEST_CASE("sizes are whole elements on each rank, each once") {
  // Size is what all ranks' parts are together.
  CHECK(counts_of(sizes(8, 64, 0, 2, "reduce-scatter"), 4) == list{0, 1, 2, 4});
  CHECK(counts_of(sizes(4, 16, 1, 2, "allgather"), 2) == list{0, 1, 2});
  CHECK(counts_of(sizes(8, 64, 0, 2, "barrier"), 4) == list{0});
}

TEST_CASE("types and operators have nccl-tests' names") {
  CHECK(name_of(TROUPE_FLOAT32) == "float");
  CHECK(name_of(TROUPE_FLOAT16) == "half");
  CHECK(name_of(TROUPE_AVG) == "avg");
  CHECK(size_of(TROUPE_BFLOAT16) == 2);
  CHECK(size_of(TROUPE_UINT8) == 1);
}
