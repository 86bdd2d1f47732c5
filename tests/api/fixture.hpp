// A server over the fake backend, and a client of it; and what tests read from replies.
#pragma once

#include "api/http/server.hpp"
#include "tests/api/fake_backend.hpp"
#include "tests/api/http_client.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

struct cluster_of_one {
  explicit cluster_of_one(server_settings settings = {}) {
    settings.token = "secret";
    auto started = server::start(settings, backend);
    REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
    api = std::move(*started);
    http.port = api->port();
  }

  fake_backend backend;
  std::unique_ptr<server> api;
  client http{0};
};

inline const std::string jobs_path = "/v1/projects/p/locations/l/customJobs";
inline const std::string tuning_path = "/v1/projects/p/locations/l/hyperparameterTuningJobs";

inline const std::string good_job = R"({
  "displayName": "train-1", "labels": {"team": "nlp"},
  "jobSpec": {"workerPoolSpecs": [{
      "machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": "1",
      "containerSpec": {"imageUri": "host", "command": ["true"], "args": ["a b"]}}],
    "scheduling": {"timeout": "86400s", "strategy": "STANDARD"}}})";

/// The google.rpc.Status of an error reply: "404 NOT_FOUND".
inline std::string status_of(const http_reply& reply) {
  auto error = reply.json()["error"];
  if (!error) return std::to_string(reply.status);
  return error["code"].as<std::string>() + " " + error["status"].as<std::string>();
}

inline std::string message_of(const http_reply& reply) {
  return reply.json()["error"]["message"].as<std::string>();
}

/// The id at the end of the resource's name.
inline std::string id_in(const http_reply& reply) {
  auto name = reply.json()["name"].as<std::string>();
  return name.substr(name.rfind('/') + 1);
}

/// The display names on one page.
inline std::vector<std::string> names_in(const http_reply& reply,
                                         const char* collection = "customJobs") {
  std::vector<std::string> names;
  for (auto job : reply.json()[collection])
    names.push_back(job["displayName"].as<std::string>());
  return names;
}

} // namespace troupe::api::test
