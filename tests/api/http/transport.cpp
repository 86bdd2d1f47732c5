#include "tests/api/fixture.hpp"

#include <atomic>
#include <thread>

namespace troupe::api::test {

using namespace std::chrono_literals;

TEST_CASE("without the token there is nothing but health") {
  cluster_of_one all;
  CHECK(all.http.get("/v1/projects/p/locations/l/customJobs").status == 200);
  for (auto token : {"", "wrong", "secre", "secrets", "SECRET"}) {
    client stranger{all.http.port, token};
    CAPTURE(token);
    for (auto target : {"/v1/projects/p/locations/l/customJobs", "/", "/%zz", "/v2/entries:list"}) {
      auto reply = stranger.post(target, good_job);
      CHECK(status_of(reply) == "401 UNAUTHENTICATED");
      CHECK(message_of(reply).contains("token file"));
      CHECK(reply.headers["www-authenticate"].starts_with("Bearer"));
    }
    CHECK(stranger.get("/healthz").body == "{\"status\":\"ok\"}");
    CHECK(stranger.get("/metrics").status == 200); // over loopback
  }
  connection basic(all.http.port);
  basic.send("GET /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Basic secret\r\n\r\n");
  CHECK(basic.reply().status == 401);
  connection lower(all.http.port);
  lower.send("GET /v1/x HTTP/1.1\r\nHost: h\r\nauthorization: bearer secret\r\n\r\n");
  CHECK(lower.reply().status == 404);
}

TEST_CASE("a server without a token does not start, nor one without its port") {
  fake_backend backend;
  auto open = server::start({}, backend);
  REQUIRE_FALSE(open);
  CHECK(open.error().code == errc::invalid_argument);
  cluster_of_one first;
  auto second = server::start(
      {.listen = fmt::format("127.0.0.1:{}", first.api->port()), .token = "t"}, backend);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::unavailable);
  CHECK(second.error().message.contains(std::to_string(first.api->port())));
  CHECK_FALSE(server::start({.listen = "no such host:x", .token = "t"}, backend));
}

