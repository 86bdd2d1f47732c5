#include "cli/tune/command.hpp"

#include "cli/terminal/suggest.hpp"
#include "tuner/parameter_text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace troupe::cli {

namespace {

std::vector<std::string> names_of(const tuner::search_space& space) {
  std::vector<std::string> names;
  for (const auto& p : space.parameters())
    if (std::ranges::find(names, p.id) == names.end()) names.push_back(p.id);
  return names;
}

bool is_conditional(const tuner::search_space& space, const std::string& name) {
  return std::ranges::any_of(space.parameters(),
                             [&](const auto& p) { return p.id == name && p.parent; });
}

std::unexpected<error> unknown_name(const std::string& word, const std::string& name,
                                    const tuner::search_space& space) {
  const auto names = names_of(space);
  const auto meant = nearest(name, names);
  return fail(errc::invalid_argument,
              "argument '{}': {{{}}} is not a parameter of the study; expected one of {{{}}}{}; "
              "write a literal brace twice",
              word, name, fmt::join(names, "}, {"),
              meant ? fmt::format("; did you mean {{{}}}?", *meant) : "");
}

} // namespace

result<command_template::word> command_template::parsed(const std::string& text,
                                                        const tuner::search_space& space) {
  word out;
  std::string literal;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto pair = std::string_view(text).substr(i, 2);
    if (pair == "{{" || pair == "}}") {
      literal += text[i++];
    } else if (text[i] == '{') {
      const auto end = text.find('}', i);
      if (end == text.npos)
        return fail(errc::invalid_argument,
                    "argument '{}': '{{' is never closed; expected {{name}}, or {{{{ for a brace",
                    text);
      auto name = text.substr(i + 1, end - i - 1);
      if (std::ranges::none_of(space.parameters(), [&](auto& p) { return p.id == name; }))
        return unknown_name(text, name, space);
      if (!literal.empty()) out.push_back({std::move(literal)});
      literal.clear();
      out.push_back({std::move(name), true});
      i = end;
    } else {
      literal += text[i];
    }
  }
  if (!literal.empty()) out.push_back({std::move(literal)});
  return out;
}

result<command_template> command_template::parse(const std::vector<std::string>& words,
                                                 const tuner::search_space& space) {
  command_template made;
  std::vector<std::string> used;
  for (const auto& text : words) {
    auto read = parsed(text, space);
    if (!read) return std::unexpected(read.error());
    for (const auto& piece : *read) {
      if (!piece.is_name) continue;
      used.push_back(piece.text);
      if (!is_conditional(space, piece.text)) continue;
      if (made.words_.empty())
        return fail(errc::invalid_argument,
                    "the program '{}' depends on {{{}}}, which is not always active; expected a "
                    "program that every trial has",
                    text, piece.text);
      const auto& before = words[made.words_.size() - 1];
      if (read->size() == 1 && before.starts_with("-") && before.find('=') == before.npos
          && made.words_.size() > 1)
        return fail(errc::invalid_argument,
                    "'{0} {1}': where {1} is inactive it is left out, and {0} would be left "
                    "without its value; write {0}={1}",
                    before, text);
    }
    made.words_.push_back(std::move(*read));
  }
  made.appends_ = used.empty();
  for (const auto& name : names_of(space))
    if (!made.appends_ && std::ranges::find(used, name) == used.end())
      return fail(errc::invalid_argument,
                  "parameter '{0}' of the study appears nowhere in the command, so no trial would "
                  "see it; add an argument such as --{0}={{{0}}}, or take it out of the study",
                  name);
  return made;
}

std::vector<std::string>
command_template::filled(const std::vector<tuner::parameter_value>& values) const {
  std::map<std::string, std::string> texts;
  for (const auto& value : values)
    texts[value.id] = tuner::parameter_text(value);
  std::vector<std::string> out;
  for (const auto& word : words_) {
    const bool active = std::ranges::all_of(
        word, [&](const piece& p) { return !p.is_name || texts.contains(p.text); });
    if (!active) continue;
    out.emplace_back();
    for (const auto& piece : word)
      out.back() += piece.is_name ? texts.at(piece.text) : piece.text;
  }
  if (appends_)
    for (auto& flag : tuner::flags_of(values))
      out.push_back(std::move(flag));
  return out;
}

std::optional<std::string> command_template::program() const {
  std::string name;
  for (const auto& piece : words_.front()) {
    if (piece.is_name) return std::nullopt;
    name += piece.text;
  }
  return name;
}

} // namespace troupe::cli
