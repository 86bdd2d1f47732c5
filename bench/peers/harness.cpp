#include "bench/peers/harness.hpp"

#include "bench/peers/counters.hpp"
#include "bench/peers/meeting.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace troupe::bench {

namespace {

using clock = std::chrono::steady_clock;

double microseconds_since(clock::time_point start) {
  return std::chrono::duration<double, std::micro>(clock::now() - start).count();
}

// Integers small enough that their sums are exact in any order.
float contribution(uint32_t rank, size_t index) {
  return static_cast<float>((rank + 1) * (index % 13 + 1));
}

void fill(std::span<float> array, uint32_t rank) {
  for (size_t i = 0; i < array.size(); ++i)
    array[i] = contribution(rank, i);
}

// Elements that are not the sum of all ranks' contributions.
uint64_t wrong_elements(std::span<const float> array, uint32_t world_size) {
  uint32_t ranks_sum = world_size * (world_size + 1) / 2;
  uint64_t wrong = 0;
  for (size_t i = 0; i < array.size(); ++i)
    wrong += array[i] != contribution(ranks_sum - 1, i);
  return wrong;
}

double quantile(const std::vector<double>& sorted, double share) {
  auto place = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::min(std::max<size_t>(place, 1), sorted.size()) - 1];
}

double median(const std::vector<double>& sorted) {
  size_t half = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

class measurement {
public:
  measurement(peer& peer, const harness_options& options, meeting_point& ranks, uint64_t bytes)
      : peer_(peer), options_(options), ranks_(ranks), bytes_(bytes),
        array_(bytes / sizeof(float)) {}

  result<> run();

private:
  void meet() {
    ranks_.wait([this] { return peer_.progress(); });
  }
  result<uint64_t> check();
  result<double> timed();
  result<uint32_t> choose_iterations();
  result<std::vector<double>> gather(const std::vector<double>& mine);
  result<> print(const std::vector<double>& times, const counters& before, const counters& after,
                 uint64_t wrong);

  peer& peer_;
  const harness_options& options_;
  meeting_point& ranks_;
  uint64_t bytes_;
  std::vector<float> array_;
};

// One all-reduce with known values; how many elements came out wrong, on any rank.
result<uint64_t> measurement::check() {
  fill(array_, peer_.rank());
  if (auto run = peer_.allreduce(array_); !run) return std::unexpected(run.error());
  auto wrong = gather({static_cast<double>(wrong_elements(array_, peer_.world_size()))});
  if (!wrong) return std::unexpected(wrong.error());
  double total = 0;
  for (double count : *wrong)
    total += count;
  return static_cast<uint64_t>(total);
}

result<double> measurement::timed() {
  meet();
  auto start = clock::now();
  if (auto run = peer_.allreduce(array_); !run) return std::unexpected(run.error());
  return microseconds_since(start);
}

// Everyone's list on every rank, rank by rank. float32 holds a time to seven digits.
result<std::vector<double>> measurement::gather(const std::vector<double>& mine) {
  std::vector<float> gathered(mine.size() * peer_.world_size(), 0);
  std::copy(mine.begin(), mine.end(),
            gathered.begin() + static_cast<long>(mine.size()) * peer_.rank());
  if (auto run = peer_.allreduce(gathered); !run) return std::unexpected(run.error());
  return std::vector<double>(gathered.begin(), gathered.end());
}

// The ranks agree on rank 0's last warm-up iteration.
result<uint32_t> measurement::choose_iterations() {
  double last = 0;
  for (uint32_t i = 0; i < std::max(1u, options_.warmup); ++i) {
    auto took = timed();
    if (!took) return std::unexpected(took.error());
    last = *took;
  }
  auto times = gather({last});
  if (!times) return std::unexpected(times.error());
  double fitting = options_.seconds * 1e6 / std::max(1.0, times->front());
  return static_cast<uint32_t>(
      std::clamp<double>(fitting, options_.min_iterations, options_.max_iterations));
}

result<> measurement::run() {
  auto wrong_before = check();
  if (!wrong_before) return std::unexpected(wrong_before.error());
  // Sums of zeros stay zeros however often they are summed again.
  std::fill(array_.begin(), array_.end(), 0.0f);
  auto iterations = choose_iterations();
  if (!iterations) return std::unexpected(iterations.error());

  std::vector<double> mine;
  auto before = read_counters();
  for (uint32_t i = 0; i < *iterations; ++i) {
    auto took = timed();
    if (!took) return std::unexpected(took.error());
    mine.push_back(*took);
  }
  meet();
  auto after = read_counters();

  mine.push_back(static_cast<double>(after.sent_bytes - before.sent_bytes));
  auto times = gather(mine);
  if (!times) return std::unexpected(times.error());
  auto wrong_after = check();
  if (!wrong_after) return std::unexpected(wrong_after.error());
  return print(*times, before, after, *wrong_before + *wrong_after);
}

// `gathered` is each rank's times, then the bytes it sent.
result<> measurement::print(const std::vector<double>& gathered, const counters& before,
                            const counters& after, uint64_t wrong) {
  uint32_t world = peer_.world_size();
  size_t iterations = gathered.size() / world - 1;
  std::vector<double> times(iterations, 0);
  double sent = 0;
  for (uint32_t rank = 0; rank < world; ++rank) {
    auto first = gathered.begin() + static_cast<long>(rank * (iterations + 1));
    for (size_t i = 0; i < iterations; ++i)
      times[i] = std::max(times[i], first[long(i)]);
    sent = std::max(sent, first[long(iterations)]);
  }
  std::sort(times.begin(), times.end());
  auto idle = idle_share(before, after);
  double middle = median(times);
  if (peer_.rank() == 0) {
    fmt::print("{{\"peer\": \"{}\", \"ranks\": {}, \"size_bytes\": {}, \"iterations\": {}, "
               "\"median_us\": {:.2f}, \"p50_us\": {:.2f}, \"p99_us\": {:.2f}, \"min_us\": {:.2f}, "
               "\"max_us\": {:.2f}, \"algbw_GBps\": {:.6f}, \"wrong\": {}, \"cpu_idle\": {}, "
               "\"sent_factor\": {:.4f}}}\n",
               options_.name, world, bytes_, iterations, middle, quantile(times, 0.5),
               quantile(times, 0.99), times.front(), times.back(),
               static_cast<double>(bytes_) / middle / 1e3, wrong,
               idle ? fmt::format("{:.4f}", *idle) : "null",
               sent / static_cast<double>(iterations) / static_cast<double>(bytes_));
    std::fflush(stdout);
  }
  if (wrong > 0)
    return fail(errc::internal, "{}: {} elements of an all-reduce of {} bytes are wrong",
                options_.name, wrong, bytes_);
  return {};
}

template <class Number>
result<Number> number_in(std::string_view text, std::string_view flag) {
  Number value{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    return fail(errc::invalid_argument, "{}: '{}': expected a number", flag, text);
  return value;
}

result<std::vector<uint64_t>> sizes_in(std::string_view text) {
  std::vector<uint64_t> sizes;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    auto size = number_in<uint64_t>(text.substr(0, comma), "--sizes");
    if (!size) return std::unexpected(size.error());
    if (*size == 0 || *size % sizeof(float) != 0)
      return fail(errc::invalid_argument, "--sizes: {}: expected a multiple of 4, above 0", *size);
    sizes.push_back(*size);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return sizes;
}

template <class Number>
result<> assign(Number& to, result<Number> value) {
  if (!value) return std::unexpected(value.error());
  to = std::move(*value);
  return {};
}

result<> set_option(harness_options& options, std::string_view flag, std::string_view value) {
  if (flag == "--name") {
    options.name = value;
    return {};
  }
  if (flag == "--sizes") return assign(options.sizes, sizes_in(value));
  if (flag == "--seconds") return assign(options.seconds, number_in<double>(value, flag));
  if (flag == "--warmup") return assign(options.warmup, number_in<uint32_t>(value, flag));
  if (flag == "--min-iterations")
    return assign(options.min_iterations, number_in<uint32_t>(value, flag));
  if (flag == "--max-iterations")
    return assign(options.max_iterations, number_in<uint32_t>(value, flag));
  return fail(errc::invalid_argument,
              "no option '{}': there are --sizes, --seconds, --warmup, --min-iterations, "
              "--max-iterations and --name",
              flag);
}

result<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value)
    return fail(errc::invalid_argument, "the environment has no {}; bench/collectives.py sets it",
                name);
  return std::string(value);
}

} // namespace

