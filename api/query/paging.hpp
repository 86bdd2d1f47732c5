// Paging: the parameters pageSize and pageToken that every list takes, and the tokens. Which rows a
// page shows is in backend/listing.hpp.
#pragma once

#include "api/query/message.hpp"

#include <optional>

namespace troupe::api {

struct page_request {
  size_t size = 100;            // at most this many items
  std::optional<uint64_t> last; // the last row of the page before
  uint64_t fingerprint = 0;     // of the list that was asked for: a token fits only the same list
};

/// Reads pageSize and pageToken. `list` names everything that must not change between two pages:
/// the collection and the filter.
result<page_request> parse_page(const request&, std::string_view list);

/// pageSize alone. 0 or empty means 100; more than 1000 means 1000.
result<size_t> parse_page_size(std::string_view text);

/// The nextPageToken of a page whose last row has this key.
std::string page_token(const page_request&, std::string_view last_key);

} // namespace troupe::api
