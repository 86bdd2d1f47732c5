#include "cli/jobs/watch.hpp"

#include "cli/client/progress_output.hpp"
#include "cli/client/retrying_client.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/table.hpp"

namespace troupe::cli {

namespace {

constexpr uint32_t poll_ms = 250;
constexpr size_t waits_asked_max = 8;

bool is_custom(const job_kind& kind) { return kind.type == custom_job_kind.type; }

/// The answers of one round of requests about the job.
struct look {
  json_document job;
  json_document status;
  std::vector<trial_wait> waiting;
};

result<look> look_at(retrying_client& client, const job_kind& kind, const std::string& path) {
  look seen;
  auto job = client.get(path);
  if (!job) return std::unexpected(job.error());
  seen.job = *job;
  if (is_custom(kind)) {
    auto status = client.get(path + ":status");
    if (status)
      seen.status = *status;
    else if (status.error().code == errc::cancelled)
      return std::unexpected(status.error());
  } else {
    seen.waiting = waits_of([&](const std::string& at) { return client.get(at); }, seen.job.root());
  }
  return seen;
}

class display {
public:
  explicit display(const invocation& run) : out_(run) {}

  void show(const job_kind& kind, const look& seen) {
    auto job = seen.job.root();
    if (out_.live()) {
      const auto at = wall_clock();
      out_.redraw(is_custom(kind) ? custom_job_progress(out_.at(), job, seen.status.root(), at)
                                  : tuning_job_progress(out_.at(), job, seen.waiting, at));
      return;
    }
    for (auto& line : is_custom(kind) ? changes_.custom_job(job, seen.status.root())
                                      : changes_.tuning_job(job, seen.waiting))
      out_.log(line);
  }

  void log(const std::string& line) { out_.log(line); }

private:
  progress_output out_;
  change_log changes_;
};

int detached(const invocation& run, const job_kind& kind, const std::string& path) {
  auto name = path.substr(std::string_view("/v1/").size());
  run.at.err << fmt::format("\nDetached: {} [{}] goes on. Look at it with:\n\n"
                            "  $ troupe {} describe {}\n\nor end it with:\n\n"
                            "  $ troupe {} cancel {}\n",
                            kind.type, name, kind.command, short_name(run, name), kind.command,
                            short_name(run, name))
             << std::flush;
  return exit_interrupted;
}

int ended(const invocation& run, const job_kind& kind, json_value job) {
  auto state = job["state"].text();
  bool good = state == "JOB_STATE_SUCCEEDED";
  if (run.options.json())
    run.at.out << job.pretty() << "\n";
  else if (!is_custom(kind))
    for (auto& line : best_trial_view(run.at, job))
      run.at.out << line << "\n";
  run.at.out << std::flush;
  if (good) return exit_ok;
  auto message = job["error"]["message"].text();
  run.at.err << fmt::format("ERROR: {} [{}] ended as {}{}{}\n", kind.type, job["name"].text(),
                            short_state(state), message.empty() ? "" : ": ", message)
             << std::flush;
  return exit_failed;
}

} // namespace

std::string path_of(std::string_view resource_name) {
  std::string path = "/v1/";
  for (char c : resource_name)
    path += c == '/' ? "/" : percent_encoded(std::string_view(&c, 1));
  return path;
}

std::vector<trial_wait>
waits_of(const std::function<result<json_document>(const std::string&)>& get, json_value job) {
  std::vector<trial_wait> found;
  size_t asked = 0;
  for (auto trial : job["trials"].items()) {
    bool waits = trial["state"].text() == "ACTIVE" && trial["measurements"].items().empty()
                 && trial["customJob"];
    if (!waits || asked++ >= waits_asked_max) continue;
    auto status = get(path_of(trial["customJob"].text()) + ":status");
    // A trial that has replicas is placed, so it does not wait any more.
    if (status && (*status)["replicas"].items().empty() && (*status)["reason"])
      found.push_back({trial["id"].text(), (*status)["reason"].text()});
  }
  return found;
}

void change_log::job_line(lines& news, json_value job, const std::string& reason) {
  auto state = job["state"].text();
  auto shown = is_final(state) ? "" : reason;
  if (state == state_ && shown == reason_) return;
  state_ = state;
  reason_ = shown;
  news.push_back(printable(job["displayName"].text()) + ": " + short_state(state)
                 + (shown.empty() ? "" : ": ") + printable(shown));
}

lines change_log::custom_job(json_value job, json_value status) {
  lines news;
  job_line(news, job, status["reason"].text());
  return news;
}

lines change_log::tuning_job(json_value job, const std::vector<trial_wait>& waiting) {
  lines news;
  job_line(news, job, {});
  for (auto trial : job["trials"].items()) {
    auto id = trial["id"].text();
    auto state = trial["state"].text();
    if (trials_[id] == state) continue;
    trials_[id] = state;
    auto line = fmt::format("trial {} {} {}", id, short_state(state), parameters_of(trial));
    if (auto got = measurement_of(job, trial))
      line += fmt::format(" -> {} at step {}", metric(got->value), got->step);
    if (auto reason = reason_of(trial); !reason.empty()) line += ": " + reason;
    news.push_back(line);
  }
  for (auto& wait : waiting)
    if (waits_[wait.trial] != wait.reason) {
      waits_[wait.trial] = wait.reason;
      news.push_back(fmt::format("trial {} waits: {}", wait.trial, printable(wait.reason)));
    }
  std::string best;
  for (auto trial : optimal_trials(job))
    best += (best.empty() ? "" : ", ") + trial["id"].text();
  if (best != best_ && !best.empty())
    news.push_back(objectives_of(job).size() > 1
                       ? fmt::format("on the Pareto front: {}", best)
                       : fmt::format("trial {} is the best so far", best));
  best_ = best;
  return news;
}

int wait_for_job(const invocation& run, const job_kind& kind, const std::string& path) {
  auto client = run.connect(true);
  if (!client) return run.failed(client.error());
  display shown(run);
  retrying_client retrying(**client, [&](const std::string& note) { shown.log(note); });
  for (;;) {
    auto seen = look_at(retrying, kind, path);
    if (!seen)
      return seen.error().code == errc::cancelled ? detached(run, kind, path)
                                                  : run.failed(seen.error());
    shown.show(kind, *seen);
    if (is_final(seen->job["state"].text())) return ended(run, kind, seen->job.root());
    if (auto paused = retrying.pause(poll_ms); !paused) return detached(run, kind, path);
  }
}

} // namespace troupe::cli
