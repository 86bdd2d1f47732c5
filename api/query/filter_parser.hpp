// The grammar of list filters, and the tree that a filter is parsed into. Private to filter.cpp.
#pragma once

#include "api/query/filter.hpp"

namespace troupe::api {

enum class comparator : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, has };

struct filter::node {
  enum class kind : uint8_t { conjunction, disjunction, negation, comparison };

  kind is = kind::conjunction;
  std::vector<node> children;

  // In a comparison only.
  field_path field;
  field_type type = field_type::text;
  comparator compare = comparator::equal;
  std::string text;
  int64_t number = 0;
};

inline constexpr size_t filter_bytes_max = 16 << 10;
inline constexpr int filter_nesting_max = 32;

result<filter::node> parse_filter(std::string_view text, const filter::schema& fields,
                                  std::string_view expected_fields);

} // namespace troupe::api
