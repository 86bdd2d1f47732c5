#include "cli/program.hpp"

#include "cli/client/http_client.hpp"
#include "tests/cli/scripted_server.hpp"
#include "tests/cli/test_console.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <utility>

using namespace troupe;
using namespace troupe::cli;

namespace {

constexpr auto job_name = "projects/local/locations/local/customJobs/1000000000000000001";

/// The command against a scripted server.
struct session {
  explicit session(scripted_server::answer how) : server(std::move(how)) {
    token = at.write("token", "secret\n");
  }

  int run(std::vector<std::string> arguments) {
    std::vector<std::string> globals = {"--endpoint=" + server.url(), "--token-file=" + token};
    arguments.insert(arguments.begin(), globals.begin(), globals.end());
    console.out.str("");
    console.err.str("");
    return run_program(arguments, console.at);
  }
  std::string out() const { return console.out.str(); }
  std::string err() const { return console.err.str(); }

  test::scratch at;
  std::string token;
  test_console console;
  scripted_server server;
};

int offline(test_console& console, std::vector<std::string> arguments) {
  return run_program(std::move(arguments), console.at);
}

std::string job_in(const std::string& state, const std::string& more = "") {
  return scripted_server::json(std::string(R"({"name":")") + job_name
                               + R"(","displayName":"x","state":")" + state + "\"" + more + "}");
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("help and version go to standard output with exit code 0") {
  test_console console;
  CHECK(offline(console, {"--version"}) == 0);
  CHECK(holds(console.out.str(), "troupe 0."));
  CHECK(offline(console, {"--help"}) == 0);
  for (auto part :
       {"custom-jobs", "hp-tuning-jobs", "nodes", "Train and tune", "Start here", "--endpoint"})
    CHECK(holds(console.out.str(), part));
  CHECK(offline(console, {"custom-jobs", "create", "--help"}) == 0);
  CHECK(holds(console.out.str(), "--worker-pool-spec"));
  CHECK(console.err.str().empty());
}

TEST_CASE(
    "help shows a value only after options that take one, and the whole command in its usage") {
  test_console console;
  CHECK(offline(console, {"custom-jobs", "create", "--help"}) == 0);
  const auto help = console.out.str();
  CHECK(holds(help, "Usage: troupe custom-jobs create "));
  CHECK(holds(help, "--display-name VALUE"));
  CHECK(holds(help, "--wait "));
  CHECK(!holds(help, "--wait VALUE"));
  CHECK(!holds(help, "--help VALUE"));
  test_console incomplete;
  CHECK(offline(incomplete, {"custom-jobs"}) == 2);
  CHECK(holds(incomplete.err.str(), "Usage: troupe custom-jobs "));
}

TEST_CASE("wrong usage is rejected with a suggestion when a known word is near") {
  for (auto& [arguments, message] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"custom-job", "list"}, "unknown command 'custom-job'; did you mean 'custom-jobs'?"},
           {{"custom-jobs", "lst"}, "unknown command 'lst'; did you mean 'list'?"},
           {{"custom-jobs", "create", "--dsplay-name=x"},
            "unknown option '--dsplay-name'; did you mean '--display-name'?"},
           {{"custom-jobs", "list", "--format=xml"}, "xml not in {"},
           {{"custom-jobs", "create", "--config=x"}, "--display-name is required"},
           {{"custom-jobs", "describe"}, "JOB is required"},
           {{"custom-jobs", "describe", "a", "b"}, "unexpected argument 'b'"},
           {{"custom-jobs"}, "a command is missing after 'troupe custom-jobs'"},
           {{}, "a command is missing after 'troupe'"},
           {{"custom-jobs", "create", "--display-name=x"}, "No worker pools specified."},
           {{"custom-jobs", "create", "--display-name=x",
             "--worker-pool-spec=", "--worker-pool-spec=machine-type=a"},
            "Empty value is not allowed for the first"},
           {{"nodes", "list", "--", "true"}, "a program after -- goes with create and tune only"},
           {{"hp-tuning-jobs", "create", "--display-name=x", "--config=y", "--", "true"},
            "takes its program from --config"}}) {
    test_console console;
    CHECK(offline(console, arguments) == 2);
    CHECK_MESSAGE(holds(console.err.str(), message), console.err.str());
    CHECK(console.out.str().empty());
  }
}

