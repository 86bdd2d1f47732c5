#include "cli/bench_plot.hpp"

#include "cli/format.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::cli {

namespace {

constexpr double width = 560, height = 400;                    // of one chart
constexpr double left = 70, right = 20, top = 64, bottom = 50; // around its plane

std::string escaped(std::string_view text) {
  std::string out;
  for (const char each : text)
    out += each == '&'   ? "&amp;"
           : each == '<' ? "&lt;"
           : each == '>' ? "&gt;"
           : each == '"' ? "&quot;"
                         : std::string(1, each);
  return out;
}

/// One axis: values to places, and where the marks are.
struct scale {
  double low = 0;
  double high = 1;
  bool logarithmic = false;

  double part(double value) const {
    return logarithmic ? std::log(value / low) / std::log(high / low)
                       : (value - low) / (high - low);
  }
};

scale sizes_scale(double low, double high) {
  if (low == high) return {low / 2, high * 2, true};
  return {low, high, true};
}

scale decades(double low, double high) {
  const auto first = std::pow(10, std::floor(std::log10(low)));
  const auto last = std::pow(10, std::ceil(std::log10(high) + 1e-9));
  return {first, last, true};
}

/// 1, 2 or 5 times a power of ten, so that there are four to ten of them up to `high`.
double nice_step(double high) {
  const auto power = std::pow(10, std::floor(std::log10(high / 5)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (high / (factor * power) <= 8) return factor * power;
  return 10 * power;
}

std::vector<double> size_marks(const scale& x) {
  std::vector<double> out;
  const auto first = std::ceil(std::log2(x.low) - 1e-9), last = std::log2(x.high) + 1e-9;
  const auto step = std::max(1.0, std::ceil((last - first) / 8));
  for (auto power = first; power <= last; power += step)
    out.push_back(std::exp2(power));
  return out;
}

std::vector<double> value_marks(const scale& y) {
  std::vector<double> out;
  if (y.logarithmic)
    for (auto at = y.low; at <= y.high * 1.001; at *= 10)
      out.push_back(at);
  else
    for (auto at = 0.0; at <= y.high * 1.001; at += nice_step(y.high))
      out.push_back(at);
  return out;
}

chart drawable(chart drawn) {
  for (auto& series : drawn.series)
    std::erase_if(series.points, [&](auto& point) {
      return !(point.first > 0) || !std::isfinite(point.second)
             || (drawn.y_logarithmic && !(point.second > 0));
    });
  std::erase_if(drawn.series, [](auto& series) { return series.points.empty(); });
  return drawn;
}

class drawing {
public:
  drawing(const chart& drawn, double at_x) : chart_(drawable(drawn)), at_x_(at_x) {
    text(at_x_ + width / 2, 22, "middle", "title", chart_.title);
    if (chart_.series.empty()) {
      text(at_x_ + width / 2, height / 2, "middle", "mark", "nothing to show");
      return;
    }
    fit();
    axes();
    for (size_t i = 0; i < chart_.series.size(); ++i)
      draw(chart_.series[i], i);
  }

  std::string take() { return std::move(out_); }

private:
  void fit() {
    double x_low = INFINITY, x_high = 0, y_low = INFINITY, y_high = 0;
    for (auto& series : chart_.series)
      for (auto& [x, y] : series.points) {
        x_low = std::min(x_low, x);
        x_high = std::max(x_high, x);
        y_low = std::min(y_low, y);
        y_high = std::max(y_high, y);
      }
    x_ = sizes_scale(x_low, x_high);
    y_ = chart_.y_logarithmic ? decades(y_low, y_high)
                              : scale{0, y_high > 0 ? y_high * 1.1 : 1, false};
  }

  double x_of(double size) const { return at_x_ + left + x_.part(size) * (width - left - right); }
  double y_of(double value) const {
    return height - bottom - y_.part(value) * (height - top - bottom);
  }

  void text(double x, double y, std::string_view anchor, std::string_view kind,
            std::string_view what) {
    out_ += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>)"
                        "\n",
                        x, y, anchor, kind, escaped(what));
  }
  void line(double x1, double y1, double x2, double y2) {
    out_ += fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="grid"/>)"
                        "\n",
                        x1, y1, x2, y2);
  }

  void axes() {
    const auto x0 = at_x_ + left, x1 = at_x_ + width - right;
    const auto y0 = height - bottom, y1 = top;
    for (const double mark : size_marks(x_)) {
      line(x_of(mark), y0, x_of(mark), y1);
      text(x_of(mark), y0 + 16, "middle", "mark", byte_amount(static_cast<uint64_t>(mark)));
    }
    for (const double mark : value_marks(y_)) {
      line(x0, y_of(mark), x1, y_of(mark));
      text(x0 - 6, y_of(mark) + 4, "end", "mark", fmt::format("{:.7g}", mark));
    }
    text((x0 + x1) / 2, height - 12, "middle", "mark", "size");
    text(at_x_ + 8, top - 10, "start", "mark", chart_.y_title);
  }

  void draw(const chart_series& series, size_t place) {
    std::string points;
    for (auto& [x, y] : series.points)
      points += fmt::format("{:.1f},{:.1f} ", x_of(x), y_of(y));
    const auto dash = series.dashed ? R"( stroke-dasharray="5 4")" : "";
    out_ += fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2"{}/>)"
                        "\n",
                        points, series.colour, dash);
    if (!series.dashed)
      for (auto& [x, y] : series.points)
        out_ += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>)"
                            "\n",
                            x_of(x), y_of(y), series.colour);
    const auto x = at_x_ + left + double(place) * 122;
    out_ += fmt::format(
        R"(<line x1="{0:.1f}" y1="38" x2="{1:.1f}" y2="38" stroke="{2}" stroke-width="2"{3}/>)"
        "\n",
        x, x + 20, series.colour, dash);
    text(x + 25, 42, "start", "mark", series.name);
  }

  chart chart_;
  double at_x_;
  scale x_;
  scale y_;
  std::string out_;
};

