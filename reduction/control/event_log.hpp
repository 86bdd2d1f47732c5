// The reducer's event lines, key=value: usual events on stdout, warnings and errors on stderr, so
// that a job's log gives each line its severity. Every line is flushed at once. The loggers are
// private to the reducer, because it may run inside a program whose default logger writes elsewhere.
#pragma once

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <string>

namespace troupe::reduction {

class event_log {
public:
  explicit event_log(const std::string& name)
      : usual_(name, std::make_shared<spdlog::sinks::stdout_sink_mt>()),
        unusual_(name, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    for (auto* const each : {&usual_, &unusual_}) {
      each->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %n %v");
      each->flush_on(spdlog::level::info);
    }
  }

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    usual_.info("{}", fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    unusual_.warn("{}", fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void failure(fmt::format_string<Args...> format, Args&&... args) {
    unusual_.error("{}", fmt::format(format, std::forward<Args>(args)...));
  }

private:
  spdlog::logger usual_;
  spdlog::logger unusual_;
};

} // namespace troupe::reduction
