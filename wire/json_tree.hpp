// A JSON or YAML text as a tree that keeps the place of each value and how each number was written.
// Both languages become such a tree, so one decoder serves them, an int64 keeps all its digits, and
// the schema (or the config reader) decides the type of YAML's unquoted scalars.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::wire {

struct place {
  uint32_t line = 1;   // from 1
  uint32_t column = 1; // from 1, in characters

  bool operator==(const place&) const = default;
};

struct tree_member;

struct tree {
  enum class kind {
    null,
    boolean, // scalar is "true" or "false"
    number,  // scalar is the literal as written
    text,    // scalar is the value
    plain,   // an unquoted YAML scalar, as written; the reader decides its type
    array,
    object,
  };

  kind is = kind::null;
  place at;
  std::string scalar;
  std::vector<tree> items;          // of an array
  std::vector<tree_member> members; // of an object; names are unique

  /// The member of an object; null if there is none.
  const tree* find(std::string_view name) const;
};

struct tree_member {
  std::string name;
  place at;
  tree value;
};

/// Bounds of a text, so that a hostile one costs no more memory than a large valid one.
inline constexpr int tree_depth_max = 64;
inline constexpr size_t tree_nodes_max = 1 << 20;

/// Parses RFC 8259 JSON. Errors: invalid_argument "source:line:column: ..." at the first invalid
/// character. An object with the same key twice is rejected: choosing one of them would be a
/// guess.
result<tree> parse_json(std::string_view text, std::string_view source);

/// Parses one YAML document. Anchors, aliases and merge keys ("<<") are expanded under the bounds
/// above. Errors as with parse_json.
result<tree> parse_yaml(std::string_view text, std::string_view file);

/// For messages: `the number 5`, `"x"`, `an object`.
std::string described(const tree& value);

} // namespace troupe::wire
