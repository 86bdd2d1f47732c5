// Pages of a list: the parameters that every list takes, and a walk over a family, newest first.
#pragma once

#include "api/handlers.hpp"

#include <optional>

namespace troupe::api {

struct page_request {
  size_t size = 100;             // at most this many items
  std::optional<uint64_t> below; // only ids below this one
  uint64_t fingerprint = 0;      // of what was asked: a token fits only the same question
};

/// Reads pageSize and pageToken. `question` is all that must not change between the pages.
result<page_request> parse_page(const request&, std::string_view question);

/// pageSize alone: 0 or none is 100, and more than 1000 means 1000.
result<size_t> parse_page_size(std::string_view text);

/// Walks down the ids. `item` appends the JSON of a row and says so, or passes it over. Gives up
/// the page early, with a token to go on, when it has read many rows in vain or has become large.
result<std::string>
page_of(const context&, store::family, const page_request&, std::string_view collection,
        const std::function<result<std::optional<std::string>>(std::string_view value)>& item);

} // namespace troupe::api
