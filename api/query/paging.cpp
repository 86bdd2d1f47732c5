#include "api/query/paging.hpp"

#include "api/query/sealed_text.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::api {

namespace {

constexpr size_t page_size_max = 1000;

/// What a token's text begins with.
std::string head_of(const page_request& page) {
  return fmt::format("list {:016x} ", page.fingerprint);
}

error wrong_token(std::string_view reason) {
  return {errc::invalid_argument,
          fmt::format("pageToken: {}; expected the nextPageToken of the same list with the same "
                      "filter",
                      reason)};
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

result<page_request> parse_page(const request& request, std::string_view list) {
  page_request page;
  auto size = parse_page_size(request.parameter("pageSize"));
  if (!size) return std::unexpected(size.error());
  page.size = *size;
  page.fingerprint = fingerprint(list);
  auto token = request.parameter("pageToken");
  if (token.empty()) return page;
  auto text = unseal(token);
  if (!text) return std::unexpected(text.error());
  auto head = head_of(page);
  if (!text->starts_with(head)) return std::unexpected(wrong_token("it is of another list"));
  uint64_t last = 0;
  auto digits = std::string_view(*text).substr(head.size());
  auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), last);
  if (parsed.ec != std::errc() || last == 0)
    return std::unexpected(wrong_token("it holds no position"));
  page.last = last;
  return page;
}

std::string page_token(const page_request& page, std::string_view last_key) {
  return seal(head_of(page) + std::string(last_key));
}

} // namespace troupe::api
