#include "cli/bench/plan.hpp"

#include "cli/bench/commands.hpp"
#include "cli/program.hpp"
#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

namespace {

struct outcome {
  int code = 0;
  std::string out;
  std::string err;
};

outcome bench(std::vector<std::string> arguments) {
  test_console console;
  arguments.insert(arguments.begin(), "bench");
  const int code = run_program(std::move(arguments), console.at, {add_bench});
  return {code, console.out.str(), console.err.str()};
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the plan of a published example") {
  const auto predicted =
      *predict({.workers = 8, .reducers = 4, .link = "100gbit", .reducer_link = "", .size = "1G"});
  CHECK(predicted.kappa == 4);
  CHECK(predicted.split.speedup_over_ring == doctest::Approx(1.375));
  CHECK(*predicted.seconds(1) == doctest::Approx(0.0859).epsilon(0.001));
  CHECK(*predicted.algbw_gb_s(predicted.split.time_factor) == doctest::Approx(9.82).epsilon(0.001));
  CHECK(predicted.reducers_for_full_rate == 8);
}

TEST_CASE("kappa from the links, or as measured") {
  plan_flags flags{.workers = 8, .reducers = 4, .link = "100gbit", .reducer_link = "32gbit"};
  CHECK(predict(flags)->kappa == doctest::Approx(1.28));
  CHECK(predict(flags)->reducers_for_full_rate == 25);
  flags.measured_kappa = 1;
  CHECK(predict(flags)->kappa == 1);
  CHECK(predict(flags)->reducers_for_full_rate == 32);
  flags.reducers = 0;
  CHECK(predict(flags)->reducers_for_full_rate == 0);
}

TEST_CASE("the plan for people") {
  const auto run = bench({"plan", "--workers=8", "--reducers=4", "--link=100gbit",
                          "--reducer-link=32gbit", "--size=1GiB"});
  CHECK(run.code == 0);
  CHECK(run.out
        == "All-reduce of S = 1 GiB by 8 workers on links of B = 100 Gbit/s, with 4 reducers.\n"
           "Together the reducers have the bandwidth of 1.28 workers' links (kappa).\n"
           "\n"
           "SCHEME             THROUGH REDUCERS      TIME       ALGBW  SPEED-UP OF THE SPLIT\n"
           "best split                    25.0%  134.2 ms      8 GB/s                 x 1.00\n"
           "ring, no reducers              0.0%  150.3 ms  7.143 GB/s                 x 1.12\n"
           "reducers only                100.0%  536.9 ms      2 GB/s                 x 4.00\n"
           "\n"
           "The reducers are the bottleneck: with more of them less goes from worker to worker.\n"
           "Everything goes at the workers' full rate from 25 reducers on, 21 more.\n");
}

TEST_CASE("a plan advises what to add") {
  const auto few = bench({"plan", "--workers", "8", "--reducers", "4"});
  CHECK(holds(few.out, "at the workers' full rate from 8 reducers on, 4 more."));
  CHECK(holds(few.out, "1.273 S/B"));
  CHECK(
      holds(bench({"plan", "--workers", "8", "--reducers", "8"}).out, "more reducers do not help"));
  CHECK(holds(bench({"plan", "--workers", "2", "--reducers", "1"}).out, "as fast without"));
  CHECK(holds(bench({"plan", "--workers", "1", "--reducers", "1"}).out, "nobody to exchange with"));
  CHECK(holds(bench({"plan", "--workers", "8", "--reducers", "0"}).out, "reducers only"));
}

TEST_CASE("the plan for programs") {
  const auto run = bench({"plan", "--workers=8", "--reducers=0", "--link=1gbit", "--format=json"});
  CHECK(run.code == 0);
  const auto json = document(run.out);
  CHECK(*json["split"]["timeFactor"].number() == 1.75);
  CHECK(*json["split"]["algbwGBs"].number() == doctest::Approx(0.0714).epsilon(0.001));
  CHECK_FALSE(json["reducersOnly"]["timeFactor"]);
  CHECK_FALSE(json["reducersOnly"]["algbwGBs"]);
  CHECK(json["bottleneck"].text() == "reducers");
  CHECK(json["reducersForFullRate"].integer() == 8);
}

TEST_CASE("mistakes on the line") {
  const auto problem = [](std::vector<std::string> arguments) {
    const auto run = bench(std::move(arguments));
    CHECK(run.code == exit_usage);
    CHECK(run.out == "");
    return run.err;
  };
  CHECK(problem({"plan", "--workers=8", "--reducers=4", "--reducer-link=1gbit"})
        == "ERROR: --reducer-link: --link is missing; expected the workers' line rate as well\n"
           "See: troupe bench plan --help\n");
  CHECK(holds(problem({"plan", "--workers=8"}), "--reducers is required"));
  CHECK(holds(problem({"plan", "--workers=0", "--reducers=1"}), "--workers"));
  CHECK(holds(problem({"plan", "--workers=8", "--reducers=1", "--size=big"}), "--size: 'big' is"));
  CHECK(holds(problem({"plan", "--workers=8", "--reducers=1", "--measured-kappa=-1"}),
              "--measured-kappa"));
  CHECK(holds(problem({"allreduce", "-b", "8X"}), "--minbytes: '8X' is no amount"));
  CHECK(holds(problem({"allreduce", "-n", "0"}), "--iters"));
  CHECK(holds(problem({"allreduce", "--step"}), "'--step'; did you mean '--stepbytes'?"));
  CHECK(holds(problem({"broadcast", "--ranks=2", "-r", "2"}),
              "--root is 2; expected a rank, 0 to 1"));
  CHECK(holds(problem({"barrier", "-b", "8"}), "unknown option '-b'"));
  CHECK(holds(problem({"allreduce"}), "RANK is not set"));
  CHECK(holds(problem({"allreduce", "--ranks=2", "--json=/nonexistent/file"}),
              "/nonexistent/file: cannot be written"));
  CHECK(holds(problem({"allgathr"}), "unknown command 'allgathr'; did you mean 'allgather'?"));
  CHECK(holds(bench({}).err, "a command is missing after 'troupe bench'"));
}
