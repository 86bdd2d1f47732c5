#include "api/backend/listing.hpp"

#include "api/query/json_writer.hpp"
#include "base/names.hpp"

namespace troupe::api {

namespace {

constexpr size_t rows_read_max = 5000;
constexpr size_t page_bytes_max = 8 << 20;

/// The key to start from: the first row, or the one that follows the page before.
std::string first_key(const row_range& rows, const page_request& page) {
  if (!page.last) return rows.prefix;
  uint64_t next = rows.newest_first ? *page.last - 1 : *page.last + 1;
  return rows.prefix + key_digits(next, rows.digits);
}

} // namespace

row_range trial_rows(uint64_t study) {
  return {.family = store::family::trials,
          .prefix = parts_prefix(study),
          .digits = 10,
          .newest_first = false};
}

result<std::string> list_page(const store::database& database, const row_range& rows,
                              const page_request& page, std::string_view collection,
                              const row_to_json& to_json) {
  json_writer out;
  out.begin_object().key(collection).begin_array();
  size_t read = 0, written = 0, bytes = 0;
  std::string last_key, token;
  result<> outcome;
  auto visit = [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(rows.prefix)) return false;
    if (written == page.size || read == rows_read_max || bytes > page_bytes_max) {
      token = page_token(page, last_key);
      return false;
    }
    ++read;
    last_key = key.substr(rows.prefix.size());
    auto json = to_json(value);
    if (!json) {
      outcome = fail(json.error().code, "stored {} {}: {}", store::name_of(rows.family), key,
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
  auto scanned = database.scan(rows.family, first_key(rows, page), rows.newest_first, visit);
  if (!scanned) return std::unexpected(scanned.error());
  if (!outcome) return std::unexpected(outcome.error());
  out.end_array();
  if (!token.empty()) out.member("nextPageToken", token);
  return out.end_object().take();
}

} // namespace troupe::api
