#include "api/query/filter_parser.hpp"

#include "api/query/rfc3339.hpp"
#include "api/query/severity.hpp"
#include "wire/common.capnp.h"
#include "wire/json_names.hpp"

#include <charconv>
#include <optional>

namespace troupe::api {

namespace {

std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// JobState's number, by the name that JSON shows or by the number itself.
std::optional<int64_t> state_of(std::string_view text) {
  auto number = number_of(text);
  auto states = capnp::Schema::from<wire::JobState>();
  if (number && *number >= 0 && *number < int64_t(states.getEnumerants().size())) return number;
  if (auto named = wire::detail::enumerant_named(states, text)) return named->getOrdinal();
  return std::nullopt;
}

struct argument {
  std::string text;
  size_t at;
};

class parser {
public:
  parser(std::string_view text, const filter::schema& fields, std::string_view expected_fields)
      : text_(text), fields_(fields), expected_fields_(expected_fields) {}

  result<filter::node> whole() {
    if (text_.size() > filter_bytes_max)
      return fail(errc::invalid_argument, "filter: it has {} bytes; expected at most {}",
                  text_.size(), filter_bytes_max);
    skip_space();
    if (at_end()) return filter::node{};
    auto root = conjunction();
    if (root && !at_end()) return problem("an operator, a term or the end", at_);
    return root;
  }

private:
  using parsed = result<filter::node>;

  parsed conjunction() {
    if (++depth_ > filter_nesting_max) return problem("no deeper nesting than 32 levels", at_);
    filter::node terms{.is = filter::node::kind::conjunction};
    do {
      auto next = disjunction();
      if (!next) return next;
      terms.children.push_back(std::move(*next));
      if (!keyword("AND") && (at_end() || peek() == ')')) break;
    } while (true);
    --depth_;
    return terms.children.size() == 1 ? std::move(terms.children.front()) : std::move(terms);
  }

  parsed disjunction() {
    filter::node choices{.is = filter::node::kind::disjunction};
    do {
      auto next = term();
      if (!next) return next;
      choices.children.push_back(std::move(*next));
    } while (keyword("OR"));
    return choices.children.size() == 1 ? std::move(choices.children.front()) : std::move(choices);
  }

  parsed term() {
    bool negated = keyword("NOT") || symbol("-");
    auto inner = symbol("(") ? group() : comparison();
    if (!inner || !negated) return inner;
    filter::node negation{.is = filter::node::kind::negation};
    negation.children.push_back(std::move(*inner));
    return negation;
  }

  parsed group() {
    auto inner = conjunction();
    if (inner && !symbol(")")) return problem("')'", at_);
    return inner;
  }

  parsed comparison() {
    filter::node test{.is = filter::node::kind::comparison};
    size_t start = at_;
    auto path = field();
    if (!path) return std::unexpected(path.error());
    auto type = fields_(*path);
    if (!type)
      return fail(errc::invalid_argument,
                  "filter, position {}: there is no field '{}'; expected one of {}", start + 1,
                  text_.substr(start, path_end_ - start), expected_fields_);
    test.field = std::move(*path);
    test.type = *type;
    size_t operator_at = at_;
    auto compare = operator_symbol();
    if (!compare) return problem("one of = != < <= > >= : after a field", operator_at);
    test.compare = *compare;
    if (auto fits = check_operator(test, operator_at); !fits) return std::unexpected(fits.error());
    return symbol("(") ? value_list(test) : single_value(test);
  }

  /// `field=(a OR b)`: the comparison once for each value.
  parsed value_list(const filter::node& test) {
    filter::node list{.is = filter::node::kind::disjunction};
    std::optional<bool> conjoined;
    do {
      auto one = single_value(test);
      if (!one) return one;
      list.children.push_back(std::move(*one));
      if (symbol(")")) break;
      bool is_and = keyword("AND");
      if (!is_and && !keyword("OR")) return problem("OR, AND or ')' after a value", at_);
      if (conjoined && *conjoined != is_and)
        return problem("either only OR or only AND between the values of one field", at_);
      conjoined = is_and;
    } while (true);
    if (conjoined.value_or(false)) list.is = filter::node::kind::conjunction;
    return list;
  }

