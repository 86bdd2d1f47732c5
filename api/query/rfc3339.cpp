#include "api/query/rfc3339.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>

namespace troupe::api {

namespace {

using namespace std::chrono;

class cursor {
public:
  explicit cursor(std::string_view text) : rest_(text) {}

  std::optional<int> digits(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  bool any_of(std::string_view choices) {
    if (rest_.empty() || !choices.contains(rest_.front())) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Up to nine digits of a fraction; more than nine are cut.
  std::optional<int64_t> fraction_nanos() {
    int64_t value = 0, scale = 1'000'000'000;
    size_t seen = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++seen) {
      if (scale > 1) {
        scale /= 10;
        value += (rest_.front() - '0') * scale;
      }
      rest_.remove_prefix(1);
    }
    if (seen == 0) return std::nullopt;
    return value;
  }

  bool at_end() const { return rest_.empty(); }

private:
  std::string_view rest_;
};

std::optional<sys_days> date(cursor& from) {
  auto y = from.digits(4);
  if (!y || !from.any_of("-")) return std::nullopt;
  auto m = from.digits(2);
  if (!m || !from.any_of("-")) return std::nullopt;
  auto d = from.digits(2);
  if (!d) return std::nullopt;
  year_month_day whole{year(*y), month(unsigned(*m)), day(unsigned(*d))};
  if (!whole.ok() || *y < 1678 || *y > 2261) return std::nullopt;
  return sys_days(whole);
}

std::optional<seconds> clock(cursor& from) {
  auto h = from.digits(2);
  if (!h || *h > 23 || !from.any_of(":")) return std::nullopt;
  auto m = from.digits(2);
  if (!m || *m > 59) return std::nullopt;
  return hours(*h) + minutes(*m);
}

std::optional<seconds> zone(cursor& from) {
  if (from.any_of("Zz")) return seconds(0);
  bool west = from.any_of("-");
  if (!west && !from.any_of("+")) return std::nullopt;
  auto offset = clock(from);
  if (!offset) return std::nullopt;
  return west ? -*offset : *offset;
}

} // namespace

std::optional<int64_t> nanos_of_rfc3339(std::string_view text) {
  cursor from(text);
  auto day = date(from);
  if (!day) return std::nullopt;
  auto at = time_point_cast<nanoseconds>(*day);
  if (from.at_end()) return at.time_since_epoch().count();
  if (!from.any_of("Tt ")) return std::nullopt;
  auto time = clock(from);
  if (!time || !from.any_of(":")) return std::nullopt;
  auto second = from.digits(2);
  if (!second || *second > 60) return std::nullopt;
  std::optional<int64_t> fraction = 0;
  if (from.any_of(".")) fraction = from.fraction_nanos();
  if (!fraction) return std::nullopt;
  auto offset = zone(from);
  if (!offset || !from.at_end()) return std::nullopt;
  at += *time + seconds(*second) + nanoseconds(*fraction) - *offset;
  return at.time_since_epoch().count();
}

std::string rfc3339_of_nanos(int64_t nanos) {
  sys_time<nanoseconds> at{nanoseconds(nanos)};
  auto day = floor<days>(at);
  year_month_day ymd(day);
  hh_mm_ss time(at - day);
  auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int(ymd.year()),
                          unsigned(ymd.month()), unsigned(ymd.day()), time.hours().count(),
                          time.minutes().count(), time.seconds().count());
  int64_t fraction = time.subseconds().count();
  if (fraction == 0) return text + "Z";
  if (fraction % 1'000'000 == 0) return fmt::format("{}.{:03}Z", text, fraction / 1'000'000);
  if (fraction % 1'000 == 0) return fmt::format("{}.{:06}Z", text, fraction / 1'000);
  return fmt::format("{}.{:09}Z", text, fraction);
}

} // namespace troupe::api
