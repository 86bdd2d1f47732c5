// Tables for people: columns as wide as their widest cell, measured as a terminal shows them, never
// wrapped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// Columns that `text` takes on a terminal: UTF-8, wide East Asian characters and emoji as two,
/// combining marks as none, colour sequences as none. A byte that is not UTF-8 counts as one.
size_t display_width(std::string_view text);

/// `text` cut to `columns`, with an ellipsis where something is missing. Colour sequences survive
/// the cut.
std::string truncated(std::string_view text, size_t columns);

/// `text` without control characters, so that what a user or a job wrote cannot steer the terminal.
std::string printable(std::string_view text);

enum class align : unsigned char { left, right };

class table {
public:
  struct column {
    std::string title;
    align side = align::left;
    size_t width_max = 64;
  };

  explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  /// The header and the rows, without newlines and without spaces at the end.
  std::vector<std::string> lines(std::string_view indent = "") const;

private:
  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

} // namespace troupe::cli