TEST_CASE(
    "the error names the cause when there is no cluster, no server, or another kind of server") {
  test::scratch at;
  test_console console;
  auto token = at.write("token", "t\n");
  CHECK(offline(console, {"--data", at.path("none"), "nodes", "list"}) == 1);
  CHECK(holds(console.err.str(), "Start one with: troupe up"));
  std::string gone;
  {
    gone = scripted_server([](auto&) { return ""; }).url();
  }
  CHECK(offline(console, {"--endpoint", gone, "--token-file", token, "nodes", "list"}) == 1);
  CHECK(holds(console.err.str(), "no server answers at " + gone));

  session html([](auto&) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
  });
  CHECK(html.run({"nodes", "list"}) == 1);
  CHECK(holds(
      html.err(),
      "answered HTTP 200 with text/html (\"<html>\") where JSON of the Troupe API was expected"));
  session ssh([](auto&) { return "SSH-2.0-OpenSSH_9.2\r\n"; });
  CHECK(ssh.run({"nodes", "list"}) == 1);
  CHECK(holds(ssh.err(), ssh.server.url()));
  session silent([](auto&) { return ""; });
  CHECK(silent.run({"nodes", "list"}) == 1);
  CHECK(holds(silent.err(), silent.server.url()));
}

TEST_CASE("a request ends with an error when the server does not answer in time") {
  std::atomic<bool> over = false;
  scripted_server slow([&](auto&) {
    over.wait(false);
    return "";
  });
  auto client = http_client::open({.url = slow.url(), .token = "t", .timeout_ms = 50});
  auto answer = (*client)->get("/v1/x");
  over = true;
  over.notify_all();
  REQUIRE(!answer);
  CHECK(answer.error().code == errc::deadline_exceeded);
}

