#include "api/logs/log_position.hpp"

#include "api/query/sealed_text.hpp"

#include <iterator>
#include <sstream>

namespace troupe::api {

namespace {

std::string head_of(std::string_view filter) {
  return fmt::format("logs {:016x}\n", fingerprint(filter));
}

} // namespace

std::string token_of(const log_position& position, std::string_view filter) {
  std::string text = head_of(filter);
  auto out = std::back_inserter(text);
  for (const auto& [id, job] : position.jobs) {
    fmt::format_to(out, "j {} {} {}\n", id, job.finished ? 1 : 0, job.service_next);
    for (const auto& [replica, offset] : job.offsets)
      fmt::format_to(out, "r {} {}\n", offset, replica);
  }
  for (const std::string& node : position.silent_nodes)
    fmt::format_to(out, "n {}\n", node);
  return seal(text);
}

result<log_position> position_of(std::string_view token, std::string_view filter) {
  auto text = unseal(token);
  if (!text) return std::unexpected(text.error());
  auto head = head_of(filter);
  auto wrong_token =
      fail(errc::invalid_argument,
           "pageToken: it is of another request; expected the nextPageToken of the same "
           "filter");
  if (!text->starts_with(head)) return wrong_token;
  log_position position;
  log_position::job* job = nullptr;
  std::istringstream lines(text->substr(head.size()));
  for (std::string kind; lines >> kind;) {
    uint64_t number = 0;
    std::string name;
    if (kind == "j" && lines >> number) {
      job = &position.jobs[number];
      lines >> job->finished >> job->service_next;
    } else if (kind == "r" && job && lines >> number && lines >> name) {
      job->offsets[name] = number;
    } else if (kind == "n" && lines >> name) {
      position.silent_nodes.insert(name);
    }
    if (!lines) return wrong_token;
  }
  return position;
}

} // namespace troupe::api
