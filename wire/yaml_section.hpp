// Typed reading of a config file: one mapping of a YAML tree, whose keys are asked for by name.
// Every mistake, unknown keys included, is added to the shared list of problems and reading goes
// on, so all mistakes of a file are reported together. The parsers below read the scalars that
// configs are made of; sizes and durations must have a unit.
#pragma once

#include "wire/json_tree.hpp"
#include "wire/problems.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::wire {

class yaml_section {
public:
  /// `value` is an object. `path` is the key of this section; empty at the top.
  yaml_section(const tree& value, std::string_view file, std::string path, problems& found)
      : value_(value), file_(file), path_(std::move(path)), found_(found) {}

  /// Parses a scalar with `parse` into `into`, which stays as it is if the key is absent
  /// (or null). The sentence of a problem ends in `expected`. True if the key was there.
  template <class T, class Parse>
  bool scalar(std::string_view name, T& into, std::string_view expected, Parse&& parse) {
    const auto* value = take(name);
    if (!value) return false;
    const bool is_scalar = value->is == tree::kind::plain || value->is == tree::kind::text;
    if (auto read = is_scalar ? parse(std::string_view(value->scalar))
                              : decltype(parse(std::string_view())){})
      into = std::move(*read);
    else
      report(value->at, name, "got " + described(*value), expected);
    return true;
  }

  /// Reads the section under `name`, and rejects the keys that `read` did not ask for. True if the
  /// key was there.
  bool section(std::string_view name, const std::function<void(yaml_section&)>& read);

  /// Calls `read(key, all)` for every key of a mapping whose keys are the user's own names; `all`
  /// is this section, from which the key's value may be read.
  void each(const std::function<void(const std::string& key, yaml_section& all)>& read);

  /// Reports that `name` is required, if it is absent.
  void require(std::string_view name, std::string_view expected);
  bool has(std::string_view name) const;

  /// Reports the key `name`, if it is there, as one that has no place here.
  void refuse(std::string_view name, std::string_view what, std::string_view expected);

  void report(std::string_view name, std::string_view what, std::string_view expected = "");

  /// Rejects the keys that nothing asked for. section() does this for its own section.
  void refuse_unknown();

private:
  const tree* take(std::string_view name);
  void report(place at, std::string_view name, std::string_view what, std::string_view expected,
              std::string suggestion = "");

  const tree& value_;
  std::string_view file_;
  std::string path_;
  problems& found_;
  std::vector<std::string> known_;
};

/// Parses a whole file and reads its top section. Errors: as parse_yaml, or all problems in one.
result<void> read_sections(std::string_view text, std::string_view file,
                           const std::function<void(yaml_section&)>& read);

/// "64GiB", "1.5MB", "0B": a number with B, KiB, MiB, GiB, TiB, kB, MB, GB or TB, in whole bytes.
std::optional<uint64_t> size_bytes_of(std::string_view text);

/// "30s", "500ms", "1.5h": a number with us, ms, s, m, h or d.
std::optional<std::chrono::microseconds> span_of(std::string_view text);

/// "host:port" or "[address]:port", as it stands; the port lies between `port_min` and 65535.
std::optional<std::string> endpoint_of(std::string_view text, uint16_t port_min);

} // namespace troupe::wire
