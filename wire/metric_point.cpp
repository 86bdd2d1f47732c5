#include "wire/metric_point.hpp"

#include "wire/frame.hpp"

namespace troupe::wire {

metric_point metric_point_of(MetricPoint::Reader from) {
  return {str(from.getTag()), from.getValue(), from.getStep(), from.getTimestampMicros()};
}

void fill(MetricPoint::Builder to, const metric_point& from) {
  to.setTag(text(from.tag));
  to.setValue(from.value);
  to.setStep(from.step);
  to.setTimestampMicros(from.timestamp_micros);
}

} // namespace troupe::wire
