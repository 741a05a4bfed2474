#pragma once
// The parts that pictures are drawn from: axes, lines, words, a legend, in SVG. Light or dark as what shows them.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace cairn::svg {

// Told apart in both schemes, also by those who see few colours.
inline constexpr const char* colours[] = {"#3b82d0", "#e0862c", "#2f9e6e", "#cc5a9c",
                                          "#8a6fd1", "#c9a21b", "#d9534f", "#4db6c6"};
inline constexpr double width = 900, panel_height = 250, gap = 70, left = 64, right = 18, row_height = 22;

/// The shortest text that says a number to `digits` significant digits, in any locale.
std::string text(double value, int digits = 6);
/// A place in the picture, to a tenth of a unit.
std::string place(double value);
/// Plain text as XML.
std::string escape(const std::string& plain);
std::string label(double x, double y, const char* anchor, const std::string& words, const char* more = "");
std::string rule(double x1, double y1, double x2, double y2, const std::string& attributes);

struct Axis {
  double low, high;
  bool logarithmic = false;
  std::vector<double> ticks = {};

  double share(double v) const {  // 0 at the low end, 1 at the high one
    return logarithmic ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
  }
  bool shows(double v) const { return std::isfinite(v) && (!logarithmic || v > 0); }
};

/// 1, 2 or 5 times a power of ten, so that about `count` steps cover the span.
double nice_step(double span, double count);
Axis linear_axis(double low, double high, double step);
/// From a tick below the values to one above; logarithmic when they are above 0 and span more than a factor of `span`.
Axis value_axis(const std::vector<double>& values, double limit = HUGE_VAL, double span = 20);

struct Box {
  double x, y, w, h;
  double across(const Axis& axis, double v) const { return x + w * axis.share(v); }
  double up(const Axis& axis, double v) const { return y + h * (1 - axis.share(v)); }
};

/// Grid, ticks, the name of the horizontal axis below and that of the values above.
std::string draw_axes(const Box& box, const Axis& across, const Axis& up, const std::string& across_name,
                      const std::string& up_name);

/// A sample of a line and its name, one after the other and on as many rows as it takes; moves y below the last.
struct Legend {
  double x = left, y;
  std::string svg = {};

  void add(const std::string& name, const std::string& attributes);
};

/// The whole picture: `high` units, on a ground of its own.
std::string document(double high, const std::string& name, const std::string& body);

}  // namespace cairn::svg
