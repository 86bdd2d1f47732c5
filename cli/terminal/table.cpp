#include "cli/terminal/table.hpp"

#include <algorithm>
#include <cstdint>

namespace troupe::cli {

namespace {

struct glyph {
  std::string_view bytes;
  size_t columns = 0;
};

/// A zero-width mark: combining diacritics, joiners, variation selectors.
bool is_mark(char32_t c) {
  return (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0x20D0 && c <= 0x20FF)
         || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF;
}

bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF && c != 0x303F)
         || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF)
         || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60)
         || (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF)
         || (c >= 0x20000 && c <= 0x3FFFD);
}

/// The colour sequence at the start of `text`; empty if there is none.
std::string_view colour_sequence(std::string_view text) {
  if (!text.starts_with("\x1b[")) return {};
  auto end = text.find('m');
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

glyph next_glyph(std::string_view text) {
  if (auto colour = colour_sequence(text); !colour.empty()) return {colour, 0};
  auto lead = static_cast<unsigned char>(text[0]);
  size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (length == 1 || length > text.size()) return {text.substr(0, 1), 1};
  char32_t code = lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {text.substr(0, 1), 1};
    code = (code << 6) | (byte & 0x3F);
  }
  return {text.substr(0, length), is_mark(code) ? 0u : is_wide(code) ? 2u : 1u};
}

} // namespace

size_t display_width(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    auto glyph = next_glyph(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes.size());
  }
  return columns;
}

std::string truncated(std::string_view text, size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  size_t used = 0;
  bool full = false;
  while (!text.empty()) {
    auto glyph = next_glyph(text);
    text.remove_prefix(glyph.bytes.size());
    bool colour = glyph.bytes[0] == '\x1b';
    if (!full && !colour && used + glyph.columns > columns - 1) {
      out += "…";
      full = true;
    }
    if (colour || !full) {
      out += glyph.bytes;
      used += glyph.columns;
    }
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F: a terminal may take them for escapes as well.
    bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte == '\t')
      out += ' ';
    else if (c1)
      ++i, out += "\xEF\xBF\xBD";
    else if (byte < 0x20 || byte == 0x7F)
      out += "\xEF\xBF\xBD";
    else
      out += text[i];
  }
  return out;
}

std::vector<std::string> table::lines(std::string_view indent) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto widest = display_width(columns_[i].title);
    for (auto& row : rows_)
      if (i < row.size())
        widest = std::max(widest, std::min(display_width(row[i]), columns_[i].width_max));
    widths.push_back(widest);
  }
  auto line = [&](const std::vector<std::string>& cells) {
    std::string out(indent);
    for (size_t i = 0; i < columns_.size(); ++i) {
      auto cell = i < cells.size() ? truncated(cells[i], widths[i]) : std::string();
      std::string fill(widths[i] - std::min(widths[i], display_width(cell)), ' ');
      out += columns_[i].side == align::right ? fill + cell : cell + fill;
      if (i + 1 < columns_.size()) out += "  ";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  std::vector<std::string> out;
  std::vector<std::string> titles;
  for (auto& column : columns_)
    titles.push_back(column.title);
  out.push_back(line(titles));
  for (auto& row : rows_)
    out.push_back(line(row));
  return out;
}

} // namespace troupe::cli
