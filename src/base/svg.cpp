#include "base/svg.h"

#include <charconv>

namespace cairn::svg {

static constexpr double text_width = 7;  // of a character, roughly

// Dark is said by a media query, which programs that know none (such as those that make PNG) leave out.
static constexpr const char* style = R"(<style>
text { font: 13px system-ui, sans-serif; fill: #33383f }
.title { font-size: 15px; font-weight: 600 }
.ground { fill: #ffffff }
.grid { stroke: #e3e6ea; fill: none }
.axis { stroke: #8b929b; fill: none }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
.dashed { stroke-width: 1.6; stroke-dasharray: 5 4.5 }
.grey { stroke: #8b929b }
@media (prefers-color-scheme: dark) {
  text { fill: #d5d9df }
  .ground { fill: #16191d }
  .grid { stroke: #2b3037 }
}
</style>
)";

// The shortest text that says a number to `digits` significant digits, in any locale.
std::string text(double value, int digits) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, digits).ptr;
  return {buffer, end};
}

// A place in the picture, to a tenth of a unit.
std::string place(double value) { return text(std::round(value * 10) / 10); }

std::string escape(const std::string& plain) {
  std::string escaped;
  for (const char c : plain) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '"')
      escaped += "&quot;";
    else
      escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;  // XML has no other control characters
  }
  return escaped;
}

std::string label(double x, double y, const char* anchor, const std::string& words, const char* more) {
  return "<text x=\"" + place(x) + "\" y=\"" + place(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
         escape(words) + "</text>\n";
}

std::string rule(double x1, double y1, double x2, double y2, const std::string& attributes) {
  return "<path d=\"M" + place(x1) + " " + place(y1) + "L" + place(x2) + " " + place(y2) + "\" " + attributes + "/>\n";
}

// 1, 2 or 5 times a power of ten, so that about `count` steps cover the span.
double nice_step(double span, double count) {
  const double rough = span / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power) return factor * power;
  return 10 * power;
}

Axis linear_axis(double low, double high, double step) {
  Axis axis{.low = low, .high = high};
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    axis.ticks.push_back(k * step + 0.0);  // not −0
  return axis;
}

// From a tick below the values to one above.
Axis value_axis(const std::vector<double>& values, double limit, double span) {
  double low = *std::min_element(values.begin(), values.end()), high = *std::max_element(values.begin(), values.end());
  if (low > 0 && high > span * low) {
    Axis axis{.low = low, .high = high, .logarithmic = true};
    const bool few = high < 1e3 * low;
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high * 10; power *= 10)
      for (const double factor : {1.0, 2.0, 5.0})
        if (few || factor == 1.0) axis.ticks.push_back(factor * power);
    const auto above = std::lower_bound(axis.ticks.begin(), axis.ticks.end(), high);
    const auto below = std::upper_bound(axis.ticks.begin(), axis.ticks.end(), low) - 1;
    axis.ticks = std::vector<double>(below, above + 1);
    if (axis.ticks.size() > 12) {  // whole decades, with some left out
      const double decades = std::log10(axis.ticks.back() / axis.ticks.front());
      const double stride = std::ceil(decades / 8), last = std::ceil(std::log10(high) / stride - 1e-9);
      axis.ticks.clear();
      for (double k = std::floor(std::log10(low) / stride + 1e-9); k <= last; ++k)
        axis.ticks.push_back(std::pow(10, k * stride));
    }
    axis.low = axis.ticks.front();
    axis.high = axis.ticks.back();
    return axis;
  }
  if (high - low < 1e-6 * std::max(std::abs(high), 1e-3)) {  // all the same
    const double room = std::max(std::abs(high) * 0.05, 1e-3);
    low -= room;
    high += room;
  }
  const double step = nice_step(high - low, 5);
  low = std::floor(low / step + 1e-9) * step;
  high = std::min(std::ceil(high / step - 1e-9) * step, limit);
  return linear_axis(low, high, step);
}

std::string draw_axes(const Box& box, const Axis& across, const Axis& up, const std::string& across_name,
                      const std::string& up_name) {
  std::string svg;
  const double bottom = box.y + box.h;
  for (const double tick : up.ticks) {
    const double y = box.up(up, tick);
    svg += rule(box.x, y, box.x + box.w, y, "class=\"grid\"") + label(box.x - 8, y + 4.5, "end", text(tick));
  }
  for (const double tick : across.ticks) {
    const double x = box.across(across, tick);
    svg += rule(x, bottom, x, bottom + 5, "class=\"axis\"") + label(x, bottom + 20, "middle", text(tick));
  }
  svg += rule(box.x, bottom, box.x + box.w, bottom, "class=\"axis\"");
  svg += label(box.x + box.w / 2, bottom + 40, "middle", across_name);
  return svg + label(box.x, box.y - 12, "start", up_name + (up.logarithmic ? " (logarithmic)" : ""));
}

void Legend::add(const std::string& name, const std::string& attributes) {
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
  const double wide = 36 + text_width * static_cast<double>(characters) + 22;
  if (x > left && x + wide > width) {
    x = left;
    y += row_height;
  }
  svg += rule(x, y - 4.5, x + 28, y - 4.5, attributes) + label(x + 36, y, "start", name);
  x += wide;
}

std::string document(double high, const std::string& name, const std::string& body) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + place(width) + " " + place(high) + "\" width=\"" +
         place(width) + "\" role=\"img\" aria-label=\"" + escape(name) + "\">\n" + style +
         "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n" + body + "</svg>\n";
}

}  // namespace cairn::svg
