#include "api/query/paging.hpp"

#include "api/query/json_writer.hpp"
#include "api/query/sealed_text.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::api {

namespace {

constexpr size_t page_size_max = 1000;
constexpr size_t rows_read_max = 5000;
constexpr size_t page_bytes_max = 8 << 20;

std::string token_of(uint64_t fingerprint, std::string_view last_key) {
  return seal(fmt::format("list {:016x} {}", fingerprint, last_key));
}

error wrong_token(std::string_view why) {
  return {errc::invalid_argument,
          fmt::format("pageToken: {}; expected the nextPageToken of the same list with the same "
                      "filter",
                      why)};
}

} // namespace

result<size_t> parse_page_size(std::string_view text) {
  if (text.empty()) return 100;
  int64_t size = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (problem != std::errc() || end != text.data() + text.size() || size < 0)
    return fail(errc::invalid_argument,
                "pageSize: '{}' is not a size; expected a whole number from 1 to {} (0: 100)",
                text.substr(0, 40), page_size_max);
  return size == 0 ? 100 : std::min<size_t>(size_t(size), page_size_max);
}

result<page_request> parse_page(const request& from, std::string_view question) {
  page_request page;
  auto size = parse_page_size(from.parameter("pageSize"));
  if (!size) return std::unexpected(size.error());
  page.size = *size;
  page.fingerprint = fingerprint(question);
  auto token = from.parameter("pageToken");
  if (token.empty()) return page;
  auto text = unseal(token);
  if (!text) return std::unexpected(text.error());
  auto start = fmt::format("list {:016x} ", page.fingerprint);
  if (!text->starts_with(start)) return std::unexpected(wrong_token("it is of another list"));
  uint64_t last = 0;
  auto digits = std::string_view(*text).substr(start.size());
  auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), last);
  if (parsed.ec != std::errc() || last == 0)
    return std::unexpected(wrong_token("it holds no position"));
  page.last = last;
  return page;
}

walk trials_of(uint64_t study) {
  return {.where = store::family::trials,
          .prefix = store::key_of(study) + "/",
          .digits = 10,
          .newest_first = false};
}

result<std::string>
page_of(const context& all, const walk& rows, const page_request& page, std::string_view collection,
        const std::function<result<std::optional<std::string>>(std::string_view value)>& item) {
  json_writer out;
  out.begin_object().key(collection).begin_array();
  size_t read = 0, written = 0, bytes = 0;
  std::string last_key, token;
  result<> outcome;
  auto visit = [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(rows.prefix)) return false;
    if (written == page.size || read == rows_read_max || bytes > page_bytes_max) {
      token = token_of(page.fingerprint, last_key);
      return false;
    }
    ++read;
    last_key = key.substr(rows.prefix.size());
    auto json = item(value);
    if (!json) {
      outcome = fail(json.error().code, "stored {} {}: {}", store::name_of(rows.where), key,
                     json.error().message);
      return false;
    }
    if (*json) {
      out.raw(**json);
      bytes += (*json)->size();
      ++written;
    }
    return true;
  };
  auto first = rows.prefix;
  if (page.last)
    first +=
        fmt::format("{:0{}}", rows.newest_first ? *page.last - 1 : *page.last + 1, rows.digits);
  auto scanned = all.database().scan(rows.where, first, rows.newest_first, visit);
  if (!scanned) return std::unexpected(scanned.error());
  if (!outcome) return std::unexpected(outcome.error());
  out.end_array();
  if (!token.empty()) out.member("nextPageToken", token);
  return out.end_object().take();
}

} // namespace troupe::api
