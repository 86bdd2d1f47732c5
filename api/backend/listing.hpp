// One page of a list: a walk over the rows of a family, newest first or by number, that stops where
// the page is full.
#pragma once

#include "api/query/paging.hpp"
#include "store/store.hpp"

#include <functional>
#include <optional>

namespace troupe::api {

/// The rows of a family whose keys are decimal numbers after the prefix.
struct row_range {
  store::family family;
  std::string prefix = {};
  int digits = 20;
  bool newest_first = true;
};

/// A study's trials, in the order of their numbers.
row_range trial_rows(uint64_t study);

/// The JSON of a row's item; nullopt leaves the row out of the list.
using row_to_json = std::function<result<std::optional<std::string>>(std::string_view value)>;

/// `{"COLLECTION": [items], "nextPageToken": "..."}`. The page ends early, with a token, when it
/// has become large, or when many rows were read and few of them match.
result<std::string> list_page(const store::database&, const row_range&, const page_request&,
                              std::string_view collection, const row_to_json&);

} // namespace troupe::api
