#include "cli/tune/store.hpp"

#include "base/files.hpp"
#include "base/json_text.hpp"
#include "cli/client/json.hpp"
#include "cli/terminal/format.hpp"
#include "wire/json.hpp"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <set>
#include <unistd.h>

namespace troupe::cli {

namespace {

constexpr const char* journal_name = "study.json-lines";
constexpr const char* lock_name = "lock";
constexpr size_t differences_max = 5;

std::string time_text(int64_t micros_since_epoch) {
  const auto at = instant_of(micros_since_epoch);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (at - seconds).count());
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const auto& word : words)
    quoted.push_back(json_quoted(word));
  return fmt::format("[{}]", fmt::join(quoted, ","));
}

/// JSON has no NaN; the API writes it as a string, and so does the journal.
std::string value_text(double value) {
  return std::isfinite(value) ? shortest(value) : json_quoted(metric(value));
}

std::string as_line(std::string_view kind, const std::string& json) {
  return fmt::format("{{\"{}\":{}}}\n", kind, json);
}

using found_differences = std::vector<std::string>;

std::string shown(json_value value) { return value ? value.compact() : "not set"; }

void compare(const std::string& path, json_value was, json_value is, found_differences& found) {
  if (was.compact() == is.compact()) return;
  const auto old_items = was.items(), new_items = is.items();
  if (was.is_object() && is.is_object()) {
    std::vector<std::string> names;
    for (const auto& side : {was, is})
      for (auto& [name, value] : side.fields())
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    for (const auto& name : names)
      compare(path.empty() ? name : path + "." + name, was[name], is[name], found);
  } else if (!old_items.empty() && old_items.size() == new_items.size()) {
    for (size_t i = 0; i < old_items.size(); ++i)
      compare(fmt::format("{}[{}]", path, i), old_items[i], new_items[i], found);
  } else {
    found.push_back(fmt::format("  {}: was {}, is {}", path, shown(was), shown(is)));
  }
}

} // namespace

std::string difference(const std::string& was, const std::string& is) {
  const auto old_json = json_document::parse(was), new_json = json_document::parse(is);
  if (!old_json || !new_json) return was == is ? "" : "  the whole of it";
  found_differences found;
  compare("", old_json->root(), new_json->root(), found);
  if (found.size() > differences_max) {
    const auto more = found.size() - differences_max;
    found.resize(differences_max);
    found.push_back(fmt::format("  and {} more", more));
  }
  return fmt::format("{}", fmt::join(found, "\n"));
}

result<tune_store> tune_store::open(const std::filesystem::path& directory,
                                    wire::StudySpec::Reader study, std::optional<uint64_t> seed,
                                    int64_t now_micros) {
  tune_store store;
  store.directory_ = directory;
  if (auto made = make_directories(directory); !made) return std::unexpected(made.error());
  auto locked = directory_lock::take(directory, lock_name, [&](const std::string& process) {
    return fmt::format("{}: another `troupe tune` (process {}) is at work in this directory; wait "
                       "for it, stop it, or choose another --directory",
                       directory.string(), process);
  });
  if (!locked) return std::unexpected(locked.error());
  store.lock_ = std::move(*locked);
  const auto path = directory / journal_name;
  store.journal_ = unique_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!store.journal_)
    return fail(errc::unavailable, "cannot write {}: {}", path.string(), last_problem());
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  if (auto loaded = store.load(*text); !loaded) return std::unexpected(loaded.error());
  const bool fresh = store.stored_.create_micros == 0;
  auto ready = fresh ? store.begin(study, seed, now_micros) : store.check_same(study, seed);
  if (!ready) return std::unexpected(ready.error());
  return store;
}

result<> tune_store::load(const std::string& text) {
  size_t whole = 0, number = 0;
  while (whole < text.size()) {
    const auto end = text.find('\n', whole);
    if (end == text.npos) break;
    if (auto taken = take(std::string_view(text).substr(whole, end - whole), ++number); !taken)
      return taken;
    whole = end + 1;
  }
  // A process that died in a write has left half a line; nothing was done because of it.
  if (whole < text.size() && ::ftruncate(journal_.value(), off_t(whole)) != 0)
    return fail(errc::unavailable, "cannot repair the end of {}: {}",
                (directory_ / journal_name).string(), last_problem());
  return {};
}

