// list, describe, cancel, delete and stream-logs: the commands that custom jobs and tuning jobs
// share.
#include "cli/jobs/commands.hpp"
#include "cli/jobs/log_stream.hpp"
#include "cli/jobs/views.hpp"
#include "cli/jobs/watch.hpp"

namespace troupe::cli {

namespace {

constexpr int64_t page_max = 1000;

instant now() { return std::chrono::time_point_cast<micros>(std::chrono::system_clock::now()); }

void print(const invocation& run, const lines& text) {
  for (auto& line : text)
    run.at.out << line << "\n";
  run.at.out << std::flush;
}

struct list_flags {
  std::string filter;
  int64_t limit = 0;
  int64_t page_size = 100;
};

/// Every page of a list, up to the limit. The documents keep what `found` points into.
result<> collect(http_client& client, const invocation& run, const job_kind& kind,
                 const list_flags& flags, std::vector<json_document>& pages,
                 std::vector<json_value>& found) {
  std::string token;
  do {
    auto left = flags.limit > 0 ? flags.limit - static_cast<int64_t>(found.size()) : page_max;
    auto path = fmt::format("{}/{}?pageSize={}", run.parent(), kind.collection,
                            std::min({flags.page_size, left, page_max}));
    if (!flags.filter.empty()) path += "&filter=" + percent_encoded(flags.filter);
    if (!token.empty()) path += "&pageToken=" + percent_encoded(token);
    auto page = client.get(path);
    if (!page) return std::unexpected(page.error());
    pages.push_back(*page);
    for (auto job : (*page)[kind.list_field].items())
      found.push_back(job);
    token = (*page)["nextPageToken"].text();
  } while (!token.empty()
           && (flags.limit == 0 || static_cast<int64_t>(found.size()) < flags.limit));
  if (flags.limit > 0 && static_cast<int64_t>(found.size()) > flags.limit)
    found.resize(static_cast<size_t>(flags.limit));
  return {};
}

int list_jobs(const invocation& run, const job_kind& kind, const list_flags& flags) {
  auto client = run.connect();
  if (!client) return run.failed(client.error());
  std::vector<json_document> pages;
  std::vector<json_value> found;
  if (auto collected = collect(**client, run, kind, flags, pages, found); !collected)
    return run.failed(collected.error());
  if (run.options.json()) {
    std::string out = "[";
    for (auto& job : found)
      out += (out.size() > 1 ? ",\n  " : "\n  ") + job.pretty(2);
    run.at.out << out << (found.empty() ? "]\n" : "\n]\n") << std::flush;
    return exit_ok;
  }
  if (found.empty()) {
    run.at.err << fmt::format("No {}s{}.\n", kind.noun,
                              flags.filter.empty() ? " yet" : " match the filter");
    return exit_ok;
  }
  print(run, job_list(run.at, found, kind, now()));
  return exit_ok;
}

int describe_job(const invocation& run, const job_kind& kind, const std::string& called) {
  auto client = run.connect();
  if (!client) return run.failed(client.error());
  auto path = find_job(**client, run, kind, called);
  if (!path) return run.failed(path.error());
  auto job = (*client)->get(*path);
  if (!job) return run.failed(job.error());
  if (run.options.json()) {
    run.at.out << job->root().pretty() << "\n" << std::flush;
    return exit_ok;
  }
  if (kind.type == tuning_job_kind.type) {
    auto waiting = waits_of([&](const std::string& at) { return (*client)->get(at); }, job->root());
    print(run, tuning_job_view(run.at, job->root(), waiting, now()));
    return exit_ok;
  }
  // The status is Troupe's addition to the API. Another server may not have it, and the job can be
  // described without it.
  auto status = (*client)->get(*path + ":status").value_or(json_document());
  print(run, custom_job_view(run.at, job->root(), status.root(), now()));
  return exit_ok;
}

std::string name_in(const std::string& path) {
  return path.substr(std::string_view("/v1/").size());
}

int cancel_job(const invocation& run, const job_kind& kind, const std::string& called) {
  auto client = run.connect();
  if (!client) return run.failed(client.error());
  auto path = find_job(**client, run, kind, called);
  if (!path) return run.failed(path.error());
  auto answer = (*client)->post(*path + ":cancel", "{}");
  if (!answer) return run.failed(answer.error());
  run.at.print("Request to cancel {} [{}] has been sent.\n\nYou may view the status of your job "
               "with the command\n\n  $ troupe {} describe {}\n",
               kind.type, name_in(*path), kind.command, short_name(run, name_in(*path)));
  return exit_ok;
}

int delete_job(const invocation& run, const job_kind& kind, const std::string& called) {
  auto client = run.connect();
  if (!client) return run.failed(client.error());
  auto path = find_job(**client, run, kind, called);
  if (!path) return run.failed(path.error());
  auto operation = (*client)->remove(*path);
  if (!operation) return run.failed(operation.error());
  if (auto problem = (*operation)["error"])
    return run.failed({errc(problem["code"].integer(2)), problem["message"].text()});
  run.at.print("Deleted {} [{}].\n", kind.type, name_in(*path));
  return exit_ok;
}

int stream_job(const invocation& run, const job_kind& kind, const std::string& called,
               const log_flags& flags) {
  std::string path;
  {
    // This client ends before the next one is made: a thread has one event loop at a time.
    auto client = run.connect();
    if (!client) return run.failed(client.error());
    auto found = find_job(**client, run, kind, called);
    if (!found) return run.failed(found.error());
    path = *found;
  }
  return stream_logs(run, kind, path, flags);
}

CLI::App* add_named(CLI::App& group, const std::string& command, const std::string& help,
                    const job_kind& kind, std::string& called) {
  auto* app = group.add_subcommand(command, help);
  app->add_option(
         "JOB", called,
         fmt::format("The {}: its id, its full name, or its display name if no other has it",
                     kind.noun))
      ->required();
  return app;
}

} // namespace

int submit_job(const invocation& run, const job_kind& kind, const std::string& body, bool wait) {
  std::string name;
  {
    auto client = run.connect();
    if (!client) return run.failed(client.error());
    auto job = (*client)->post(run.parent() + "/" + std::string(kind.collection), body);
    if (!job) return run.failed(job.error());
    name = (*job)["name"].text();
    if (run.options.json() && !wait) {
      run.at.out << job->root().pretty() << "\n" << std::flush;
      return exit_ok;
    }
  }
  auto& out = run.options.json() ? run.at.err : run.at.out;
  out << fmt::format("{} [{}] is submitted successfully.\n", kind.type, name);
  if (wait) {
    out << "\n" << std::flush;
    return wait_for_job(run, kind, path_of(name));
  }
  out << fmt::format(
      "\nYour job is still active. You may view the status of your job with the command\n\n"
      "  $ troupe {} describe {}\n\nor continue streaming the logs of your job with the command\n\n"
      "  $ troupe {} stream-logs {}\n",
      kind.command, short_name(run, name), kind.command, short_name(run, name))
      << std::flush;
  return exit_ok;
}

void add_job_commands(CLI::App& group, invocation& run, const job_kind& kind) {
  auto list = std::make_shared<list_flags>();
  auto* lister = group.add_subcommand("list", fmt::format("List the {}s", kind.noun));
  lister->add_option(
      "--filter", list->filter,
      "Only those that match, as in: state=\"JOB_STATE_RUNNING\" AND labels.team=nlp");
  lister->add_option("--limit", list->limit, "At most this many (default: all)")
      ->check(CLI::PositiveNumber);
  lister->add_option("--page-size", list->page_size, "How many to ask for at once (default: 100)")
      ->check(CLI::PositiveNumber);
  lister->callback([&run, &kind, list] {
    run.action = [&run, &kind, list] { return list_jobs(run, kind, *list); };
  });

  using job_action = int (*)(const invocation&, const job_kind&, const std::string&);
  auto named = [&](const std::string& command, const std::string& help, job_action act) {
    auto called = std::make_shared<std::string>();
    auto* app = add_named(group, command, fmt::format("{} a {}", help, kind.noun), kind, *called);
    app->callback([&run, &kind, called, act] {
      run.action = [&run, &kind, called, act] { return act(run, kind, *called); };
    });
  };
  named("describe", "Show everything about", describe_job);
  named("cancel", "Stop", cancel_job);
  named("delete", "Remove", delete_job);

  struct stream_flags {
    std::string called;
    log_flags logs;
  };
  auto stream = std::make_shared<stream_flags>();
  auto* streamer = add_named(group, "stream-logs",
                             fmt::format("Follow the logs of a {} until it ends", kind.noun), kind,
                             stream->called);
  streamer->add_option("--task-name", stream->logs.task_name,
                       "Only this task, as workerpool0-0 or service");
  streamer->add_flag("--allow-multiline-logs", stream->logs.allow_multiline,
                     "Keep a message of several lines together");
  streamer
      ->add_option("--polling-interval", stream->logs.polling_interval_s,
                   "Seconds between requests (default: 0.2)")
      ->check(CLI::Range(0.01, 3600.0));
  streamer->callback([&run, &kind, stream] {
    run.action = [&run, &kind, stream] {
      return stream_job(run, kind, stream->called, stream->logs);
    };
  });
}

} // namespace troupe::cli
