#include "cli/bench/rank.hpp"

#include "cli/bench/pattern.hpp"
#include "cli/terminal/format.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <sys/resource.h>
#include <utility>

namespace troupe::cli {

namespace {

constexpr int garbage = 0xA5; // an output's content before the checked run: a value of no pattern

result<> outcome_of(troupe_status status, std::string_view operation) {
  if (status == TROUPE_OK) return {};
  return std::unexpected(
      error{static_cast<errc>(status), fmt::format("{}: {}", operation, troupe_last_error())});
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return double(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
         + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/// Memory that was written once, so the timed loop meets no first touch.
class array {
public:
  static result<array> of(uint64_t bytes) {
    array out;
    const auto whole = (bytes + page - 1) / page * page + page;
    out.data_.reset(static_cast<std::byte*>(std::aligned_alloc(page, whole)));
    if (!out.data_)
      return fail(errc::resource_exhausted,
                  "no memory for an array of {}; take a smaller --maxbytes", byte_amount(bytes));
    std::memset(out.data_.get(), garbage, whole);
    return out;
  }
  std::byte* data() const { return data_.get(); }

private:
  static constexpr uint64_t page = 4096;
  struct freed {
    void operator()(std::byte* at) const { std::free(at); }
  };
  std::unique_ptr<std::byte, freed> data_;
};

class rank_run final : public bench_rank {
public:
  rank_run(const bench_settings& settings, troupe_comm* comm)
      : settings_(settings), comm_(comm), rank_(troupe_rank(comm)), ranks_(troupe_world_size(comm)),
        counts_(counts_of(settings, ranks_)) {}
  ~rank_run() override { troupe_finalize(comm_); }
  rank_run(const rank_run&) = delete;
  rank_run& operator=(const rank_run&) = delete;

  result<> prepare() {
    if (settings_.operation->rooted && settings_.root >= ranks_)
      return fail(errc::invalid_argument, "--root is {}; expected a rank, 0 to {}", settings_.root,
                  ranks_ - 1);
    const auto most = bytes_of(counts_.back());
    auto first = array::of(most);
    if (!first) return std::unexpected(first.error());
    first_ = std::move(*first);
    if (!settings_.out_of_place) return {};
    auto second = array::of(most);
    if (!second) return std::unexpected(second.error());
    second_ = std::move(*second);
    return {};
  }

  uint32_t rank() const override { return rank_; }
  uint32_t ranks() const override { return ranks_; }
  uint32_t reducers() const override { return troupe_reducer_count(comm_); }

  result<std::vector<bench_row>> run(std::function<void(const bench_row&)> on_row) override {
    std::vector<bench_row> rows;
    for (const auto count : counts_) {
      bench_row row{.bytes = bytes_of(count), .count = count};
      for (const bool in_place : {false, true}) {
        if (in_place ? !settings_.in_place : !settings_.out_of_place) continue;
        auto measured = measure(call_of(count, in_place));
        if (!measured) return std::unexpected(measured.error());
        (in_place ? row.in_place : row.out_of_place) = *measured;
      }
      on_row(row);
      rows.push_back(row);
    }
    return rows;
  }

  result<bench_tier> tier() override {
    troupe_stats stats{.struct_size = sizeof(troupe_stats)};
    if (auto got = outcome_of(troupe_get_stats(comm_, &stats), "statistics"); !got)
      return std::unexpected(got.error());
    return bench_tier{stats.bytes_sent, stats.bytes_received, stats.kappa, stats.reducer_share};
  }

  result<> close() override {
    return outcome_of(troupe_finalize(std::exchange(comm_, nullptr)), "leaving");
  }

private:
  uint64_t bytes_of(uint64_t count) const {
    return count * settings_.operation->parts(ranks_) * size_of(settings_.type);
  }

  bench_call call_of(uint64_t count, bool in_place) const {
    auto* const input = first_.data();
    auto* const output = in_place ? first_.data() : second_.data();
    const auto own = rank_ * count * size_of(settings_.type);
    bench_call call{input, output, count, settings_.type, settings_.op, settings_.root};
    if (in_place && settings_.operation->shape == array_shape::scatter) call.output = input + own;
    if (in_place && settings_.operation->shape == array_shape::gather) call.input = output + own;
    return call;
  }

  result<> once(const bench_call& call) const {
    return outcome_of(settings_.operation->run(comm_, call), settings_.operation->name);
  }

  result<bench_timing> measure(const bench_call& call) {
    fill(call);
    for (uint32_t i = 0; i < settings_.warmup; ++i)
      if (auto run = once(call); !run) return std::unexpected(run.error());
    if (auto met = outcome_of(troupe_barrier(comm_), "barrier"); !met)
      return std::unexpected(met.error());

    std::vector<double> times_us(settings_.iterations);
    const auto cpu_before = cpu_seconds();
    for (auto& each : times_us) {
      const auto begin = std::chrono::steady_clock::now();
      if (auto run = once(call); !run) return std::unexpected(run.error());
      each = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
                 .count();
    }
    const auto cpu_s = cpu_seconds() - cpu_before;

    // An iteration is over when it is over on the slowest rank.
    if (auto gathered = everywhere(times_us.data(), times_us.size(), TROUPE_FLOAT64, TROUPE_MAX);
        !gathered)
      return std::unexpected(gathered.error());
    auto timing = timing_of(std::move(times_us));
    timing.cpu_s = cpu_s;
    if (settings_.check) {
      auto found = check(call);
      if (!found) return std::unexpected(found.error());
      timing.wrong = *found;
    }
    return timing;
  }

  result<> everywhere(void* values, size_t count, troupe_dtype type, troupe_op op) {
    return outcome_of(troupe_allreduce(comm_, values, values, count, type, op, TROUPE_HOST),
                      "gathering the ranks' figures");
  }

  /// One run more, with arrays whose result is known; in-place runs have spoilt theirs.
  result<uint64_t> check(const bench_call& call) {
    fill(call);
    if (auto run = once(call); !run) return std::unexpected(run.error());
    auto found = static_cast<int64_t>(wrong(call));
    if (auto summed = everywhere(&found, 1, TROUPE_INT64, TROUPE_SUM); !summed)
      return std::unexpected(summed.error());
    return static_cast<uint64_t>(found);
  }

  void fill(const bench_call& call) const {
    const auto& operation = *settings_.operation;
    auto* const input = const_cast<void*>(call.input);
    const auto spoil = [&](uint64_t parts) {
      std::memset(call.output, garbage, parts * call.count * size_of(call.type));
    };
    if (operation.shape == array_shape::none) return;
    if (operation.reduces) {
      spoil(1);
      pattern::input(call.type, call.op, ranks_, rank_)
          .fill(input, operation.shape == array_shape::scatter ? ranks_ * call.count : call.count);
      return;
    }
    spoil(operation.parts(ranks_));
    if (!operation.rooted || rank_ == call.root)
      pattern::sent(call.type, rank_).fill(input, call.count);
  }

  uint64_t wrong(const bench_call& call) const {
    const auto& operation = *settings_.operation;
    if (operation.rooted) return pattern::sent(call.type, call.root).wrong(call.output, call.count);
    if (operation.reduces)
      return pattern::reduced(call.type, call.op, ranks_)
          .wrong(call.output, call.count,
                 operation.shape == array_shape::scatter ? rank_ * call.count : 0);
    uint64_t found = 0;
    const auto* part = static_cast<const std::byte*>(call.output);
    for (uint32_t from = 0; from < ranks_; ++from, part += call.count * size_of(call.type))
      found += pattern::sent(call.type, from).wrong(part, call.count);
    return found;
  }

  const bench_settings settings_;
  troupe_comm* comm_;
  const uint32_t rank_;
  const uint32_t ranks_;
  const std::vector<uint64_t> counts_;
  array first_;
  array second_;
};

} // namespace

double percentile(const std::vector<double>& sorted, double p) {
  const auto place = static_cast<size_t>(std::ceil(p * double(sorted.size())));
  return sorted[std::clamp<size_t>(place, 1, sorted.size()) - 1];
}

bench_timing timing_of(std::vector<double> times_us) {
  std::ranges::sort(times_us);
  bench_timing out;
  out.mean_us = std::accumulate(times_us.begin(), times_us.end(), 0.0) / double(times_us.size());
  out.min_us = times_us.front();
  out.p50_us = percentile(times_us, 0.5);
  out.p99_us = percentile(times_us, 0.99);
  return out;
}

result<std::unique_ptr<bench_rank>> bench_rank::open(const bench_settings& settings) {
  troupe_comm* comm = nullptr;
  if (const auto status = troupe_init_from_env(&comm); status != TROUPE_OK)
    return std::unexpected(error{static_cast<errc>(status), troupe_last_error()});
  auto made = std::make_unique<rank_run>(settings, comm);
  if (auto ready = made->prepare(); !ready) return std::unexpected(ready.error());
  return made;
}

} // namespace troupe::cli
