// Environment variables for the time of a test. Every variable that Troupe reads is cleared first.
#pragma once

#include <cstdlib>
#include <map>
#include <string>

namespace troupe::reduction::test {

class variables {
public:
  explicit variables(const std::map<std::string, std::string>& values) {
    for (const char* const name :
         {"RANK", "WORLD_SIZE", "TROUPE_ATTEMPT", "TROUPE_CHUNK_BYTES", "TROUPE_CONNECT_TIMEOUT_MS",
          "TROUPE_HUB", "TROUPE_JOB", "TROUPE_KAPPA", "TROUPE_LISTEN", "TROUPE_MAX_JOBS",
          "TROUPE_REDUCERS", "TROUPE_SHARED_KEY", "TROUPE_SLOTS", "TROUPE_SPIN_US",
          "TROUPE_THREADS", "TROUPE_TIMEOUT_MS", "TROUPE_TOKEN", "TROUPE_WORLD_SIZE"}) {
      if (const char* const value = std::getenv(name)) before_[name] = value;
      unsetenv(name);
      names_.emplace(name, true);
    }
    for (const auto& [name, value] : values) {
      names_.emplace(name, true);
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  variables(const std::string& name, const std::string& value)
      : variables(std::map<std::string, std::string>{{name, value}}) {}
  ~variables() {
    for (const auto& [name, ignored] : names_)
      unsetenv(name.c_str());
    for (const auto& [name, value] : before_)
      setenv(name.c_str(), value.c_str(), 1);
  }
  variables(const variables&) = delete;
  variables& operator=(const variables&) = delete;

private:
  std::map<std::string, std::string> before_;
  std::map<std::string, bool> names_;
};

} // namespace troupe::reduction::test