TEST_CASE("create posts the job with the token and prints the next commands") {
  session cluster([](auto&) { return job_in("JOB_STATE_PENDING"); });
  CHECK(cluster.run({"custom-jobs", "create", "--display-name=x", "--labels=a=b", "--", "python3",
                     "t.py", "--", "--lr=1"})
        == 0);
  auto asked = cluster.server.requests();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].line == "POST /v1/projects/local/locations/local/customJobs");
  CHECK(asked[0].authorization == "Bearer secret");
  CHECK(
      asked[0].body
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[{"replicaCount":"1","containerSpec":{"imageUri":"host",)"
         R"("command":["python3","t.py","--","--lr=1"]}}]},"labels":{"a":"b"}})");
  CHECK(cluster.out()
        == std::string("CustomJob [") + job_name
               + "] is submitted successfully.\n\nYour job is still active. You may view the "
                 "status of your job with the "
                 "command\n\n  $ troupe custom-jobs describe 1000000000000000001\n\nor continue "
                 "streaming the logs of your job "
                 "with the command\n\n  $ troupe custom-jobs stream-logs 1000000000000000001\n");
  CHECK(cluster.run({"custom-jobs", "create", "--display-name=x",
                     "--worker-pool-spec=machine-type=a,container-image-uri=h",
                     "--worker-pool-spec=", "--args=", "--format=json"})
        == 0);
  CHECK(
      cluster.server.requests()[1].body
      == R"({"displayName":"x","jobSpec":{"workerPoolSpecs":[{"machineSpec":{"machineType":"a"},"replicaCount":"1","containerSpec":{"imageUri":"h"}},{}]}})");
  CHECK(document(cluster.out())["displayName"].text() == "x");
}

TEST_CASE("an error of the server is printed unchanged") {
  session cluster([](auto&) {
    return scripted_server::json(
        R"({"error":{"code":400,"message":"pool 0 must have one replica","status":"INVALID_ARGUMENT"}})",
        "400 Bad Request");
  });
  CHECK(cluster.run({"custom-jobs", "create", "--display-name=x", "--", "true"}) == 1);
  CHECK(cluster.err() == "ERROR: pool 0 must have one replica\n");
}

TEST_CASE("--wait returns when the job has ended, with its result as exit code") {
  int looks = 0;
  session cluster([&](const http_request& request) {
    if (request.line.starts_with("POST")) return job_in("JOB_STATE_PENDING");
    if (holds(request.line, ":status"))
      return scripted_server::json(R"({"attempt":1,"reason":"no CPUs"})");
    return ++looks == 1 ? job_in("JOB_STATE_PENDING") : job_in("JOB_STATE_SUCCEEDED");
  });
  CHECK(cluster.run({"custom-jobs", "create", "--display-name=x", "--wait", "--", "true"}) == 0);
  CHECK(holds(cluster.out(), "x: PENDING: no CPUs\n"));
  CHECK(holds(cluster.out(), "x: SUCCEEDED\n"));

  session failing([&](auto&) {
    return job_in("JOB_STATE_FAILED", R"(,"error":{"code":3,"message":"exit 1"})");
  });
  CHECK(failing.run(
            {"custom-jobs", "create", "--display-name=x", "--wait", "--format=json", "--", "true"})
        == 1);
  CHECK(document(failing.out())["state"].text() == "JOB_STATE_FAILED");
  CHECK(holds(failing.err(), "ended as FAILED: exit 1"));
}

TEST_CASE("Ctrl-C ends the command and leaves the job running") {
  auto waiter = pthread_self();
  bool pressed = false; // once: a second would interrupt the next command
  session cluster([&](const http_request& request) {
    if (!request.line.starts_with("POST") && !std::exchange(pressed, true))
      pthread_kill(waiter, SIGINT);
    return job_in("JOB_STATE_RUNNING");
  });
  CHECK(cluster.run({"custom-jobs", "create", "--display-name=x", "--wait", "--", "true"}) == 130);
  CHECK(holds(cluster.err(),
              "goes on. Look at it with:\n\n  $ troupe custom-jobs describe 1000000000000000001"));
  for (auto& request : cluster.server.requests())
    CHECK_FALSE(holds(request.line, ":cancel"));
}

TEST_CASE("jobs are found by id, name and display name") {
  session cluster([](const http_request& request) {
    if (holds(request.line, "?pageSize=20&filter=display_name%3D%22one%22"))
      return scripted_server::json(
          std::string(R"({"customJobs":[{"name":")") + job_name
          + R"(","displayName":"one"},{"name":"x/9","displayName":"other"}]})");
    if (holds(request.line, "display_name%3D%22two%22"))
      return scripted_server::json(
          R"({"customJobs":[{"name":"a/1","displayName":"two"},{"name":"a/2","displayName":"two"}]})");
    if (holds(request.line, "?pageSize")) return scripted_server::json("{}");
    return scripted_server::json("{}");
  });
  auto last = [&] { return cluster.server.requests().back().line; };
  std::string path = std::string("POST /v1/") + job_name + ":cancel";
  for (std::string called : {"one", "1000000000000000001", job_name}) {
    CHECK(cluster.run({"custom-jobs", "cancel", called}) == 0);
    CHECK(last() == path);
  }
  CHECK(cluster.run({"custom-jobs", "cancel", "two"}) == 1);
  CHECK(holds(cluster.err(), "2 custom jobs are called 'two'; name one by its id:\n  1  "));
  CHECK(cluster.run({"custom-jobs", "cancel", "three"}) == 1);
  CHECK(holds(cluster.err(), "no custom job is called 'three'. See: troupe custom-jobs list"));
  CHECK(cluster.run({"hp-tuning-jobs", "cancel", job_name}) == 1);
  CHECK(holds(cluster.err(), "names one of the customJobs, not a hyperparameter tuning job"));
  CHECK(cluster.run({"custom-jobs", "cancel", "projects/x"}) == 1);
  CHECK(cluster.run({"custom-jobs", "delete", "1000000000000000001"}) == 0);
  CHECK(last() == std::string("DELETE /v1/") + job_name);
}

