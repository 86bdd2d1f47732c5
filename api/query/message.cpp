#include "api/query/message.hpp"

#include "api/query/json_writer.hpp"
#include "wire/json_names.hpp"

#include <charconv>
#include <optional>

namespace troupe::api {

namespace {

std::optional<char> hex_byte(std::string_view two) {
  uint8_t value = 0;
  auto [end, problem] = std::from_chars(two.data(), two.data() + two.size(), value, 16);
  if (two.size() != 2 || problem != std::errc() || end != two.data() + 2) return std::nullopt;
  return char(value);
}

result<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += plus_is_space && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    auto byte = hex_byte(text.substr(at + 1, 2));
    if (!byte || *byte == '\0')
      return fail(errc::invalid_argument,
                  "request target: '{}' is not a %-escape; expected % and two hexadecimal digits",
                  text.substr(at, 3));
    out += *byte;
    at += 2;
  }
  return out;
}

template <class Visit>
void split(std::string_view text, char at, Visit visit) {
  while (true) {
    size_t end = text.find(at);
    visit(text.substr(0, end));
    if (end == text.npos) return;
    text.remove_prefix(end + 1);
  }
}

result<> parse_query(std::string_view text, request& into) {
  result<> outcome;
  split(text, '&', [&](std::string_view pair) {
    size_t equals = pair.find('=');
    auto name = decoded(pair.substr(0, equals), true);
    auto value = decoded(equals == pair.npos ? "" : pair.substr(equals + 1), true);
    if (!name || !value)
      outcome = std::unexpected(name ? value.error() : name.error());
    else if (!name->empty())
      into.query.insert_or_assign(wire::detail::camel_case(*name), std::move(*value));
  });
  return outcome;
}

} // namespace

std::string_view request::parameter(std::string_view name) const {
  auto found = query.find(name);
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

wire::json_options request::json() const {
  wire::json_options options;
  options.pretty = parameter("prettyPrint") == "true" || parameter("$prettyPrint") == "true";
  for (std::string_view name : {"$alt", "alt"})
    if (parameter(name).contains("enum-encoding=int")) options.enums = wire::enum_style::numbers;
  return options;
}

result<request> parse_target(method verb, std::string_view target) {
  request parsed;
  parsed.verb = verb;
  parsed.target = target;
  // The absolute form ("GET http://host/path"), which proxies send, means the same.
  if (target.starts_with("http://") || target.starts_with("https://")) {
    size_t slash = target.find('/', target.find("://") + 3);
    target = slash == target.npos ? std::string_view("/") : target.substr(slash);
  }
  size_t question = target.find('?');
  auto path = target.substr(0, question);
  if (path.starts_with('/')) path.remove_prefix(1);
  result<> outcome;
  split(path, '/', [&](std::string_view segment) {
    auto plain = decoded(segment, false);
    if (plain)
      parsed.path.push_back(std::move(*plain));
    else
      outcome = std::unexpected(plain.error());
  });
  if (outcome && question != target.npos)
    outcome = parse_query(target.substr(question + 1), parsed);
  if (!outcome) return std::unexpected(outcome.error());
  auto& last = parsed.path.back();
  if (size_t colon = last.find(':'); colon != last.npos) {
    parsed.action = last.substr(colon + 1);
    last.resize(colon);
  }
  return parsed;
}

int http_status(errc code) {
  switch (code) {
  case errc::cancelled:
    return 499;
  case errc::invalid_argument:
  case errc::failed_precondition:
  case errc::out_of_range:
    return 400;
  case errc::deadline_exceeded:
    return 504;
  case errc::not_found:
    return 404;
  case errc::already_exists:
  case errc::aborted:
    return 409;
  case errc::permission_denied:
    return 403;
  case errc::resource_exhausted:
    return 429;
  case errc::unimplemented:
    return 501;
  case errc::unavailable:
    return 503;
  case errc::unauthenticated:
    return 401;
  case errc::unknown:
  case errc::internal:
  case errc::data_loss:
    return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Payload Too Large";
  case 429:
    return "Too Many Requests";
  case 499:
    return "Client Closed Request";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  default:
    return "Internal Server Error";
  }
}

response error_response(int http, const error& problem) {
  json_writer body;
  body.begin_object().key("error").begin_object();
  body.member("code", http).member("message", problem.message);
  body.member("status", name_of(problem.code)).end_object().end_object();
  return {.status = http, .body = body.take()};
}

response error_response(const error& problem) {
  return error_response(http_status(problem.code), problem);
}

response json_response(std::string body) { return {.body = std::move(body)}; }

response respond(const result<std::string>& json) {
  return json ? json_response(*json) : error_response(json.error());
}

} // namespace troupe::api
