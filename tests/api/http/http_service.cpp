#include "tests/api/fixture.hpp"

namespace troupe::api::test {

using namespace std::chrono_literals;

TEST_CASE("a request without the token gets only /healthz, and /metrics over loopback") {
  cluster_of_one cluster;
  CHECK(cluster.http.get("/v1/projects/p/locations/l/customJobs").status == 200);
  for (auto token : {"", "wrong", "secre", "secrets", "SECRET"}) {
    client stranger{cluster.http.port, token};
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
  connection basic(cluster.http.port);
  basic.send("GET /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Basic secret\r\n\r\n");
  CHECK(basic.reply().status == 401);
  connection lower(cluster.http.port);
  lower.send("GET /v1/x HTTP/1.1\r\nHost: h\r\nauthorization: bearer secret\r\n\r\n");
  CHECK(lower.reply().status == 404);
}

TEST_CASE("HEAD is GET without the body") {
  cluster_of_one cluster;
  auto head = cluster.http.call("HEAD", jobs_path);
  auto get = cluster.http.get(jobs_path);
  CHECK(head.status == 200);
  CHECK(head.headers["content-length"] == get.headers["content-length"]);
  CHECK(head.body.empty());
}

TEST_CASE("a body that is too large is rejected, whether its length is announced or not") {
  cluster_of_one cluster({.body_bytes_max = 1000});
  CHECK(cluster.http.post(jobs_path, good_job).status == 200);
  CHECK(status_of(cluster.http.post(jobs_path, std::string(1001, ' ')))
        == "413 RESOURCE_EXHAUSTED");
  connection chunked(cluster.http.port);
  chunked.send("POST " + jobs_path
               + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n");
  for (int chunk = 0; chunk < 11; ++chunk)
    chunked.send("64\r\n" + std::string(100, ' ') + "\r\n");
  CHECK(chunked.reply().status == 413);
}

TEST_CASE("a body may come in chunks") {
  cluster_of_one cluster;
  connection chunked(cluster.http.port);
  chunked.send("POST " + jobs_path
               + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n");
  for (char c : good_job)
    chunked.send(fmt::format("1\r\n{}\r\n", c));
  chunked.send("0\r\n\r\n");
  CHECK(chunked.reply().status == 200);
}

TEST_CASE("a connection is kept, and takes pipelined requests") {
  cluster_of_one cluster;
  connection kept(cluster.http.port);
  auto request = cluster.http.head_of("GET", jobs_path, 0);
  auto missing = cluster.http.head_of("GET", jobs_path + "/1", 0);
  kept.send(request + missing + request);
  CHECK(kept.reply().status == 200);
  CHECK(kept.reply().status == 404);
  CHECK(kept.reply().status == 200);
  kept.send(request);
  CHECK(kept.reply().status == 200);
}

TEST_CASE("bytes that are not HTTP do not disturb the server") {
  cluster_of_one cluster;
  std::string noise;
  for (int index = 0; index < 4096; ++index)
    noise += char(index * 167 % 251);
  for (const std::string& bytes :
       {noise, std::string(4096, '\0'), std::string("GET\r\n\r\n"), std::string("\r\n\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\n" + std::string(1 << 20, 'a') + "\r\n\r\n"),
        std::string("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    connection stranger(cluster.http.port);
    stranger.send(bytes);
    stranger.end_sending();
    auto reply = stranger.reply();
    CHECK((reply.status == 0 || reply.status >= 400));
    if (reply.status != 0) CHECK(reply.json()["error"]["status"]);
    CHECK(cluster.http.get("/healthz").status == 200);
  }
}

TEST_CASE("a client that is too slow is disconnected") {
  cluster_of_one cluster(
      {.transfer_timeout_ms = 500ms, .header_timeout_ms = 1s, .idle_timeout_ms = 1s});
  connection silent(cluster.http.port), dripping(cluster.http.port), idle(cluster.http.port),
      body(cluster.http.port);
  dripping.send("GET /healthz HT");
  idle.send(cluster.http.head_of("GET", "/healthz", 0));
  CHECK(idle.reply().status == 200);
  body.send(cluster.http.head_of("POST", jobs_path, 100) + "{");
  CHECK(status_of(body.reply()) == "408 DEADLINE_EXCEEDED");
  for (connection* each : {&silent, &dripping, &idle, &body})
    CHECK(each->closes_within(10s));
}

} // namespace troupe::api::test