chart_series series_of(const bench_report& report, std::string name, std::string colour,
                       std::optional<bench_timing> bench_row::*which,
                       double (*value)(const bench_row&, const bench_timing&)) {
  chart_series out{std::move(name), std::move(colour), {}, false};
  for (auto& row : report.rows)
    if (auto& timing = row.*which) out.points.emplace_back(row.bytes, value(row, *timing));
  return out;
}

constexpr const char* blue = "#1f6fb4";
constexpr const char* orange = "#d9601a";
constexpr const char* grey = "#777777";

} // namespace

std::string svg_of(const std::vector<chart>& charts) {
  const auto whole = width * double(std::max<size_t>(charts.size(), 1));
  auto out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}">)"
      "\n<style>text{{font-family:sans-serif;fill:#222}}.title{{font-size:15px;font-weight:bold}}"
      ".mark{{font-size:11px}}.grid{{stroke:#ddd}}</style>\n"
      R"(<rect width="100%" height="100%" fill="white"/>)"
      "\n",
      whole, height);
  for (size_t i = 0; i < charts.size(); ++i)
    out += drawing(charts[i], double(i) * width).take();
  return out + "</svg>\n";
}

std::vector<chart> charts_of(const bench_report& report) {
  const auto mean = [](const bench_row&, const bench_timing& timing) { return timing.mean_us; };
  const auto p99 = [](const bench_row&, const bench_timing& timing) { return timing.p99_us; };
  const auto rate = [](const bench_row& row, const bench_timing& timing) {
    return algbw_gb_s(row.bytes, timing.mean_us);
  };
  const auto what = fmt::format("{}, {}, {}", report.settings.what->name,
                                counted(report.ranks, "rank"), counted(report.reducers, "reducer"));
  chart times{what, "time (us)", true, {}};
  chart rates{what, "algbw (GB/s)", false, {}};
  for (const auto& [name, which, colour] :
       {std::tuple("out-of-place", &bench_row::out_of_place, blue),
        std::tuple("in-place", &bench_row::in_place, orange)}) {
    times.series.push_back(series_of(report, name, colour, which, mean));
    auto tail = series_of(report, std::string(name) + " p99", colour, which, p99);
    tail.dashed = true;
    times.series.push_back(std::move(tail));
    rates.series.push_back(series_of(report, name, colour, which, rate));
  }
  const auto bound = report.settings.what->bound_factor(report.ranks);
  if (report.settings.link_bytes_per_s && bound > 0) {
    chart_series most{"the link's bound", grey, {}, true};
    for (auto& row : report.rows)
      most.points.emplace_back(row.bytes, *report.settings.link_bytes_per_s / bound / 1e9);
    rates.series.push_back(std::move(most));
  }
  return {times, rates};
}

} // namespace troupe::cli
