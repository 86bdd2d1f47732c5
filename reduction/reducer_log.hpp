// The reducer's event lines on stderr, key=value. A logger of its own, because the reducer may run
// inside a program whose default logger goes elsewhere.
#pragma once

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <string>

namespace troupe::reduction {

class reducer_log {
public:
  explicit reducer_log(const std::string& name)
      : logger_(name, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %n %v");
    logger_.flush_on(spdlog::level::info);
  }

  template <class... Args>
  void event(fmt::format_string<Args...> format, Args&&... args) {
    logger_.info("{}", fmt::format(format, std::forward<Args>(args)...));
  }

private:
  spdlog::logger logger_;
};

} // namespace troupe::reduction
