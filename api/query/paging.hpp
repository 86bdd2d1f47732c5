// Pages of a list: the parameters that every list takes, and a walk over the rows of a family,
// newest first or by number.
#pragma once

#include "api/backend/context.hpp"

#include <optional>

namespace troupe::api {

struct page_request {
  size_t size = 100;            // at most this many items
  std::optional<uint64_t> last; // the last row of the page before
  uint64_t fingerprint = 0;     // of what was asked: a token fits only the same question
};

/// Reads pageSize and pageToken. `question` is all that must not change between the pages.
result<page_request> parse_page(const request&, std::string_view question);

/// pageSize alone: 0 or none is 100, and more than 1000 means 1000.
result<size_t> parse_page_size(std::string_view text);

/// Which rows: those of a family whose keys are decimal numbers after the prefix.
struct walk {
  store::family where;
  std::string prefix = {};
  int digits = 20;
  bool newest_first = true;
};

/// A study's trials, in the order of their numbers.
walk trials_of(uint64_t study);

/// Walks over the rows. `item` appends the JSON of a row and says so, or passes it over. Gives up
/// the page early, with a token to go on, when it has read many rows in vain or has become large.
result<std::string>
page_of(const context&, const walk&, const page_request&, std::string_view collection,
        const std::function<result<std::optional<std::string>>(std::string_view value)>& item);

} // namespace troupe::api
