// The parts of validation that its source files share. Nothing outside core/validate*.cpp includes
// this.
#pragma once

#include "core/validate/validate.hpp"
#include "wire/frame.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::core::detail {

/// Collects problems up to the limit; a hostile spec must not make a message of megabytes.
class problem_list {
public:
  template <class... Args>
  void add(std::string_view path, fmt::format_string<Args...> format, Args&&... args) {
    list(fmt::format("{}: {}", path, fmt::format(format, std::forward<Args>(args)...)));
  }
  void unsupported(std::string_view path) {
    add(path, "not supported yet; expected it to be left out");
  }
  void list(std::string problem) {
    if (problems_.size() < problems_max) problems_.push_back(clipped(std::move(problem)));
  }
  bool full() const { return problems_.size() >= problems_max; }
  std::vector<std::string> take() && { return std::move(problems_); }

private:
  static std::string clipped(std::string problem) {
    constexpr size_t bytes_max = 2000;
    if (problem.size() <= bytes_max) return problem;
    auto end = bytes_max;
    while (end > 0 && (problem[end] & 0xc0) == 0x80)
      --end; // never within a UTF-8 character
    return problem.substr(0, end) + "...";
  }

  std::vector<std::string> problems_;
};

enum class defaults { allowed, refused };

size_t characters(std::string_view utf8);
std::string seconds_text(wire::Duration::Reader duration);

void check_resource(problem_list& problems, std::string_view display_name,
                    wire::StringMap::Reader labels);
void check_job_spec(problem_list& problems, const std::string& path,
                    wire::CustomJobSpec::Reader spec, const machine_table& machines);
void check_study(problem_list& problems, const std::string& path, wire::StudySpec::Reader study,
                 defaults policy);
void check_parameters(problem_list& problems, const std::string& path,
                      wire::StudySpec::Reader study, defaults policy);

} // namespace troupe::core::detail
