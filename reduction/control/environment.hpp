// How the processes of the tier read their settings from environment variables. The control plane
// sets these variables; a person may as well. rank/ and reducer/ each have an environment.hpp that
// names theirs.
#pragma once

#include "reduction/control/socket.hpp"

#include <string>
#include <string_view>

namespace troupe::reduction {

/// Reads variable after variable and keeps the first error, so that settings are read in a row and
/// judged once. Errors: invalid_argument, naming the variable and what it should hold.
class environment_reader {
public:
  static constexpr std::string_view silence =
      "milliseconds of silence after which a peer counts as lost";
  static constexpr std::string_view spinning = "microseconds of polling before sleeping";
  static constexpr std::string_view connecting = "milliseconds for all ranks and reducers to meet";

  /// `meaning` is what the variable should hold, for the error.
  void required(const char* name, std::string_view meaning, std::string& out);
  void required(const char* name, std::string_view meaning, uint32_t& out);
  void required(const char* name, std::string_view meaning, host_port& out);
  /// Leaves the default where the variable is not set.
  void optional(const char* name, std::string_view meaning, uint32_t& out);

  void fail_with(error why);
  bool good() const { return outcome_.has_value(); }
  const result<>& outcome() const { return outcome_; }

private:
  result<> outcome_;
};

/// Nothing where the variable is not set, or empty.
std::optional<std::string> variable(const char* name);

} // namespace troupe::reduction