TEST_CASE("paths and methods that do not exist are not found, with what does") {
  cluster_of_one all;
  for (auto target :
       {"/", "/v1", "/v1/", "/v3/projects/p/locations/l/customJobs",
        "/v1//projects/p/locations/l/customJobs", "/v1/projects/p/locations/l/customJobs/",
        "/v1/projects/p/locations/l/customJobs/1/2", "/v1/projects/p/locations/l/models",
        "/v1/projects/p/locations/l/customJobs/1:explode",
        "/v1/projects/p/locations/l/customJobs:x", "/v1/../v1/projects/p/locations/l/customJobs",
        "/v1/projects/p/locations%2Fl/customJobs", "/v2/entries:list", "/healthz/x", "*",
        "/metrics:x"}) {
    CAPTURE(target);
    auto reply = all.http.get(target);
    CHECK(status_of(reply) == "404 NOT_FOUND");
    CHECK(message_of(reply).contains("customJobs"));
  }
  for (auto method : {"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}) {
    CAPTURE(method);
    CHECK(status_of(all.http.call(method, jobs_path)) == "404 NOT_FOUND");
  }
  for (auto target :
       {"/v1/projects/../locations/l/customJobs", "/v1/projects/a%20b/locations/l/nodes",
        "/v1/projects//locations/l/customJobs", "/v1/projects/p/locations/a%2Fb/nodes", "/v1/x%"}) {
    CAPTURE(target);
    CHECK(status_of(all.http.get(target)) == "400 INVALID_ARGUMENT");
  }
}

TEST_CASE("HEAD is GET without the body") {
  cluster_of_one all;
  auto head = all.http.call("HEAD", jobs_path);
  auto get = all.http.get(jobs_path);
  CHECK(head.status == 200);
  CHECK(head.headers["content-length"] == get.headers["content-length"]);
  CHECK(head.body.empty());
}

TEST_CASE("a body that is too large is refused, told or found") {
  cluster_of_one all({.body_bytes_max = 1000});
  CHECK(all.http.post(jobs_path, good_job).status == 200);
  CHECK(status_of(all.http.post(jobs_path, std::string(1001, ' '))) == "413 RESOURCE_EXHAUSTED");
  connection chunked(all.http.port);
  chunked.send("POST " + jobs_path
               + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n");
  for (int chunk = 0; chunk < 11; ++chunk)
    chunked.send("64\r\n" + std::string(100, ' ') + "\r\n");
  CHECK(chunked.reply().status == 413);
}

TEST_CASE("a body in chunks is a body") {
  cluster_of_one all;
  connection chunked(all.http.port);
  chunked.send("POST " + jobs_path
               + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n");
  for (char c : good_job)
    chunked.send(fmt::format("1\r\n{}\r\n", c));
  chunked.send("0\r\n\r\n");
  CHECK(chunked.reply().status == 200);
}

TEST_CASE("connections are kept, and take pipelined requests") {
  cluster_of_one all;
  connection kept(all.http.port);
  auto request = all.http.head_of("GET", jobs_path, 0);
  auto missing = all.http.head_of("GET", jobs_path + "/1", 0);
  kept.send(request + missing + request);
  CHECK(kept.reply().status == 200);
  CHECK(kept.reply().status == 404);
  CHECK(kept.reply().status == 200);
  kept.send(request);
  CHECK(kept.reply().status == 200);
}

TEST_CASE("garbage on the port harms nobody") {
  cluster_of_one all;
  std::string noise;
  for (int index = 0; index < 4096; ++index)
    noise += char(index * 167 % 251);
  for (const std::string& bytes :
       {noise, std::string(4096, '\0'), std::string("GET\r\n\r\n"), std::string("\r\n\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\n" + std::string(1 << 20, 'a') + "\r\n\r\n"),
        std::string("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    connection stranger(all.http.port);
    stranger.send(bytes);
    stranger.end_sending();
    auto reply = stranger.reply();
    CHECK((reply.status == 0 || reply.status >= 400));
    if (reply.status != 0) CHECK(reply.json()["error"]["status"]);
    CHECK(all.http.get("/healthz").status == 200);
  }
}

TEST_CASE("who is slow is cut off") {
  cluster_of_one all(
      {.transfer_timeout_ms = 500ms, .header_timeout_ms = 1s, .idle_timeout_ms = 1s});
  connection silent(all.http.port), dripping(all.http.port), idle(all.http.port),
      body(all.http.port);
  dripping.send("GET /healthz HT");
  idle.send(all.http.head_of("GET", "/healthz", 0));
  CHECK(idle.reply().status == 200);
  body.send(all.http.head_of("POST", jobs_path, 100) + "{");
  CHECK(status_of(body.reply()) == "408 DEADLINE_EXCEEDED");
  for (connection* each : {&silent, &dripping, &idle, &body})
    CHECK(each->closes_within(10s));
}

TEST_CASE("more connections than allowed are closed as they come") {
  cluster_of_one all({.connections_max = 2});
  connection first(all.http.port), second(all.http.port);
  for (connection* each : {&first, &second}) {
    each->send(all.http.head_of("GET", "/healthz", 0));
    CHECK(each->reply().status == 200);
  }
  connection third(all.http.port);
  CHECK(third.closes_within(10s));
  first.send(all.http.head_of("GET", "/healthz", 0));
  CHECK(first.reply().status == 200);
}

TEST_CASE("many clients at once") {
  cluster_of_one all;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> clients;
    for (int index = 0; index < 16; ++index)
      clients.emplace_back([&] {
        for (int turn = 0; turn < 10; ++turn)
          if (all.http.post(jobs_path, good_job).status == 200
              && all.http.get(jobs_path + "?pageSize=5").status == 200)
            ++good;
      });
  }
  CHECK(good == 160);
  CHECK(all.backend.job_ids().size() == 160);
}

TEST_CASE("the server stops while a command is under way and a client is silent") {
  auto all = std::make_unique<cluster_of_one>();
  all->backend.hold_answers();
  connection silent(all->http.port), waiting(all->http.port);
  waiting.send(all->http.head_of("POST", jobs_path, good_job.size()) + good_job);
  while (all->backend.commands().empty())
    std::this_thread::yield();
  auto before = std::chrono::steady_clock::now();
  all->api.reset();
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  CHECK(waiting.reply().status == 0);
  all.reset(); // the backend drops the answers that it still holds
}

} // namespace troupe::api::test
