#include "cli/bench/plan.hpp"

#include "cli/bench/settings.hpp"
#include "cli/client/json.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/table.hpp"

#include <fmt/format.h>

#include <cmath>

namespace troupe::cli {

namespace {

std::string seconds_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.4g} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.4g} ms", seconds * 1e3);
  return fmt::format("{:.4g} us", seconds * 1e6);
}

std::string time_text(const prediction& predicted, double factor) {
  if (!std::isfinite(factor)) return "-";
  const auto seconds = predicted.seconds(factor);
  return seconds ? seconds_text(*seconds) : fmt::format("{:.3f} S/B", factor);
}

std::string rate_text(const prediction& predicted, double factor) {
  if (!std::isfinite(factor) || factor <= 0) return "-";
  const auto rate = predicted.algbw_gb_s(factor);
  return rate ? fmt::format("{:.4g} GB/s", *rate) : fmt::format("{:.3f} B", 1 / factor);
}

std::vector<std::string> scheme_lines(const prediction& predicted) {
  table schemes({{"SCHEME"},
                 {"THROUGH REDUCERS", align::right},
                 {"TIME", align::right},
                 {"ALGBW", align::right},
                 {"SPEED-UP OF THE SPLIT", align::right}});
  const auto& split = predicted.split;
  const auto add = [&](const char* name, double share, double factor, double speedup) {
    schemes.add({name, fmt::format("{:.1f}%", share * 100), time_text(predicted, factor),
                 rate_text(predicted, factor),
                 std::isfinite(speedup) && factor > 0 ? fmt::format("x {:.2f}", speedup) : "-"});
  };
  add("best split", split.reducer_share, split.time_factor, 1);
  add("ring, no reducers", 0, split.ring_factor, split.speedup_over_ring);
  add("reducers only", 1, split.reducers_only_factor, split.speedup_over_reducers_only);
  return schemes.lines();
}

std::vector<std::string> advice(const prediction& predicted) {
  if (predicted.workers == 1) return {"One worker has nobody to exchange with."};
  if (predicted.split.limited_by == reduction::bottleneck::workers)
    return {predicted.workers == 2
                ? "The workers' links are the bottleneck: two workers exchange as fast without "
                  "reducers."
                : "The workers' links are the bottleneck: more reducers do not help."};
  std::vector<std::string> out = {
      "The reducers are the bottleneck: with more of them less goes from worker to worker."};
  if (predicted.reducers_for_full_rate > predicted.reducers)
    out.push_back(fmt::format("Everything goes at the workers' full rate from {} on, {} more.",
                              counted(predicted.reducers_for_full_rate, "reducer"),
                              predicted.reducers_for_full_rate - predicted.reducers));
  return out;
}

std::string json_scheme(const prediction& predicted, double share, double factor) {
  const bool moves = factor > 0 && std::isfinite(factor);
  const auto rate = moves ? predicted.algbw_gb_s(factor) : std::nullopt;
  return fmt::format(
      R"({{"reducerShare": {}, "timeFactor": {}, "timeSeconds": {}, "algbwGBs": {}}})",
      shortest(share), json_number(factor), json_number(predicted.seconds(factor)),
      json_number(rate));
}

} // namespace

std::optional<double> prediction::seconds(double factor) const {
  if (!link_bytes_per_s) return {};
  return factor * double(bytes) / *link_bytes_per_s;
}

std::optional<double> prediction::algbw_gb_s(double factor) const {
  if (!link_bytes_per_s) return {};
  return *link_bytes_per_s / factor / 1e9;
}

result<prediction> predict(const plan_flags& flags) {
  prediction out{.workers = flags.workers, .reducers = flags.reducers};
  const auto bytes = parse_bytes("--size", flags.size);
  if (!bytes) return std::unexpected(bytes.error());
  out.bytes = *bytes;
  if (!flags.link.empty()) {
    const auto link = parse_link("--link", flags.link);
    if (!link) return std::unexpected(link.error());
    out.link_bytes_per_s = *link;
  }
  double links_each = 1; // of a worker, that one reducer has
  if (!flags.reducer_link.empty()) {
    const auto link = parse_link("--reducer-link", flags.reducer_link);
    if (!link) return std::unexpected(link.error());
    if (!out.link_bytes_per_s)
      return fail(errc::invalid_argument,
                  "--reducer-link: --link is missing; expected the workers' line rate as well");
    links_each = *link / *out.link_bytes_per_s;
  }
  out.kappa = flags.reducers * links_each;
  if (flags.measured_kappa) {
    out.kappa = *flags.measured_kappa;
    out.measured = true;
    links_each = flags.reducers > 0 ? out.kappa / flags.reducers : 0;
  }
  out.split = reduction::best_split(out.workers, out.kappa);
  out.reducers_for_full_rate = reduction::reducers_for_full_rate(out.workers, 1, links_each);
  return out;
}

std::vector<std::string> lines_of(const prediction& predicted) {
  auto first = fmt::format("All-reduce of S = {} by {}", byte_amount(predicted.bytes),
                           counted(predicted.workers, "worker"));
  first += predicted.link_bytes_per_s
               ? fmt::format(" on links of B = {}", link_rate(*predicted.link_bytes_per_s))
               : " on links of B bytes per second";
  std::vector<std::string> out = {
      first + fmt::format(", with {}.", counted(predicted.reducers, "reducer")),
      fmt::format("Together the reducers have the bandwidth of {:.4g} workers' links (kappa{}).",
                  predicted.kappa, predicted.measured ? ", measured" : ""),
      ""};
  for (auto& line : scheme_lines(predicted))
    out.push_back(line);
  out.emplace_back();
  for (auto& line : advice(predicted))
    out.push_back(line);
  return out;
}

std::string json_of(const prediction& predicted) {
  const auto& split = predicted.split;
  return fmt::format(
      "{{\n"
      R"(  "workers": {}, "reducers": {}, "sizeBytes": {}, "linkBytesPerSecond": {},)"
      "\n"
      R"(  "kappa": {}, "kappaMeasured": {},)"
      "\n"
      "  \"split\": {},\n  \"ring\": {},\n  \"reducersOnly\": {},\n"
      R"(  "speedupOverRing": {}, "speedupOverReducersOnly": {},)"
      "\n"
      R"(  "reducersForFullRate": {}, "bottleneck": "{}")"
      "\n}}\n",
      predicted.workers, predicted.reducers, predicted.bytes,
      json_number(predicted.link_bytes_per_s), shortest(predicted.kappa), predicted.measured,
      json_scheme(predicted, split.reducer_share, split.time_factor),
      json_scheme(predicted, 0, split.ring_factor),
      json_scheme(predicted, 1, split.reducers_only_factor), json_number(split.speedup_over_ring),
      json_number(split.speedup_over_reducers_only),
      predicted.reducers_for_full_rate > 0 ? fmt::format("{}", predicted.reducers_for_full_rate)
                                           : "null",
      split.limited_by == reduction::bottleneck::workers ? "workers" : "reducers");
}

} // namespace troupe::cli
