#include "cli/tune/settings.hpp"

#include "base/files.hpp"
#include "cli/terminal/flags.hpp"
#include "core/validate/validate.hpp"
#include "wire/json.hpp"
#include "wire/json_tree.hpp"

#include <charconv>
#include <iostream>
#include <sstream>

namespace troupe::cli {

namespace {

using job_frame = wire::frame<wire::HyperparameterTuningJob>;

constexpr std::string_view study_key = "studySpec";

/// A file that has the keys of a study at its top, and no studySpec, is a StudySpec.
bool is_bare_study(const wire::tree& file) {
  if (file.find("studySpec") || file.find("study_spec")) return false;
  return file.find("parameters") || file.find("metrics");
}

const wire::tree* step_into(const wire::tree& from, std::string_view part) {
  const auto bracket = part.find('[');
  const wire::tree* at = bracket == 0 ? &from : from.find(part.substr(0, bracket));
  if (!at || bracket == part.npos) return at;
  size_t index = 0;
  std::from_chars(part.data() + bracket + 1, part.data() + part.size(), index);
  return index < at->items.size() ? &at->items[index] : nullptr;
}

/// The place in the file of the field of `path`, or of the nearest of its parents that the file
/// has.
wire::place place_of(const wire::tree& file, std::string_view path) {
  const auto* at = &file;
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    const auto* next = step_into(*at, part);
    if (!next) break;
    at = next;
  }
  return at->at;
}

/// Reports the problems of the study, each with its place in the file.
result<> check(const job_frame& job, const wire::tree& file, const std::string& name) {
  const bool bare = is_bare_study(file);
  std::string found;
  for (std::string problem : core::problems_of(job->getStudySpec())) {
    if (bare && problem.starts_with(study_key)) problem.erase(0, study_key.size() + 1);
    const auto at = place_of(file, std::string_view(problem).substr(0, problem.find(':')));
    found +=
        fmt::format("{}{}:{}:{}: {}", found.empty() ? "" : "\n", name, at.line, at.column, problem);
  }
  if (job->getStudySpec().getTransferLearningConfig().getPriorStudyNames().size() > 0) {
    const std::string path = "transferLearningConfig.priorStudyNames";
    const auto at = place_of(file, bare ? path : "studySpec." + path);
    found += fmt::format("{}{}:{}:{}: {}: earlier studies are kept by a cluster; expected none "
                         "here",
                         found.empty() ? "" : "\n", name, at.line, at.column, path);
  }
  if (!found.empty()) return fail(errc::invalid_argument, "{}", found);
  return {};
}

result<std::string> text_of(const std::string& file) {
  if (file != "-") return read_file(file);
  std::ostringstream found;
  found << std::cin.rdbuf();
  return found.str();
}

result<int32_t> count_of(const char* flag, std::optional<int32_t> given, int32_t in_file,
                         int32_t least) {
  const auto count = given.value_or(in_file);
  if (count >= least) return count;
  return fail(errc::invalid_argument, "{} is {}; expected {} or more", flag, count, least);
}

/// The number of trials: from the flag, the file, or the study's own stopping rule.
result<int32_t> trials_of(const tune_flags& flags, const job_frame& job, const std::string& file) {
  if (flags.max_trial_count || job->getMaxTrialCount() != 0)
    return count_of("maxTrialCount", flags.max_trial_count, job->getMaxTrialCount(), 1);
  const auto most = job->getStudySpec().getStudyStoppingConfig().getMaxNumTrials();
  if (most.isNumber() && most.getNumber() >= 1)
    return static_cast<int32_t>(std::min(most.getNumber(), 1e9));
  return fail(errc::invalid_argument,
              "{} does not say how many trials to run; give --max-trial-count, or maxTrialCount in "
              "the file",
              file);
}

std::filesystem::path directory_of(const tune_flags& flags) {
  const auto stem = std::filesystem::path(flags.config == "-" ? "study" : flags.config).stem();
  const auto chosen = flags.directory.empty() ? stem.string() + ".tune" : flags.directory;
  return std::filesystem::absolute(chosen).lexically_normal();
}

/// RE2's matching takes linear time, whatever the pattern and the output.
result<std::shared_ptr<const re2::RE2>> pattern_of(const tune_flags& flags,
                                                   wire::StudySpec::Reader study) {
  constexpr const char* flag = "--metric-from-output";
  if (flags.metric_from_output.empty()) return nullptr;
  if (study.getMetrics().size() != 1)
    return fail(errc::invalid_argument,
                "{} reads one metric, and the study has {}; print lines of the form name=value",
                flag, study.getMetrics().size());
  const auto made = std::make_shared<const re2::RE2>(flags.metric_from_output, re2::RE2::Quiet);
  if (!made->ok())
    return fail(errc::invalid_argument,
                "{} '{}' is not a valid RE2 regular expression: {}; expected one like "
                "'loss: ([-+.e0-9]+)'",
                flag, flags.metric_from_output, made->error());
  if (made->NumberOfCapturingGroups() != 1)
    return fail(errc::invalid_argument,
                "{} '{}' has {} groups; expected one, around the value, as in 'loss: ([-+.e0-9]+)'",
                flag, flags.metric_from_output, made->NumberOfCapturingGroups());
  return made;
}

} // namespace