result<harness_options> parse_harness_options(int argc, char** argv, std::string name) {
  harness_options options;
  options.name = std::move(name);
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return fail(errc::invalid_argument, "'{}' needs a value", argv[i]);
    if (auto set = set_option(options, argv[i], argv[i + 1]); !set)
      return std::unexpected(set.error());
  }
  if (options.sizes.empty())
    return fail(errc::invalid_argument, "no sizes: say them, such as --sizes 8,4096,1048576");
  if (auto set = assign(options.meeting, variable("PEER_MEETING")); !set)
    return std::unexpected(set.error());
  return options;
}

result<membership> membership_from_env() {
  membership member;
  auto rank = variable("RANK");
  auto world = variable("WORLD_SIZE");
  auto address = variable("PEER_ADDRESS");
  auto meeting = variable("PEER_MEETING");
  for (auto* value : {&rank, &world, &address, &meeting})
    if (!*value) return std::unexpected(value->error());
  if (auto set = assign(member.rank, number_in<uint32_t>(*rank, "RANK")); !set)
    return std::unexpected(set.error());
  if (auto set = assign(member.world_size, number_in<uint32_t>(*world, "WORLD_SIZE")); !set)
    return std::unexpected(set.error());
  member.address = *address;
  member.meeting = *meeting;
  return member;
}

result<> run_harness(peer& peer, const harness_options& options) {
  auto ranks = meeting_point::open(options.meeting, peer.world_size());
  if (!ranks) return std::unexpected(ranks.error());
  for (uint64_t size : options.sizes)
    if (auto run = measurement(peer, options, *ranks, size).run(); !run) return run;
  return {};
}

int finish(const result<>& ended, const std::string& name) {
  if (ended) return 0;
  fmt::print(stderr, "{}: {}\n", name, ended.error().message);
  return 1;
}

} // namespace troupe::bench
