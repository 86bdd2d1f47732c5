// One point that a training program measured, as a plain value: what the metric file gives, what
// core remembers of a trial, and what `troupe tune` judges.
#pragma once

#include "wire/control.capnp.h"

#include <cstdint>
#include <string>

namespace troupe::wire {

struct metric_point {
  std::string tag;
  double value = 0; // may be NaN or infinite
  int64_t step = 0;
  int64_t timestamp_micros = 0;
};

metric_point metric_point_of(MetricPoint::Reader);
void fill(MetricPoint::Builder, const metric_point&);

} // namespace troupe::wire
