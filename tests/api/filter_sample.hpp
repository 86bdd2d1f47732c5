// One job and its filter, for the tests of the filter's grammar, its comparisons and its fields.
#pragma once

#include "api/query/rfc3339.hpp"
#include "api/resources/job_filter.hpp"
#include "wire/frame.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

inline wire::frame<wire::CustomJob> sample_job() {
  return wire::frame<wire::CustomJob>::build([](wire::CustomJob::Builder job) {
    job.setName("projects/p/locations/l/customJobs/7");
    job.setDisplayName("my_job 1 \"quoted\"");
    job.setState(wire::JobState::SUCCEEDED);
    job.initCreateTime().setMicros(*nanos_of_rfc3339("2026-05-18T12:00:00.5Z") / 1000);
    auto labels = job.initLabels().initEntries(2);
    labels[0].setKey("team");
    labels[0].setValue("nlp");
    labels[1].setKey("aiplatform.googleapis.com/run");
    labels[1].setValue("9");
  });
}

/// Whether the filter matches the sample job.
inline bool takes(std::string_view text) {
  auto wanted = job_filter(text);
  REQUIRE_MESSAGE(wanted.has_value(), text << ": " << (wanted ? "" : wanted.error().message));
  return matches(*wanted, *sample_job());
}

/// The message with which a filter is rejected.
inline std::string refusal(std::string_view text) {
  auto wanted = job_filter(text);
  REQUIRE_FALSE_MESSAGE(wanted.has_value(), text);
  CHECK(wanted.error().code == errc::invalid_argument);
  return wanted.error().message;
}

} // namespace troupe::api::test
