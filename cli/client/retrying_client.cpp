#include "cli/client/retrying_client.hpp"

namespace troupe::cli {

result<json_document> retrying_client::get(const std::string& path) {
  return retried([&] { return client_.get(path); });
}

result<json_document> retrying_client::post(const std::string& path, const std::string& body) {
  return retried([&] { return client_.post(path, body); });
}

result<json_document>
retrying_client::retried(const std::function<result<json_document>()>& request) {
  auto silent_since = std::chrono::steady_clock::now();
  bool noted = false;
  for (;;) {
    auto answer = request();
    bool silent = !answer
                  && (answer.error().code == errc::unavailable
                      || answer.error().code == errc::deadline_exceeded);
    if (!silent) {
      if (noted) note_("the server answers again");
      return answer;
    }
    if (std::chrono::steady_clock::now() - silent_since > limit_) return answer;
    if (!noted)
      note_(fmt::format("{} does not answer; trying for {} s (the job is not affected)",
                        client_.url(), limit_.count()));
    noted = true;
    if (auto paused = client_.pause(250); !paused) return std::unexpected(paused.error());
  }
}

} // namespace troupe::cli
