// The command that is tuned: words in which {name} stands for a parameter's value. Pure.
//
// {{ and }} are literal braces. An argument that names a parameter which is inactive in a trial is
// left out of that trial as a whole. A command without any {name} gets --name=value for every
// active parameter at its end, as trials on Vertex do.
#pragma once

#include "base/error.hpp"
#include "tuner/space.hpp"

#include <string>
#include <vector>

namespace troupe::cli {

class command_template {
public:
  /// Errors: invalid_argument for an unknown {name}, a brace that is never closed, a parameter that
  /// does not appear in the command, or a conditional parameter in a place that must not be empty.
  static result<command_template> parse(const std::vector<std::string>& words,
                                        const tuner::search_space& space);

  /// The command of a trial with these values.
  std::vector<std::string> filled(const std::vector<tuner::parameter_value>& values) const;

  /// The program, unless its name depends on a parameter.
  std::optional<std::string> program() const;

private:
  struct piece {
    std::string text; // literal, or a parameter's name
    bool is_name = false;
  };
  using word = std::vector<piece>;

  static result<word> parsed(const std::string& text, const tuner::search_space& space);

  std::vector<word> words_;
  bool appends_ = true; // no {name} anywhere
};

} // namespace troupe::cli