  parsed single_value(filter::node test) {
    auto value = argument_text();
    if (!value) return std::unexpected(value.error());
    test.text = std::move(value->text);
    auto convert = [&](std::optional<int64_t> number, const char* expected) -> parsed {
      if (!number)
        return fail(errc::invalid_argument, "filter, position {}: '{}' is not {}", value->at + 1,
                    test.text, expected);
      test.number = *number;
      return test;
    };
    switch (test.type) {
    case field_type::text:
    case field_type::keys:
      return test;
    case field_type::timestamp:
      return convert(nanos_of_rfc3339(test.text),
                     "a time in RFC 3339, as \"2026-01-31T12:00:00Z\"");
    case field_type::job_state:
      return convert(state_of(test.text), "a state, as JOB_STATE_RUNNING or 3");
    case field_type::severity:
      return convert(severity_number(test.text), "a severity, as ERROR or 500");
    case field_type::boolean:
      return convert(test.text == "true"    ? std::optional<int64_t>(1)
                     : test.text == "false" ? std::optional<int64_t>(0)
                                            : std::nullopt,
                     "true or false");
    }
    return test;
  }

  result<> check_operator(const filter::node& test, size_t operator_at) {
    bool order = test.compare != comparator::equal && test.compare != comparator::not_equal
                 && test.compare != comparator::has;
    auto refuse = [&](std::string_view expected) -> result<> {
      return fail(errc::invalid_argument, "filter, position {}: this field takes only {}",
                  operator_at + 1, expected);
    };
    if (test.type == field_type::keys && test.compare != comparator::has)
      return refuse("':'; for the value of one key write labels.KEY=VALUE");
    if (test.type == field_type::timestamp && test.compare == comparator::has)
      return refuse("= != < <= > >=");
    if ((test.type == field_type::job_state || test.type == field_type::boolean) && order)
      return refuse("= and !=");
    return {};
  }

  result<field_path> field() {
    field_path path;
    do {
      auto segment = at_end() ? std::string() : field_segment();
      if (segment.empty())
        return fail(errc::invalid_argument, "filter, position {}: expected a field name", at_ + 1);
      path.push_back(std::move(segment));
    } while (!at_end() && text_[at_] == '.' && ++at_);
    path_end_ = at_;
    skip_space();
    return path;
  }

  std::string field_segment() {
    if (text_[at_] == '"') {
      auto quoted = quoted_text();
      return quoted ? *quoted : std::string();
    }
    size_t start = at_;
    while (!at_end() && !std::string_view(" \t\r\n()<>=!:.\"',").contains(text_[at_]))
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  result<argument> argument_text() {
    skip_space();
    size_t start = at_;
    if (at_end()) return std::unexpected(problem("a value", at_).error());
    if (peek() == '"' || peek() == '\'') {
      auto quoted = quoted_text();
      if (!quoted) return std::unexpected(quoted.error());
      skip_space();
      return argument{std::move(*quoted), start};
    }
    while (!at_end() && !std::string_view(" \t\r\n()\"',").contains(text_[at_]))
      ++at_;
    if (at_ == start) return std::unexpected(problem("a value", at_).error());
    argument found{std::string(text_.substr(start, at_ - start)), start};
    skip_space();
    return found;
  }

  result<std::string> quoted_text() {
    size_t start = at_;
    char quote = text_[at_++];
    std::string value;
    while (!at_end() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    if (at_end()) return std::unexpected(problem("the closing quote of the text", start).error());
    ++at_;
    return value;
  }

  std::optional<comparator> operator_symbol() {
    using enum comparator;
    static constexpr std::pair<std::string_view, comparator> symbols[] = {
        {"!=", not_equal}, {"<=", less_equal}, {">=", greater_equal}, {"<", less}, {">", greater},
        {"=", equal},      {":", has}};
    for (auto [spelling, meaning] : symbols)
      if (symbol(spelling)) return meaning;
    return std::nullopt;
  }

  bool symbol(std::string_view spelling) {
    if (!text_.substr(at_).starts_with(spelling)) return false;
    at_ += spelling.size();
    skip_space();
    return true;
  }

  bool keyword(std::string_view word) {
    auto rest = text_.substr(at_);
    if (!rest.starts_with(word)) return false;
    if (rest.size() > word.size() && !std::string_view(" \t\r\n(").contains(rest[word.size()]))
      return false;
    at_ += word.size();
    skip_space();
    return true;
  }

  parsed problem(std::string_view expected, size_t at) const {
    if (at >= text_.size())
      return fail(errc::invalid_argument, "filter, position {}: it ends; expected {}", at + 1,
                  expected);
    return fail(errc::invalid_argument, "filter, position {}: found '{}'; expected {}", at + 1,
                text_.substr(at, 20), expected);
  }

  void skip_space() {
    while (!at_end() && std::string_view(" \t\r\n").contains(text_[at_]))
      ++at_;
  }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }

  std::string_view text_;
  const filter::schema& fields_;
  std::string_view expected_fields_;
  size_t at_ = 0;
  size_t path_end_ = 0;
  int depth_ = 0;
};

} // namespace

result<filter::node> parse_filter(std::string_view text, const filter::schema& fields,
                                  std::string_view expected_fields) {
  return parser(text, fields, expected_fields).whole();
}

} // namespace troupe::api