result<job_frame> tuned_job_of(const std::string& text, const std::string& file) {
  auto tree = wire::parse_yaml(text, file);
  if (!tree) return std::unexpected(tree.error());
  result<job_frame> job;
  if (is_bare_study(*tree)) {
    auto study = wire::from_yaml<wire::StudySpec>(text, file);
    if (!study) return std::unexpected(study.error());
    job = job_frame::build([&](auto built) { built.setStudySpec(**study); });
  } else {
    job = wire::from_yaml<wire::HyperparameterTuningJob>(text, file);
    if (!job) return job;
  }
  if (auto checked = check(*job, *tree, file); !checked) return std::unexpected(checked.error());
  return job;
}

result<tune_settings> tune_settings_of(const tune_flags& flags) {
  const auto file = flags.config == "-" ? "standard input" : flags.config;
  auto text = text_of(flags.config);
  if (!text) return std::unexpected(text.error());
  auto job = tuned_job_of(*text, file);
  if (!job) return std::unexpected(job.error());
  auto trials = trials_of(flags, *job, file);
  if (!trials) return std::unexpected(trials.error());
  auto parallel = count_of("parallelTrialCount", flags.parallel_trial_count,
                           std::max(1, (*job)->getParallelTrialCount()), 1);
  if (!parallel) return std::unexpected(parallel.error());
  auto failed = count_of("maxFailedTrialCount", flags.max_failed_trial_count,
                         (*job)->getMaxFailedTrialCount(), 0);
  if (!failed) return std::unexpected(failed.error());
  auto pattern = pattern_of(flags, (*job)->getStudySpec());
  if (!pattern) return std::unexpected(pattern.error());

  tune_settings settings;
  settings.directory = directory_of(flags);
  settings.seed = flags.seed;
  settings.metric_from_output = std::move(*pattern);
  if (!flags.timeout.empty()) {
    auto timeout = parse_timeout("--timeout", flags.timeout);
    if (!timeout) return std::unexpected(timeout.error());
    settings.timeout_micros = *timeout;
  }
  const auto name = std::filesystem::path(file).stem().string();
  settings.job = job_frame::build([&](wire::HyperparameterTuningJob::Builder built) {
    built.setDisplayName(wire::text(name));
    built.setStudySpec((*job)->getStudySpec());
    built.setMaxTrialCount(*trials);
    built.setParallelTrialCount(*parallel);
    built.setMaxFailedTrialCount(*failed);
  });
  return settings;
}

} // namespace troupe::cli
