#include "runtime/expansion.hpp"

namespace troupe::runtime {

std::string expand(std::string_view text, const lookup& value_of) {
  std::string out;
  for (;;) {
    auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == text.npos) return out;
    text.remove_prefix(dollar);
    auto close = text.find(')');
    if (text.starts_with("$$(") && close != text.npos) {
      out += text.substr(1, close);
      text.remove_prefix(close + 1);
    } else if (text.starts_with("$(") && close != text.npos) {
      auto value = value_of(text.substr(2, close - 2));
      if (value) {
        out += *value;
        text.remove_prefix(close + 1);
      } else {
        // The text inside may contain a reference.
        out += "$(";
        text.remove_prefix(2);
      }
    } else {
      out += '$';
      text.remove_prefix(1);
    }
  }
}

} // namespace troupe::runtime
