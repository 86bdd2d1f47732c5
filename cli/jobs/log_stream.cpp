#include "cli/jobs/log_stream.hpp"

#include "base/json_text.hpp"
#include "cli/jobs/watch.hpp"
#include "cli/terminal/format.hpp"

#include <algorithm>

namespace troupe::cli {

namespace {

using steady = std::chrono::steady_clock;

/// If the node that has a job's last lines is gone, the server never sends the last page. The
/// stream then ends this long after the last new line.
constexpr auto drained_after = std::chrono::seconds(10);
constexpr auto job_looked_at_every = std::chrono::seconds(1);

std::string message_of(json_value entry) {
  if (auto text = entry["textPayload"]) return text.text();
  auto payload = entry["jsonPayload"];
  if (auto text = payload["message"]) return text.text();
  return payload ? payload.compact() : "";
}

/// "/v1/projects/{project}/..."
std::string project_in(std::string_view path) {
  path.remove_prefix(std::min(path.size(), std::string_view("/v1/projects/").size()));
  return std::string(path.substr(0, path.find('/')));
}

/// One run of stream-logs: the tails of the job, or of a tuning job's trials.
class follower {
public:
  follower(const invocation& run, const job_kind& kind, std::string path, const log_flags& flags,
           http_client& client)
      : run_(run), kind_(kind), path_(std::move(path)), flags_(flags), project_(project_in(path_)),
        client_(client, [&run](const std::string& note) {
          run.at.err << note << "\n" << std::flush;
        }) {}

  result<> follow() {
    for (;;) {
      if (auto looked = look_at_job(); !looked) return looked;
      bool quiet = true;
      for (auto& tail : tails_)
        if (!tail.at_end()) {
          auto got = drain(tail);
          if (!got) return std::unexpected(got.error());
          quiet = quiet && !*got;
        }
      if (finished(quiet)) return {};
      if (auto paused = client_.pause(static_cast<uint32_t>(flags_.polling_interval_s * 1000));
          !paused)
        return paused;
    }
  }

private:
  /// Finds out whether the job has ended, and adds a tail for every new trial.
  result<> look_at_job() {
    if (ended_ || (looked_at_ && steady::now() - *looked_at_ < job_looked_at_every)) return {};
    auto job = client_.get(path_);
    if (!job) return std::unexpected(job.error());
    looked_at_ = steady::now();
    ended_ = is_final((*job)["state"].text());
    if (kind_.type == custom_job_kind.type) {
      if (tails_.empty()) tails_.emplace_back(project_, id_of(path_), "");
      return {};
    }
    for (auto trial : (*job)["trials"].items()) {
      auto id = id_of(trial["customJob"].text());
      bool known = std::any_of(tails_.begin(), tails_.end(),
                               [&](auto& tail) { return tail.job_id() == id; });
      if (!id.empty() && !known) tails_.emplace_back(project_, id, trial["id"].text());
    }
    return {};
  }

  /// Prints the entries that are available now. Returns true if there were any.
  result<bool> drain(log_tail& tail) {
    bool any = false;
    for (;;) {
      auto page = tail.next(client_);
      if (!page) return std::unexpected(page.error());
      auto entries = (*page)["entries"].items();
      for (auto entry : entries)
        print(entry, tail.trial());
      run_.at.out << std::flush;
      any = any || !entries.empty();
      if (entries.empty() || tail.at_end()) return any;
    }
  }

  void print(json_value entry, const std::string& trial) {
    if (!flags_.task_name.empty()
        && entry["resource"]["labels"]["task_name"].text() != flags_.task_name)
      return;
    if (run_.options.json()) {
      run_.at.out << entry.compact() << "\n";
      return;
    }
    for (auto& line : log_lines(run_.at, entry, flags_.allow_multiline, trial))
      run_.at.out << line << "\n";
  }

  bool finished(bool quiet) {
    bool drained =
        std::all_of(tails_.begin(), tails_.end(), [](auto& tail) { return tail.at_end(); });
    // The last page of a custom job says that it has ended; a tuning job may have trials yet to
    // come.
    if (drained && (ended_ || kind_.type == custom_job_kind.type)) return true;
    if (!quiet || !ended_) {
      quiet_since_.reset();
      return false;
    }
    if (!quiet_since_) quiet_since_ = steady::now();
    if (steady::now() - *quiet_since_ < drained_after) return false;
    run_.at.err << "The job has ended and no more lines came, but not every node has confirmed "
                   "that these were the last.\n";
    return true;
  }

  const invocation& run_;
  const job_kind& kind_;
  std::string path_;
  const log_flags& flags_;
  std::string project_;
  retrying_client client_;
  std::vector<log_tail> tails_;
  bool ended_ = false;
  std::optional<steady::time_point> looked_at_;
  std::optional<steady::time_point> quiet_since_;
};

} // namespace

std::vector<std::string> log_lines(const console& at, json_value entry, bool allow_multiline,
                                   const std::string& trial) {
  auto severity = entry["severity"].text();
  if (severity.empty()) severity = "DEFAULT";
  auto task = entry["resource"]["labels"]["task_name"].text();
  if (task.empty()) task = "unknown_task";
  if (!trial.empty()) task = "trial-" + trial + "/" + task;
  auto style = severity == "ERROR" || severity == "CRITICAL" ? tone::bad
               : severity == "WARNING"                       ? tone::warning
                                                             : tone::plain;
  auto prefix = fmt::format("{}  {}  {:<13}  ", at.painted(style, fmt::format("{:<7}", severity)),
                            log_time(parse_time(entry["timestamp"].text())), task);
  auto message = message_of(entry);
  while (message.ends_with('\n'))
    message.pop_back();
  if (allow_multiline) return {prefix + message};
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= message.size();) {
    auto end = std::min(message.find('\n', begin), message.size());
    out.push_back(prefix + message.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

result<json_document> log_tail::next(retrying_client& client) {
  auto body = fmt::format(
      R"({{"resourceNames":[{}],"filter":{},"orderBy":"timestamp asc","pageSize":1000{}}})",
      json_quoted("projects/" + project_),
      json_quoted("resource.labels.job_id=\"" + job_id_ + "\""),
      page_token_.empty() ? "" : ",\"pageToken\":" + json_quoted(page_token_));
  auto page = client.post("/v2/entries:list", body);
  if (!page) return page;
  page_token_ = (*page)["nextPageToken"].text();
  at_end_ = page_token_.empty();
  return page;
}

int stream_logs(const invocation& run, const job_kind& kind, const std::string& path,
                const log_flags& flags) {
  auto client = run.connect(true);
  if (!client) return run.failed(client.error());
  auto followed = follower(run, kind, path, flags, **client).follow();
  if (followed) return exit_ok;
  if (followed.error().code == errc::cancelled) {
    run.at.err << "\nThe stream has ended; the job goes on.\n" << std::flush;
    return exit_interrupted;
  }
  return run.failed(followed.error());
}

} // namespace troupe::cli
