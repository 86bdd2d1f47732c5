#include "runtime/shim/order.hpp"

#include <charconv>

namespace troupe::runtime::shim {

namespace {

enum tag : char {
  tag_working_directory = 'w',
  tag_log_directory = 'l',
  tag_log_bytes_max = 'm',
  tag_variable = 'e',
  tag_step = 's',
  tag_argument = 'a',
  tag_end = 'z',
};

void put(std::string& to, tag what, std::string_view value) {
  to += what;
  to += value;
  to += '\0';
}

bool take(order& to, char what, std::string_view value) {
  switch (what) {
  case tag_working_directory:
    to.working_directory = value;
    return true;
  case tag_log_directory:
    to.log_directory = value;
    return true;
  case tag_log_bytes_max:
    return std::from_chars(value.data(), value.data() + value.size(), to.log_bytes_max).ec
           == std::errc();
  case tag_variable:
    to.environment.emplace_back(value);
    return true;
  case tag_step:
    to.steps.emplace_back();
    return true;
  case tag_argument:
    if (to.steps.empty()) return false;
    to.steps.back().emplace_back(value);
    return true;
  default:
    return false;
  }
}

} // namespace

std::string encode(const order& from) {
  std::string out;
  put(out, tag_working_directory, from.working_directory);
  put(out, tag_log_directory, from.log_directory);
  put(out, tag_log_bytes_max, std::to_string(from.log_bytes_max));
  for (const auto& variable : from.environment)
    put(out, tag_variable, variable);
  for (const auto& step : from.steps) {
    put(out, tag_step, "");
    for (const auto& argument : step)
      put(out, tag_argument, argument);
  }
  put(out, tag_end, "");
  return out;
}

std::optional<order> decode_order(std::string_view bytes) {
  order out;
  while (!bytes.empty()) {
    auto end = bytes.find('\0');
    if (end == bytes.npos || end == 0) return std::nullopt;
    char what = bytes[0];
    auto value = bytes.substr(1, end - 1);
    bytes.remove_prefix(end + 1);
    if (what == tag_end) {
      for (const auto& step : out.steps)
        if (step.empty()) return std::nullopt;
      return bytes.empty() && !out.steps.empty() ? std::optional(std::move(out)) : std::nullopt;
    }
    if (!take(out, what, value)) return std::nullopt;
  }
  return std::nullopt;
}

} // namespace troupe::runtime::shim
