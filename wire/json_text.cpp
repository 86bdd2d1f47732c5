// The JSON half of json_tree.hpp: a recursive-descent parser that knows line and column.
#include "base/text.hpp"
#include "base/utf8.hpp"
#include "wire/frame.hpp"
#include "wire/json_tree.hpp"

#include <optional>
#include <unordered_map>

namespace troupe::wire {

namespace {

class json_parser {
public:
  json_parser(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  result<tree> parse() {
    if (text_.size() > frame_bytes_max)
      return fail(errc::invalid_argument, "{}: {} bytes of JSON; at most {} are taken", source_,
                  text_.size(), frame_bytes_max);
    if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
    tree root;
    if (value(root, 0)) {
      space();
      if (at_ < text_.size()) wrong("expected the end after the value");
    }
    if (failure_) return std::unexpected(*failure_);
    return root;
  }

private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // Continues from the last place asked for: counting from the line's start would take quadratic
  // time on one long line.
  place here() {
    if (counted_ < line_start_) {
      counted_ = line_start_;
      column_ = 1;
    }
    for (; counted_ < at_; ++counted_)
      column_ += (static_cast<unsigned char>(text_[counted_]) & 0xc0) != 0x80;
    return {line_, column_};
  }

  void space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  std::string got() const {
    if (at_ >= text_.size()) return "the end of the text";
    const auto length = std::max<size_t>(utf8_length(text_, at_), 1);
    return "'" + shown(text_.substr(at_, length)) + "'";
  }

  // The character here is not one that is allowed here.
  bool wrong(std::string_view expectation) {
    return refuse(here(), fmt::format("{}, got {}", expectation, got()));
  }

  bool refuse(place at, std::string_view message) {
    if (!failure_)
      failure_ = error{errc::invalid_argument,
                       fmt::format("{}:{}:{}: {}", source_, at.line, at.column, message)};
    return false;
  }

  bool take(char wanted) {
    if (peek() != wanted || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  bool value(tree& into, int depth) {
    space();
    into.at = here();
    if (++nodes_ > tree_nodes_max)
      return refuse(into.at, fmt::format("more than {} values", tree_nodes_max));
    switch (peek()) {
    case '{':
      return depth < tree_depth_max ? object(into, depth) : too_deep(into.at);
    case '[':
      return depth < tree_depth_max ? array(into, depth) : too_deep(into.at);
    case '"':
      into.is = tree::kind::text;
      return string(into.scalar);
    case 't':
      return word(into, "true", tree::kind::boolean);
    case 'f':
      return word(into, "false", tree::kind::boolean);
    case 'n':
      return word(into, "null", tree::kind::null);
    default:
      return number(into);
    }
  }

  bool too_deep(place at) {
    return refuse(at, fmt::format("nested deeper than {} levels", tree_depth_max));
  }

  bool word(tree& into, std::string_view wanted, tree::kind kind) {
    if (!text_.substr(at_).starts_with(wanted)) return wrong("expected a JSON value");
    at_ += wanted.size();
    into.is = kind;
    into.scalar = wanted;
    return true;
  }

  bool object(tree& into, int depth) {
    ++at_;
    into.is = tree::kind::object;
    std::unordered_map<std::string, place> seen;
    space();
    if (take('}')) return true;
    do {
      space();
      tree_member member{.at = here()};
      if (peek() != '"') return wrong("expected a key in double quotes");
      if (!string(member.name)) return false;
      if (auto [first, fresh] = seen.emplace(member.name, member.at); !fresh)
        return refuse(member.at,
                      fmt::format("the key \"{}\" is given twice; the first is at {}:{}",
                                  shown(member.name), first->second.line, first->second.column));
      space();
      if (!take(':')) return wrong("expected ':' after the key");
      if (!value(member.value, depth + 1)) return false;
      into.members.push_back(std::move(member));
      space();
    } while (take(','));
    return take('}') || wrong("expected ',' or '}' after a member of an object");
  }

  bool array(tree& into, int depth) {
    ++at_;
    into.is = tree::kind::array;
    space();
    if (take(']')) return true;
    do {
      if (!value(into.items.emplace_back(), depth + 1)) return false;
      space();
    } while (take(','));
    return take(']') || wrong("expected ',' or ']' after an item of an array");
  }

  bool digits() {
    const auto first = at_;
    while (peek() >= '0' && peek() <= '9')
      ++at_;
    return at_ > first;
  }

  bool number(tree& into) {
    const auto first = at_;
    const bool negative = take('-');
    if (!negative && (peek() < '0' || peek() > '9')) return wrong("expected a JSON value");
    if (take('0')) {
      if (peek() >= '0' && peek() <= '9') return wrong("expected no digit after a leading 0");
    } else if (!digits()) {
      return wrong("expected a digit after '-'");
    }
    if (take('.') && !digits()) return wrong("expected a digit after '.'");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return wrong("expected a digit in the exponent");
    }
    into.is = tree::kind::number;
    into.scalar = text_.substr(first, at_ - first);
    return true;
  }

  bool string(std::string& into) {
    const auto start = here();
    ++at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!escape(into)) return false;
        continue;
      }
      if (c < 0x20)
        return wrong(
            "expected no raw control character in a string (write it as \\n, \\t or \\u00XX)");
      const auto length = utf8_length(text_, at_);
      if (length == 0) return wrong("expected valid UTF-8");
      into += text_.substr(at_, length);
      at_ += length;
    }
    return refuse(
        start, "expected a closing '\"' for the string that starts here, got the end of the text");
  }

  bool escape(std::string& into) {
    ++at_;
    constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
    if (at_ < text_.size())
      if (const auto which = names.find(text_[at_]); which != names.npos) {
        into += values[which];
        ++at_;
        return true;
      }
    if (!take('u')) return wrong("expected one of \" \\ / b f n r t u after a backslash");
    auto code = hex();
    if (!code) return false;
    if (*code >= 0xd800 && *code < 0xdc00) {
      if (!take('\\') || !take('u'))
        return wrong("expected the second half of a surrogate pair (\\uDC00 to \\uDFFF)");
      const auto low = hex();
      if (!low) return false;
      if (*low < 0xdc00 || *low > 0xdfff)
        return wrong(
            "expected the second half of a surrogate pair (\\uDC00 to \\uDFFF) before this");
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    } else if (*code >= 0xdc00 && *code <= 0xdfff) {
      return wrong("expected the first half of a surrogate pair before this");
    }
    append_utf8(into, *code);
    return true;
  }

  std::optional<uint32_t> hex() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) {
        wrong("expected four hexadecimal digits after \\u");
        return std::nullopt;
      }
      code = code * 16 + static_cast<uint32_t>(digit);
      ++at_;
    }
    return code;
  }

  std::string_view text_;
  std::string_view source_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  size_t counted_ = 0;
  uint32_t column_ = 1;
  uint32_t line_ = 1;
  size_t nodes_ = 0;
  std::optional<error> failure_;
};

} // namespace

result<tree> parse_json(std::string_view text, std::string_view source) {
  return json_parser(text, source).parse();
}

} // namespace troupe::wire