result<> tune_store::take(std::string_view line, size_t number) {
  const auto damaged = [&](const std::string& reason) {
    return fail(errc::data_loss,
                "{}:{}: {}; the journal is damaged: take it from a backup, or start again "
                "in another --directory",
                (directory_ / journal_name).string(), number, reason);
  };
  const auto parsed = json_document::parse(line);
  if (!parsed) return damaged(parsed.error().message);
  const auto at = parsed->root();
  if (auto header = at["study"]) {
    auto study = wire::from_json<wire::StudySpec>(header["studySpec"].compact());
    const auto created = parse_time(header["createTime"].text());
    const auto seed = header["seed"].text();
    if (!study) return damaged(study.error().message);
    if (!created) return damaged("the study has no createTime");
    if (std::from_chars(seed.data(), seed.data() + seed.size(), stored_.seed).ec != std::errc())
      return damaged("the study has no seed");
    stored_.study = std::move(*study);
    stored_.create_micros = micros_of(*created);
    return {};
  }
  if (number == 1) return damaged("expected the line of the study first");
  if (auto run = at["run"]) {
    stored_.command.clear();
    for (auto word : run["command"].items())
      stored_.command.push_back(word.text());
  } else if (auto record = at["trial"]) {
    auto trial = wire::from_json<wire::Trial>(record.compact());
    if (!trial) return damaged(trial.error().message);
    const auto id = static_cast<size_t>(record["id"].number().value_or(0));
    if (id < 1 || id > stored_.trials.size() + 1)
      return damaged(fmt::format("trial {} does not follow trial {}", record["id"].text(),
                                 stored_.trials.size()));
    if (id > stored_.trials.size()) stored_.trials.emplace_back();
    stored_.trials[id - 1] = std::move(*trial);
  }
  return {};
}

result<> tune_store::begin(wire::StudySpec::Reader study, std::optional<uint64_t> seed,
                           int64_t now_micros) {
  stored_.study = wire::frame<wire::StudySpec>::copy(study);
  stored_.seed = seed.value_or(0);
  stored_.create_micros = now_micros;
  auto begun = append(as_line(
      "study", fmt::format(R"({{"seed":"{}","createTime":"{}","studySpec":{}}})", stored_.seed,
                           time_text(now_micros), wire::to_json<wire::StudySpec>(study))));
  if (!begun) return begun;
  return sync_directory(directory_);
}

result<> tune_store::check_same(wire::StudySpec::Reader study, std::optional<uint64_t> seed) const {
  if (seed && *seed != stored_.seed)
    return fail(errc::failed_precondition,
                "{} holds a study with seed {}, and --seed is {}; leave --seed out to go on with "
                "it, or choose another --directory",
                directory_.string(), stored_.seed, *seed);
  const auto differs = difference(wire::to_json<wire::StudySpec>(*stored_.study),
                                  wire::to_json<wire::StudySpec>(study));
  if (differs.empty()) return {};
  return fail(errc::failed_precondition,
              "{} holds a study that differs from the file:\n{}\nOnly the counts of trials may "
              "change; choose another --directory for a new study",
              directory_.string(), differs);
}

result<> tune_store::append(std::string lines) {
  if (torn_)
    return fail(errc::unavailable, "cannot write {}: an earlier write failed halfway",
                (directory_ / journal_name).string());
  std::string_view rest = lines;
  const auto whole = ::lseek(journal_.value(), 0, SEEK_END);
  while (!rest.empty()) {
    const auto n = ::write(journal_.value(), rest.data(), rest.size());
    if (n > 0)
      rest.remove_prefix(size_t(n));
    else if (errno != EINTR)
      break;
  }
  if (rest.empty() && ::fdatasync(journal_.value()) == 0) return {};
  const auto problem = last_problem();
  // Only the last line may be incomplete.
  torn_ = whole < 0 || ::ftruncate(journal_.value(), whole) != 0;
  return fail(errc::unavailable, "cannot write {}: {}", (directory_ / journal_name).string(),
              problem);
}

result<> tune_store::run_started(const std::vector<std::string>& command, int64_t now_micros) {
  return append(as_line("run", fmt::format(R"({{"startTime":"{}","command":{}}})",
                                           time_text(now_micros), quoted_list(command))));
}

result<> tune_store::put(wire::Trial::Reader trial) {
  return append(as_line("trial", wire::to_json<wire::Trial>(trial)));
}

result<> tune_store::put(wire::Trial::Reader trial, std::span<const wire::metric_point> reported) {
  std::string lines;
  for (const auto& point : reported)
    lines += as_line(
        "reported",
        fmt::format(R"({{"trial":{},"metricId":{},"value":{},"stepCount":"{}","time":"{}"}})",
                    json_quoted(wire::view(trial.getId())), json_quoted(point.tag),
                    value_text(point.value), point.step, time_text(point.timestamp_micros)));
  return append(std::move(lines));
}

std::filesystem::path tune_store::directory_of(wire::Trial::Reader trial) const {
  return directory_ / wire::str(trial.getId());
}

} // namespace troupe::cli
