#include "cli/terminal/chart.hpp"

#include "cli/terminal/format.hpp"

#include <fmt/format.h>

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

/// 1, 2 or 5 times a power of ten, so that there are four to ten of them in `range`.
double nice_step(double range) {
  const auto power = std::pow(10, std::floor(std::log10(range / 5)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (range / (factor * power) <= 8) return factor * power;
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
  if (y.logarithmic) {
    for (auto at = y.low; at <= y.high * 1.001; at *= 10)
      out.push_back(at);
    return out;
  }
  const auto step = nice_step(y.high - y.low);
  const auto last = std::floor(y.high / step + 1e-3);
  for (auto i = std::ceil(y.low / step - 1e-3); i <= last; ++i)
    out.push_back(i * step);
  return out;
}

std::vector<double> count_marks(const scale& x) {
  std::vector<double> out;
  const auto step = std::max(1.0, nice_step(x.high - x.low));
  for (auto at = std::ceil(x.low / step) * step; at <= x.high; at += step)
    out.push_back(at);
  return out;
}

/// From the least value to the greatest, with some space around them.
scale around(double low, double high, double air) {
  const auto width_of = high > low ? high - low : std::max(std::abs(high), 1.0);
  return {low - air * width_of, high + air * width_of, false};
}

chart drawable(chart drawn) {
  for (auto& series : drawn.series)
    std::erase_if(series.points, [&](auto& point) {
      if (series.mark == chart_mark::foot_cross) return false;
      return (drawn.x == chart_x::bytes && !(point.first > 0)) || !std::isfinite(point.second)
             || !std::isfinite(point.first) || (drawn.y_logarithmic && !(point.second > 0));
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
    double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
    for (auto& series : chart_.series)
      for (auto& [x, y] : series.points) {
        x_low = std::min(x_low, x);
        x_high = std::max(x_high, x);
        if (series.mark == chart_mark::foot_cross) continue;
        y_low = std::min(y_low, y);
        y_high = std::max(y_high, y);
      }
    // Nothing but crosses at the foot.
    if (y_low > y_high) y_low = chart_.y_logarithmic ? 1 : 0, y_high = y_low;
    const bool sizes = chart_.x == chart_x::bytes;
    x_ = sizes ? sizes_scale(x_low, x_high)
               : around(x_low, x_high, chart_.x == chart_x::counts ? 0.02 : 0.05);
    if (chart_.y_logarithmic)
      y_ = decades(y_low, y_high);
    else
      y_ = sizes ? scale{0, y_high > 0 ? y_high * 1.1 : 1, false} : around(y_low, y_high, 0.06);
  }

  double x_of(double size) const { return at_x_ + left + x_.part(size) * (width - left - right); }
  double y_of(double value) const {
    return height - bottom - y_.part(value) * (height - top - bottom);
  }

  void text(double x, double y, std::string_view anchor, std::string_view kind,
            std::string_view content) {
    out_ += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>)"
                        "\n",
                        x, y, anchor, kind, escaped(content));
  }
  void line(double x1, double y1, double x2, double y2) {
    out_ += fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="grid"/>)"
                        "\n",
                        x1, y1, x2, y2);
  }

  void axes() {
    const auto x0 = at_x_ + left, x1 = at_x_ + width - right;
    const auto y0 = height - bottom, y1 = top;
    for (const double mark : x_marks()) {
      line(x_of(mark), y0, x_of(mark), y1);
      text(x_of(mark), y0 + 16, "middle", "mark",
           chart_.x == chart_x::bytes ? byte_amount(static_cast<uint64_t>(mark))
                                      : fmt::format("{:.7g}", mark));
    }
    for (const double mark : value_marks(y_)) {
      line(x0, y_of(mark), x1, y_of(mark));
      text(x0 - 6, y_of(mark) + 4, "end", "mark", fmt::format("{:.7g}", mark));
    }
    text((x0 + x1) / 2, height - 12, "middle", "mark", chart_.x_title);
    text(at_x_ + 8, top - 10, "start", "mark", chart_.y_title);
  }

  std::vector<double> x_marks() const {
    return chart_.x == chart_x::bytes    ? size_marks(x_)
           : chart_.x == chart_x::counts ? count_marks(x_)
                                         : value_marks(x_);
  }

  void draw(const chart_series& series, size_t place) {
    const bool lines = series.mark == chart_mark::line || series.mark == chart_mark::stair;
    if (lines) polyline(series);
    if (!lines || (series.mark == chart_mark::line && !series.dashed))
      for (auto& [x, y] : series.points)
        mark(series, x_of(x),
             series.mark == chart_mark::foot_cross ? height - bottom - 6 : y_of(y));
    const auto x = at_x_ + left + double(place) * 122;
    if (lines)
      out_ += fmt::format(
          R"(<line x1="{0:.1f}" y1="38" x2="{1:.1f}" y2="38" stroke="{2}" stroke-width="2"{3}/>)"
          "\n",
          x, x + 20, series.colour, dash_of(series));
    else
      mark(series, x + 10, 38);
    text(x + 25, 42, "start", "mark", series.name);
  }

  static const char* dash_of(const chart_series& series) {
    return series.dashed ? R"( stroke-dasharray="5 4")" : "";
  }

  void polyline(const chart_series& series) {
    std::string points;
    double before = NAN;
    for (auto& [x, y] : series.points) {
      if (series.mark == chart_mark::stair && !std::isnan(before))
        points += fmt::format("{:.1f},{:.1f} ", x_of(x), y_of(before));
      points += fmt::format("{:.1f},{:.1f} ", x_of(x), y_of(y));
      before = y;
    }
    out_ += fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2"{}/>)"
                        "\n",
                        points, series.colour, dash_of(series));
  }

  void mark(const chart_series& series, double x, double y) {
    if (series.mark == chart_mark::cross || series.mark == chart_mark::foot_cross)
      out_ += fmt::format(
          R"(<path d="M{0:.1f} {1:.1f}l8 8m0 -8l-8 8" stroke="{2}" stroke-width="1.5"/>)"
          "\n",
          x - 4, y - 4, series.colour);
    else if (series.mark == chart_mark::ring)
      out_ += fmt::format(
          R"(<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="none" stroke="{}" stroke-width="1.5"/>)"
          "\n",
          x, y, series.colour);
    else
      out_ += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>)"
                          "\n",
                          x, y, series.colour);
  }

  chart chart_;
  double at_x_;
  scale x_;
  scale y_;
  std::string out_;
};

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

} // namespace troupe::cli
