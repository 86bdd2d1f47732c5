// POST /v2/entries:list: checks the request, finds the job that its filter names, and reads a page
// of that job's log.
#include "api/logs/handlers.hpp"
#include "api/logs/log_merger.hpp"
#include "api/query/json_writer.hpp"
#include "api/query/paging.hpp"
#include "wire/json_names.hpp"

#include <algorithm>
#include <set>

namespace troupe::api {

namespace {

struct log_request {
  std::vector<std::string> resource_names;
  std::string filter;
  size_t page_size = 100;
  std::string page_token;
};

result<std::vector<std::string>> texts_of(std::string_view name, const wire::tree& value) {
  std::vector<std::string> texts;
  bool fits = value.is == wire::tree::kind::array;
  for (const wire::tree& item : value.items) {
    fits &= item.is == wire::tree::kind::text;
    texts.push_back(item.scalar);
  }
  if (!fits)
    return fail(errc::invalid_argument, "{}: got {}; expected an array of strings", name,
                wire::described(value));
  return texts;
}

result<> check_order(const std::string& order) {
  if (order.empty() || order == "timestamp" || order == "timestamp asc") return {};
  if (order == "timestamp desc")
    return fail(errc::unimplemented,
                "orderBy: entries come oldest first; expected 'timestamp asc' or nothing");
  return fail(errc::invalid_argument, "orderBy: '{}' is not an order; expected 'timestamp asc'",
              order.substr(0, 80));
}

result<> take_member(log_request& into, std::string_view given_name, const wire::tree& value) {
  auto name = wire::detail::camel_case(given_name);
  if (value.is == wire::tree::kind::null) return {};
  if (name == "resourceNames" || name == "projectIds") {
    auto texts = texts_of(given_name, value);
    if (!texts) return std::unexpected(texts.error());
    for (std::string& text : *texts)
      into.resource_names.push_back(name == "projectIds" ? "projects/" + text : text);
    return {};
  }
  bool is_text = value.is == wire::tree::kind::text;
  if (name == "pageSize" && (is_text || value.is == wire::tree::kind::number)) {
    auto size = parse_page_size(value.scalar);
    if (!size) return std::unexpected(size.error());
    into.page_size = *size;
    return {};
  }
  bool known = name == "filter" || name == "pageToken" || name == "orderBy" || name == "pageSize";
  if (!known)
    return fail(errc::invalid_argument,
                "{}: unknown field; expected resourceNames, filter, orderBy, pageSize, pageToken",
                given_name.substr(0, 80));
  if (!is_text)
    return fail(errc::invalid_argument, "{}: got {}; expected {}", name, wire::described(value),
                name == "pageSize" ? "a number" : "a string");
  if (name == "orderBy") return check_order(value.scalar);
  (name == "filter" ? into.filter : into.page_token) = value.scalar;
  return {};
}

result<log_request> parse_log_request(std::string_view body) {
  auto parsed = wire::parse_json(body, "request body");
  if (!parsed) return std::unexpected(parsed.error());
  if (parsed->is != wire::tree::kind::object)
    return fail(errc::invalid_argument, "request body: got {}; expected an object",
                wire::described(*parsed));
  log_request asked;
  for (const wire::tree_member& member : parsed->members)
    if (auto taken = take_member(asked, member.name, member.value); !taken)
      return std::unexpected(taken.error());
  return asked;
}

result<std::string> job_id_of(const filter& wanted) {
  auto found = wanted.required({"resource", "labels", "job_id"});
  std::set<std::string> ids(found.begin(), found.end());
  if (ids.size() == 1) return *ids.begin();
  return fail(errc::invalid_argument,
              "filter: it names {} jobs; expected exactly one, as resource.type=\"ml_job\" AND "
              "resource.labels.job_id=\"ID\"",
              ids.size());
}

result<> check_project(const log_request& asked, const log_source& job) {
  auto fits = [&](std::string_view name) {
    return !name.starts_with("projects/") || name == "projects/" + job.origin.project
           || name.starts_with("projects/" + job.origin.project + "/");
  };
  if (asked.resource_names.empty() || std::ranges::any_of(asked.resource_names, fits)) return {};
  return fail(
      errc::not_found,
      "job {} is in projects/{}, which is not among the resourceNames; the first of them is "
      "{}",
      job.origin.job, job.origin.project, asked.resource_names.front().substr(0, 80));
}

result<std::string> log_entries(const context& context, const request& request) {
  auto asked = parse_log_request(request.body);
  if (!asked) return std::unexpected(asked.error());
  auto wanted = log_filter(asked->filter);
  if (!wanted) return std::unexpected(wanted.error());
  auto id = job_id_of(*wanted);
  if (!id) return std::unexpected(id.error());
  result<log_position> position;
  if (!asked->page_token.empty()) position = position_of(asked->page_token, asked->filter);
  if (!position) return std::unexpected(position.error());
  auto sources = log_sources(context, *id);
  if (!sources) return std::unexpected(sources.error());
  if (auto fits = check_project(*asked, sources->front()); !fits)
    return std::unexpected(fits.error());
  auto page = read_log_page(context, *sources, *wanted, asked->page_size, *position);
  if (!page) return std::unexpected(page.error());
  json_writer out;
  out.begin_object().key("entries").begin_array();
  for (const log_entry& entry : page->entries)
    out.raw(json_of(entry));
  out.end_array();
  if (page->more) out.member("nextPageToken", token_of(*position, asked->filter));
  return out.end_object().take();
}

} // namespace

void list_log_entries(const context& context, const request& request, answer reply) {
  reply(respond(log_entries(context, request)));
}

} // namespace troupe::api
