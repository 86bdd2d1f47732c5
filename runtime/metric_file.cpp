#include "runtime/metric_file.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace troupe::runtime {

namespace {

/// Reads one flat JSON object. Python's NaN and Infinity are taken, objects and lists inside are
/// not.
class flat_object {
public:
  explicit flat_object(std::string_view text) : text_(text) {}

  bool parse(std::vector<std::pair<std::string, std::string>>& out) {
    if (!take('{')) return false;
    if (take('}')) return at_end();
    do {
      std::string key, value;
      if (!string(key) || !take(':') || !scalar(value)) return false;
      out.emplace_back(std::move(key), std::move(value));
    } while (take(','));
    return take('}') && at_end();
  }

private:
  void skip_space() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == '\r'))
      text_.remove_prefix(1);
  }
  bool take(char c) {
    skip_space();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool at_end() {
    skip_space();
    return text_.empty();
  }
  bool scalar(std::string& out) {
    skip_space();
    if (text_.starts_with('"')) return string(out);
    auto end = std::min(text_.find_first_of(",} \t\r"), text_.size());
    out = text_.substr(0, end);
    text_.remove_prefix(end);
    return !out.empty() && out[0] != '{' && out[0] != '[';
  }
  bool string(std::string& out) {
    if (!take('"')) return false;
    while (!text_.empty()) {
      char c = text_[0];
      text_.remove_prefix(1);
      if (c == '"') return true;
      if (c == '\\' ? !escape(out) : (out += c, false)) return false;
    }
    return false;
  }
  bool escape(std::string& out) {
    if (text_.empty()) return false;
    char c = text_[0];
    text_.remove_prefix(1);
    switch (c) {
    case '"':
    case '\\':
    case '/':
      out += c;
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      return unicode(out);
    default:
      return false;
    }
  }
  bool unicode(std::string& out) {
    uint32_t code = 0;
    if (!hex4(code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      uint32_t low = 0;
      if (!text_.starts_with("\\u")) return false;
      text_.remove_prefix(2);
      if (!hex4(low) || low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }
  bool hex4(uint32_t& out) {
    if (text_.size() < 4) return false;
    auto [end, error] = std::from_chars(text_.data(), text_.data() + 4, out, 16);
    if (error != std::errc() || end != text_.data() + 4) return false;
    text_.remove_prefix(4);
    return true;
  }
  std::string_view text_;
};

/// Python's spellings of a float, "nan", "inf" and "-Infinity" among them.
std::optional<double> number_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  double out = std::strtod(text.c_str(), &end);
  while (*end == ' ')
    ++end;
  if (end == text.c_str() || *end != '\0') return std::nullopt;
  return out;
}

/// 0 for what no 64-bit number holds.
int64_t whole(double value) { return std::abs(value) < 9e18 ? int64_t(std::llround(value)) : 0; }

} // namespace

std::vector<wire::metric_point> points_of_line(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> members;
  if (!flat_object(line).parse(members)) return {};
  wire::metric_point common;
  std::vector<wire::metric_point> out;
  for (auto& [key, text] : members) {
    auto number = number_of(text);
    if (key == "global_step")
      common.step = whole(number.value_or(0));
    else if (key == "timestamp")
      common.timestamp_micros = whole(number.value_or(0) * 1e6);
    else if (key != "checkpoint_path" && key != "trial" && number)
      out.push_back({std::move(key), *number, 0, 0});
  }
  for (auto& point : out) {
    point.step = common.step;
    point.timestamp_micros = common.timestamp_micros;
  }
  return out;
}

metric_history::news metric_history::read(std::string_view text) {
  news out;
  while (!text.empty()) {
    // A last line without its newline counts if it is whole; otherwise it comes again.
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    bool fresh = false;
    for (auto& point : points_of_line(line)) {
      if (!tags_.empty() && std::find(tags_.begin(), tags_.end(), point.tag) == tags_.end())
        continue;
      if (!known_.emplace(point.tag, point.step, point.timestamp_micros).second) continue;
      out.points.push_back(point);
      points_.push_back(std::move(point));
      fresh = true;
    }
    if (fresh) (out.lines += line) += '\n';
  }
  return out;
}

} // namespace troupe::runtime
