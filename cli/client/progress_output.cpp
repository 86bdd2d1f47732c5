#include "cli/client/progress_output.hpp"

#include "cli/terminal/format.hpp"

#include <chrono>

namespace troupe::cli {

instant wall_clock() {
  return std::chrono::time_point_cast<micros>(std::chrono::system_clock::now());
}

progress_output::progress_output(const invocation& run)
    : at_(run.at), out_(run.options.json() ? run.at.err : run.at.out),
      live_(run.options.json() ? run.at.err_terminal : run.at.out_terminal),
      block_(out_, run.at.size) {}

void progress_output::log(const std::string& line) {
  out_ << clock_time(wall_clock()) << "  " << line << "\n" << std::flush;
}

void progress_output::close() {
  if (live_) out_ << "\n" << std::flush;
}

} // namespace troupe::cli
