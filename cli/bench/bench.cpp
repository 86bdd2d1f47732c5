// `troupe bench`: the commands. A process is one rank of a job, which its environment defines, or
// it starts a whole job on this machine.
#include "cli/bench/commands.hpp"
#include "cli/bench/local_job.hpp"
#include "cli/bench/plan.hpp"
#include "cli/bench/plot.hpp"
#include "cli/bench/report.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/output_files.hpp"

#include <cstdio>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>

namespace troupe::cli {

namespace {

constexpr const char* bench_group = "Measure";

struct run_flags : bench_flags {
  uint32_t ranks = 0; // 0: this process is one rank of a job that others have started
  uint32_t reducers = 1;
  output_files files;
};

result<> write_files(const output_files& files, const bench_report& report) {
  if (auto written = write_file(files.json, json_of(report)); !written) return written;
  return write_file(files.plot, files.plot.empty() ? "" : svg_of(charts_of(report)));
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return double(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
         + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void print(const invocation& run, const std::vector<std::string>& lines) {
  for (auto& line : lines)
    run.at.out << line << "\n";
  run.at.out << std::flush;
}

result<bench_report> measure(const bench_settings& settings, const invocation& run, bool loud) {
  auto rank = bench_rank::open(settings);
  if (!rank) return std::unexpected(rank.error());
  loud = loud && (*rank)->rank() == 0;
  bench_report report{.settings = settings,
                      .rank = (*rank)->rank(),
                      .ranks = (*rank)->ranks(),
                      .reducers = (*rank)->reducers(),
                      .environment = shown_variables(run.at.environment)};
  if (loud) print(run, head_lines(report));
  auto rows = (*rank)->run([&](const bench_row& row) {
    if (loud) print(run, {row_line(report, row)});
  });
  if (!rows) return std::unexpected(rows.error());
  report.rows = std::move(*rows);
  auto tier = (*rank)->tier();
  if (!tier) return std::unexpected(tier.error());
  report.tier = *tier;
  if (auto left = (*rank)->close(); !left) return std::unexpected(left.error());
  report.cpu_s = cpu_seconds();
  return report;
}

int finished(const run_flags& flags, const bench_report& report, const invocation& run) {
  if (run.options.json())
    run.at.out << json_of(report) << std::flush;
  else
    print(run, foot_lines(report));
  if (auto written = write_files(flags.files, report); !written) return run.failed(written.error());
  if (const auto wrong = wrong_of(report.rows).value_or(0); wrong > 0)
    return run.failed(
        {errc::data_loss, fmt::format("{} came out wrong", counted(wrong, "element"))});
  return exit_ok;
}

int as_rank(const run_flags& flags, const bench_settings& settings, const invocation& run) {
  if (run.at.variable("RANK").empty())
    return run.misused(
        {errc::invalid_argument,
         "RANK is not set, so this is no rank of a job; expected the environment that a job's "
         "replicas have (TROUPE_REDUCERS, RANK, WORLD_SIZE, ...), or --ranks for a job on this "
         "machine alone"},
        fmt::format("troupe bench {}", settings.operation->name));
  auto report = measure(settings, run, !run.options.json());
  if (!report) return run.failed(report.error());
  // The figures are the same on all ranks; rank 0 reports them.
  if (report->rank == 0) return finished(flags, *report, run);
  return wrong_of(report->rows).value_or(0) > 0 ? exit_failed : exit_ok;
}

int whole_job(const run_flags& flags, const bench_settings& settings, const invocation& run) {
  auto arguments = arguments_of(settings);
  arguments.insert(arguments.begin(), "bench");
  auto job = local_job::start(flags.ranks, flags.reducers, arguments);
  if (!job) return run.failed(job.error());
  const auto job_failed = [&](const error& problem) {
    const int code = run.failed(problem);
    run.at.err << (*job)->complaints() << std::flush;
    return code;
  };
  auto report = measure(settings, run, !run.options.json());
  if (!report) return job_failed(report.error());
  const auto ended = (*job)->finish();
  report->rank_cpu_s = (*job)->rank_cpu_s();
  report->reducer_cpu_s = (*job)->reducer_cpu_s();
  // If elements are wrong the other ranks fail as well, and the wrong elements are what to report.
  // The figures are valid even if a reducer was lost.
  const int code = finished(flags, *report, run);
  return ended || code != exit_ok ? code : job_failed(ended.error());
}

int run_bench(const run_flags& flags, const collective& operation, const invocation& run) {
  const auto command = fmt::format("troupe bench {}", operation.name);
  auto settings = settings_of(flags, operation);
  if (!settings) return run.misused(settings.error(), command);
  if (operation.rooted && flags.ranks > 0 && flags.root >= flags.ranks)
    return run.misused(
        {errc::invalid_argument,
         fmt::format("--root is {}; expected a rank, 0 to {}", flags.root, flags.ranks - 1)},
        command);
  if (auto usable = flags.files.check(); !usable) return run.misused(usable.error(), command);
  return flags.ranks > 0 ? whole_job(flags, *settings, run) : as_rank(flags, *settings, run);
}

void add_size_options(CLI::App& command, run_flags& flags, const collective& operation) {
  command.add_option("-b,--minbytes", flags.min_bytes,
                     "Smallest size, as 8, 64K, 1M (default: 32M)");
  command.add_option("-e,--maxbytes", flags.max_bytes, "Largest size (default: 32M)");
  command.add_option("-i,--stepbytes", flags.step_bytes,
                     "Add this much from size to size (default: multiply)");
  command.add_option("-f,--stepfactor", flags.step_factor,
                     "Multiply by this from size to size (default: 2)");
  command
      .add_option("-c,--check", flags.check, "Check the results of every size: 1 (default) or 0")
      ->check(CLI::Range(0u, 1u));
  command.add_option("-d,--datatype", flags.type,
                     "float (default), double, half, bfloat16, int32, int64, int8 or uint8");
  if (operation.reduces)
    command.add_option("-o,--op", flags.op, "sum (default), avg, min, max or prod");
  if (operation.rooted)
    command.add_option("-r,--root", flags.root, "Rank whose array the others get (default: 0)");
  command.add_option("--link", flags.link,
                     "Line rate of a worker, as 100gbit: shows the part of its bound");
  command.add_flag("--in-place", flags.in_place, "Only with input and output the same array");
  if (operation.has_out_of_place)
    command.add_flag("--out-of-place", flags.out_of_place,
                     "Only with input and output different arrays");
}

void add_collective(CLI::App& bench, const collective& operation, invocation& run) {
  auto flags = std::make_shared<run_flags>();
  auto* command = bench.add_subcommand(std::string(operation.name), std::string(operation.about));
  if (operation.shape != array_shape::none) add_size_options(*command, *flags, operation);
  command
      ->add_option("-n,--iters", flags->iterations, "Timed iterations of each size (default: 20)")
      ->check(CLI::Range(1u, 1'000'000u));
  command->add_option("-w,--warmup_iters", flags->warmup, "Iterations before those (default: 5)")
      ->check(CLI::Range(0u, 1'000'000u));
  command
      ->add_option("--ranks", flags->ranks,
                   "Start this many ranks on this machine, over loopback, which says what the "
                   "software costs, not what a network gives")
      ->check(CLI::Range(1u, 256u));
  command
      ->add_option("--reducers", flags->reducers,
                   "With --ranks: start this many reducers (default: 1)")
      ->check(CLI::Range(0u, 64u));
  command->add_option("--json", flags->files.json,
                      "Write the figures and the environment to a file");
  command->add_option("--plot", flags->files.plot, "Write a chart to a file, as SVG");
  command->callback([flags, &operation, &run] {
    run.action = [flags, &operation, &run] { return run_bench(*flags, operation, run); };
  });
}

int run_plan(const plan_flags& flags, const invocation& run) {
  auto predicted = predict(flags);
  if (!predicted) return run.misused(predicted.error(), "troupe bench plan");
  if (run.options.json())
    run.at.out << json_of(*predicted) << std::flush;
  else
    print(run, lines_of(*predicted));
  return exit_ok;
}

void add_plan(CLI::App& bench, invocation& run) {
  auto flags = std::make_shared<plan_flags>();
  auto* plan = bench.add_subcommand("plan", "Predict what reducers are worth, from theory");
  plan->add_option("--workers", flags->workers, "Number of workers")
      ->required()
      ->check(CLI::Range(1u, 100'000u));
  plan->add_option("--reducers", flags->reducers, "Number of dedicated reducers")
      ->required()
      ->check(CLI::Range(0u, 100'000u));
  plan->add_option("--link", flags->link, "Line rate of a worker, as 100gbit");
  plan->add_option("--reducer-link", flags->reducer_link,
                   "Line rate of a reducer (default: that of a worker)");
  plan->add_option("--size", flags->size, "Size of the array (default: 1G)");
  plan->add_option("--measured-kappa", flags->measured_kappa,
                   "Bandwidth of all reducers together in links of a worker, as a run has shown it")
      ->check(CLI::NonNegativeNumber);
  plan->callback([flags, &run] { run.action = [flags, &run] { return run_plan(*flags, run); }; });
}

} // namespace

void add_bench(CLI::App& app, invocation& run) {
  auto* bench =
      app.add_subcommand("bench", "Measure collectives through reducers, or predict them");
  bench->group(bench_group);
  for (auto& operation : collectives())
    add_collective(*bench, operation, run);
  add_plan(*bench, run);
  bench->footer("As one rank of a job: in the environment of its replicas (RANK, WORLD_SIZE, "
                "TROUPE_REDUCERS, ...). On one machine:\n"
                "  troupe bench allreduce --ranks 4 --reducers 2 -b 8 -e 64M\n"
                "Flags and columns are nccl-tests' where they mean the same.\n");
}

} // namespace troupe::cli