TEST_CASE("list follows the pages up to its limit") {
  session cluster([](const http_request& request) {
    bool second = holds(request.line, "pageToken=p%2B2");
    return scripted_server::json(
        second ? R"({"customJobs":[{"name":"a/3"},{"name":"a/4"}]})"
               : R"({"customJobs":[{"name":"a/1"},{"name":"a/2"}],"nextPageToken":"p+2"})");
  });
  CHECK(cluster.run({"custom-jobs", "list", "--limit=3", "--filter=state=\"X\"", "--format=json"})
        == 0);
  auto asked = cluster.server.requests();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].line
        == "GET /v1/projects/local/locations/local/customJobs?pageSize=3&filter=state%3D%22X%22");
  auto listed = document(cluster.out());
  REQUIRE(listed.root().items().size() == 3);
  CHECK(listed.root().items()[2]["name"].text() == "a/3");
}

TEST_CASE("stream-logs follows the logs until the last page") {
  int pages = 0;
  session cluster([&](const http_request& request) {
    if (request.line.starts_with("GET")) return job_in("JOB_STATE_RUNNING");
    auto entry = [](const char* task, const char* text) {
      return fmt::format(
          R"({{"severity":"INFO","timestamp":"2026-11-23T05:30:22Z","resource":{{"labels":{{"task_name":"{}"}}}},"textPayload":"{}"}})",
          task, text);
    };
    switch (pages++) {
    case 0:
      return scripted_server::json(R"({"entries":[)" + entry("workerpool0-0", "one") + ","
                                   + entry("service", "hidden") + R"(],"nextPageToken":"t1"})");
    case 1:
      return scripted_server::json(R"({"nextPageToken":"t2"})");
    default:
      return scripted_server::json(R"({"entries":[)" + entry("workerpool0-0", "two") + "]}");
    }
  });
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(cluster.run({"custom-jobs", "stream-logs", job_name, "--task-name=workerpool0-0",
                     "--polling-interval=0.01"})
        == 0);
  CHECK(cluster.out()
        == "INFO     2026-11-23 05:30:22 +0000  workerpool0-0  one\nINFO     2026-11-23 05:30:22 "
           "+0000  workerpool0-0  two\n");
  auto asked = cluster.server.requests();
  CHECK(asked[1].line == "POST /v2/entries:list");
  CHECK(
      asked[1].body
      == R"({"resourceNames":["projects/local"],"filter":"resource.labels.job_id=\"1000000000000000001\"","orderBy":"timestamp asc","pageSize":1000})");
  CHECK(holds(asked.back().body, R"("pageToken":"t2")"));
}

TEST_CASE("resume finds the tuning job by its display name and follows it with --wait") {
  const std::string name = "projects/local/locations/local/hyperparameterTuningJobs/5";
  auto job = [&](const std::string& state) {
    return R"({"name":")" + name
           + R"(","displayName":"x","maxTrialCount":9,"parallelTrialCount":2,"state":")" + state
           + "\"}";
  };
  session at([&](const http_request& request) {
    if (holds(request.line, "?")) // the search for the display name
      return scripted_server::json(R"({"hyperparameterTuningJobs":[)" + job("JOB_STATE_SUCCEEDED")
                                   + "]}");
    return scripted_server::json(
        job(holds(request.line, ":resume") ? "JOB_STATE_RUNNING" : "JOB_STATE_SUCCEEDED"));
  });
  CHECK(at.run({"hp-tuning-jobs", "resume", "x", "--max-trial-count=9", "--wait"}) == 0);
  CHECK_MESSAGE(holds(at.out(), "[" + name + "] goes on, with at most 9 trials, 2 at a time."),
                at.out());
  auto sent = at.server.requests();
  auto resumed = std::ranges::find_if(sent, [](auto& each) { return holds(each.line, ":resume"); });
  REQUIRE(resumed != sent.end());
  CHECK(resumed->line == "POST /v1/" + name + ":resume");
  CHECK(resumed->body == R"({"maxTrialCount":9})");
  CHECK(at.run({"hp-tuning-jobs", "resume", "5", "--max-trial-count=-1"}) == 2);
  CHECK(holds(at.err(), "should be a positive integer"));
}
