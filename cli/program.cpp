#include "cli/program.hpp"

#include "base/version.hpp"
#include "cli/jobs/commands.hpp"
#include "cli/serve/commands.hpp"
#include "cli/terminal/suggest.hpp"

#include <algorithm>

namespace troupe::cli {

namespace {

constexpr const char* overview =
    "Start here:\n"
    "  troupe up                                              a cluster of this one machine\n"
    "  troupe custom-jobs create --display-name=hello --wait -- echo hello\n"
    "  troupe hp-tuning-jobs create --display-name=digits --config=tuning.yaml --wait\n\n"
    "The cluster is found through --endpoint, TROUPE_ENDPOINT, or the files that `troupe up` "
    "leaves in its data directory\n(--data, TROUPE_DATA, ~/.troupe). "
    "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.\n";

/// Commands are grouped under headings; options say what they take in one word.
class help_form : public CLI::Formatter {
public:
  help_form() {
    column_width(34);
    label("TEXT", "VALUE");
    label("REQUIRED", "(required)");
    label("Options", "Options");
    label("INT", "N");
    label("FLOAT", "N");
  }
  // The default form repeats "[Option Group]" on every line, and gives flags a value.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_expected_max() == 0) return "";
    return std::string(option->get_positional() ? "" : " VALUE")
           + (option->get_required() ? " (required)" : "");
  }
};

void add_globals(CLI::App& app, global_options& options) {
  constexpr const char* group = "Everywhere";
  app.add_option("--endpoint", options.endpoint, "The cluster's API, as http://host:port")
      ->group(group);
  app.add_option("--token-file", options.token_file, "File with the bearer token")->group(group);
  app.add_option("--data", options.data, "Data directory of `troupe up` (default: ~/.troupe)")
      ->group(group);
  app.add_option("--project", options.project, "Project (default: local)")->group(group);
  app.add_option("--location,--region", options.location, "Location (default: local)")
      ->group(group);
  app.add_option("--format", options.format, "table for people, json for programs")
      ->check(CLI::IsMember({"table", "json"}))
      ->group(group);
}

/// Takes off everything after "--": it is the command line of the job's program, and the parser
/// must not read it.
void split_program(std::vector<std::string>& arguments, invocation& run) {
  auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  if (dashes == arguments.end()) return;
  run.program.emplace(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
}

/// "--name=" as two words: the parser would take the next word for the value otherwise.
void split_empty_values(std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].size() > 3 && arguments[i].starts_with("--")
        && arguments[i].find('=') == arguments[i].size() - 1) {
      arguments[i].pop_back();
      arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(++i), "");
    }
}

CLI::App* deepest(CLI::App& app) {
  CLI::App* at = &app;
  for (auto parsed = at->get_subcommands(); !parsed.empty(); parsed = at->get_subcommands())
    at = parsed.back();
  return at;
}

std::string command_line_of(const CLI::App* app) {
  std::string line = app->get_name();
  for (auto* parent = app->get_parent(); parent; parent = parent->get_parent())
    line = parent->get_name() + " " + line;
  return line;
}

std::vector<std::string> known_words(const CLI::App* app, bool options) {
  std::vector<std::string> words;
  if (!options) {
    for (auto* command : app->get_subcommands([](const CLI::App*) { return true; }))
      words.push_back(command->get_name());
    return words;
  }
  for (; app; app = app->get_parent())
    for (auto* option : app->get_options())
      for (auto& name : option->get_lnames())
        words.push_back("--" + name);
  return words;
}

/// A word that no command or option matches.
int unknown_word(const invocation& run, const CLI::App* app, const std::string& word) {
  bool option = word.starts_with("-");
  auto name = word.substr(0, word.find('='));
  auto meant = nearest(name, known_words(app, option));
  auto kind = option                        ? "unknown option"
              : known_words(app, 0).empty() ? "unexpected argument"
                                            : "unknown command";
  return run.misused({errc::invalid_argument,
                      fmt::format("{} '{}'{}", kind, name,
                                  meant ? fmt::format("; did you mean '{}'?", *meant) : "")},
                     command_line_of(app));
}

/// `app` is the whole program: its help is that of the command that was named last.
int incomplete(const invocation& run, const CLI::App& app, const CLI::App* command) {
  run.at.err << app.help() << "\nERROR: a command is missing after '" << command_line_of(command)
             << "'\n"
             << std::flush;
  return exit_usage;
}

int parse(CLI::App& app, std::vector<std::string> arguments, invocation& run) {
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
    return exit_ok;
  } catch (const CLI::CallForHelp&) {
    run.at.out << app.help() << std::flush;
  } catch (const CLI::CallForAllHelp&) {
    run.at.out << app.help("", CLI::AppFormatMode::All) << std::flush;
  } catch (const CLI::CallForVersion& version) {
    run.at.out << version.what() << "\n" << std::flush;
  } catch (const CLI::ParseError& problem) {
    auto* at = deepest(app);
    // The parser reports a missing word first, but a misspelt word is the more likely cause.
    if (auto extra = app.remaining(true); !extra.empty())
      return unknown_word(run, at, extra.front());
    return run.misused({errc::invalid_argument, problem.what()}, command_line_of(at));
  }
  // Help and version are complete answers: no action follows.
  run.action = [] { return exit_ok; };
  return exit_ok;
}

} // namespace

int run_program(std::vector<std::string> arguments, console& at,
                const std::vector<registrar>& servers) {
  invocation run{.at = at};
  split_program(arguments, run);
  split_empty_values(arguments);
  CLI::App app("Troupe trains and tunes machine-learning models on your own machines.", "troupe");
  app.formatter(std::make_shared<help_form>());
  app.set_help_flag("-h,--help", "Show this help")->group("Everywhere");
  app.set_version_flag("--version", std::string("troupe ") + version, "Show the version")
      ->group("Everywhere");
  app.fallthrough();
  app.footer(overview);
  add_globals(app, run.options);
  add_custom_jobs(app, run);
  add_tuning_jobs(app, run);
  add_nodes(app, run);
  for (auto add : servers)
    add(app, run);
  add_reducer(app, run);
  if (int code = parse(app, std::move(arguments), run); code != exit_ok) return code;
  auto* chosen = deepest(app);
  if (!run.action) return incomplete(run, app, chosen);
  if (run.program && chosen->get_name() != "create" && chosen->get_name() != "tune")
    return run.misused(
        {errc::invalid_argument, "a program after -- goes with create and tune only"},
        command_line_of(chosen));
  return run.action();
}

} // namespace troupe::cli
