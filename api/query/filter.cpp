#include "api/query/filter.hpp"

#include "api/query/filter_parser.hpp"

#include <algorithm>

namespace troupe::api {

namespace {

template <class T>
bool ordered(comparator compare, const T& left, const T& right) {
  switch (compare) {
  case comparator::equal:
  case comparator::has:
    return left == right;
  case comparator::not_equal:
    return left != right;
  case comparator::less:
    return left < right;
  case comparator::less_equal:
    return left <= right;
  case comparator::greater:
    return left > right;
  case comparator::greater_equal:
    return left >= right;
  }
  return false;
}

bool contains(std::string_view wanted, std::string_view text) {
  if (wanted.find('*') != wanted.npos) return glob_matches(wanted, text);
  return text.find(wanted) != text.npos;
}

bool text_matches(const filter::node& test, const std::string& value) {
  if (test.compare != comparator::has) return ordered(test.compare, value, test.text);
  if (test.type == field_type::keys) return glob_matches(test.text, value);
  return contains(test.text, value);
}

bool compares(const filter::node& test, const field_values& values) {
  // "Not equal" is the opposite of "equal": true where the field is absent.
  if (test.compare == comparator::not_equal) {
    auto equal = test;
    equal.compare = comparator::equal;
    return !compares(equal, values);
  }
  return std::ranges::any_of(values.texts,
                             [&](const std::string& value) { return text_matches(test, value); })
         || std::ranges::any_of(values.numbers, [&](int64_t value) {
              return ordered(test.compare, value, test.number);
            });
}

bool evaluate(const filter::node& test, const filter::row& values) {
  auto child_matches = [&](const filter::node& child) { return evaluate(child, values); };
  switch (test.is) {
  case filter::node::kind::conjunction:
    return std::ranges::all_of(test.children, child_matches);
  case filter::node::kind::disjunction:
    return std::ranges::any_of(test.children, child_matches);
  case filter::node::kind::negation:
    return !evaluate(test.children.front(), values);
  case filter::node::kind::comparison:
    return compares(test, values(test.field));
  }
  return false;
}

void collect_required(const filter::node& test, const field_path& field,
                      std::vector<std::string>& found) {
  using kind = filter::node::kind;
  bool conjunction =
      test.is == kind::conjunction || (test.is == kind::disjunction && test.children.size() == 1);
  if (conjunction)
    for (const filter::node& child : test.children)
      collect_required(child, field, found);
  if (test.is == kind::comparison && test.compare == comparator::equal && test.field == field)
    found.push_back(test.text);
}

} // namespace

filter::filter() : root_(std::make_shared<const node>()) {}
filter::filter(std::shared_ptr<const node> root) : root_(std::move(root)) {}

result<filter> filter::parse(std::string_view text, const schema& fields,
                             std::string_view expected_fields) {
  auto root = parse_filter(text, fields, expected_fields);
  if (!root) return std::unexpected(root.error());
  return filter(std::make_shared<const node>(std::move(*root)));
}

bool filter::matches(const row& values) const { return evaluate(*root_, values); }

std::vector<std::string> filter::required(const field_path& field) const {
  std::vector<std::string> found;
  collect_required(*root_, field, found);
  return found;
}

bool glob_matches(std::string_view pattern, std::string_view text) {
  // Backtracks to the last star only, so the cost is bounded by the product of the two lengths.
  size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

} // namespace troupe::api
