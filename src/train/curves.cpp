#include "cairn/train/curves.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cairn/base/error.h"
#include "cairn/io/file.h"

namespace cairn::train {

namespace {

// Told apart in both schemes, also by those who see few colours.
constexpr const char* colours[] = {"#3b82d0", "#e0862c", "#2f9e6e", "#cc5a9c",
                                   "#8a6fd1", "#c9a21b", "#d9534f", "#4db6c6"};
constexpr size_t most_histories = std::size(colours);

constexpr double width = 900, panel_height = 250, gap = 70, left = 64, right = 18, row_height = 22;
constexpr double text_width = 7;  // of a character, roughly

// Dark is said by a media query, which programs that know none (such as those that make PNG) leave out.
constexpr const char* style = R"(<style>
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
std::string text(double value, int digits = 6) {
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

std::string label(double x, double y, const char* anchor, const std::string& words, const char* more = "") {
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

struct Axis {
  double low, high;
  bool logarithmic = false;
  std::vector<double> ticks = {};

  double share(double v) const {  // 0 at the low end, 1 at the high one
    return logarithmic ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
  }
  bool shows(double v) const { return std::isfinite(v) && (!logarithmic || v > 0); }
};

Axis linear_axis(double low, double high, double step) {
  Axis axis{.low = low, .high = high};
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    axis.ticks.push_back(k * step + 0.0);  // not −0
  return axis;
}

Axis epoch_axis(size_t epochs) {
  if (epochs == 1) return {.low = 0.5, .high = 1.5, .ticks = {1}};
  const double last = static_cast<double>(epochs), step = std::max(1.0, nice_step(last, 8));
  Axis axis = linear_axis(1, last, step);
  if (step > 1) axis.ticks.insert(axis.ticks.begin(), 1);
  return axis;
}

// From a tick below the values to one above.
Axis value_axis(const std::vector<double>& values, double limit) {
  double low = *std::min_element(values.begin(), values.end()), high = *std::max_element(values.begin(), values.end());
  if (low > 0 && high > 20 * low) {
    Axis axis{.low = low, .high = high, .logarithmic = true};
    const bool few = high < 1e3 * low;
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high * 10; power *= 10)
      for (const double factor : {1.0, 2.0, 5.0})
        if (few || factor == 1.0) axis.ticks.push_back(factor * power);
    const auto above = std::lower_bound(axis.ticks.begin(), axis.ticks.end(), high);
    const auto below = std::upper_bound(axis.ticks.begin(), axis.ticks.end(), low) - 1;
    axis.ticks = std::vector<double>(below, above + 1);
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

struct Panel {
  const char* name;
  const char* unit;
  double factor;  // from the number in the history to the one that is shown
  double limit;   // which no number exceeds
  double (*training)(const EpochResult&);
  double (*validation)(const Evaluation&);

  // The numbers of one line; NaN where there is none.
  std::vector<double> values(const History& history, bool of_validation) const {
    std::vector<double> list;
    for (const EpochResult& epoch : history) {
      const double v = !of_validation     ? training(epoch)
                       : epoch.validation ? validation(*epoch.validation)
                                          : std::nan("");
      list.push_back(factor * v);
    }
    return list;
  }
};

const Panel panels[] = {
    {.name = "loss",
     .unit = "",
     .factor = 1,
     .limit = HUGE_VAL,
     .training = [](const EpochResult& e) { return e.loss; },
     .validation = [](const Evaluation& e) { return e.loss; }},
    {.name = "accuracy",
     .unit = " %",
     .factor = 100,
     .limit = 100,
     .training = [](const EpochResult& e) { return e.accuracy; },
     .validation = [](const Evaluation& e) { return e.accuracy; }},
};

struct Box {
  double x, y, w, h;
};

std::string draw_axes(const Box& box, const Panel& panel, const Axis& epochs, const Axis& values) {
  std::string svg;
  const double bottom = box.y + box.h;
  for (const double tick : values.ticks) {
    const double y = bottom - box.h * values.share(tick);
    svg += rule(box.x, y, box.x + box.w, y, "class=\"grid\"") + label(box.x - 8, y + 4.5, "end", text(tick));
  }
  for (const double tick : epochs.ticks) {
    const double x = box.x + box.w * epochs.share(tick);
    svg += rule(x, bottom, x, bottom + 5, "class=\"axis\"") + label(x, bottom + 20, "middle", text(tick));
  }
  svg += rule(box.x, bottom, box.x + box.w, bottom, "class=\"axis\"");
  svg += label(box.x + box.w / 2, bottom + 40, "middle", "epoch");
  std::string name = panel.name;
  if (*panel.unit != '\0') name += std::string(" in") + panel.unit;
  if (values.logarithmic) name += " (logarithmic)";
  return svg + label(box.x, box.y - 12, "start", name);
}

std::string draw_line(const Box& box, const Panel& panel, const Axis& epochs, const Axis& values,
                      const std::vector<double>& line, const std::string& who, const char* colour, bool dashed) {
  std::string path, dots;
  for (size_t i = 0; i < line.size(); ++i) {
    if (!values.shows(line[i])) continue;
    const bool goes_on = i > 0 && values.shows(line[i - 1]);
    const double x = box.x + box.w * epochs.share(static_cast<double>(i + 1));
    const double y = box.y + box.h * (1 - values.share(line[i]));
    path += (goes_on ? "L" : "M") + place(x) + " " + place(y);
    dots += "<circle cx=\"" + place(x) + "\" cy=\"" + place(y) + "\" r=\"" + (line.size() > 40 ? "1.5" : "2.6") +
            "\"><title>" + escape(who) + ", epoch " + std::to_string(i + 1) + ": " + text(line[i], 4) + panel.unit +
            "</title></circle>\n";
  }
  if (path.empty()) return "";
  return std::string("<path class=\"line") + (dashed ? " dashed" : "") + "\" stroke=\"" + colour + "\" d=\"" + path +
         "\"/>\n<g fill=\"" + colour + "\">\n" + dots + "</g>\n";
}

// A sample of a line and its name, one after the other and on as many rows as it takes; moves y below the last.
struct Legend {
  double x = left, y;
  std::string svg = {};

  void add(const std::string& name, const std::string& attributes) {
    const auto characters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
    const double wide = 36 + text_width * static_cast<double>(characters) + 22;
    if (x > left && x + wide > width) {
      x = left;
      y += row_height;
    }
    svg += rule(x, y - 4.5, x + 28, y - 4.5, attributes) + label(x + 36, y, "start", name);
    x += wide;
  }
};

std::string line_name(const NamedHistory& run, bool of_validation) {
  return (run.name.empty() ? "" : run.name + ", ") + (of_validation ? "validation" : "training");
}

}  // namespace

std::string svg_curves(const std::vector<NamedHistory>& histories, const std::string& title) {
  require<ValueError>(!histories.empty() && histories.size() <= most_histories, "svg_curves",
                      "one picture tells 1 to 8 histories apart", given("histories", histories.size()));
  size_t epochs = 0;
  for (const NamedHistory& run : histories) epochs = std::max(epochs, run.history.size());
  require<ValueError>(epochs > 0, "svg_curves", "there is no epoch to show");
  const Axis epoch_numbers = epoch_axis(epochs);

  std::vector<const Panel*> shown;
  std::vector<Axis> scales;
  bool any_validation = false;
  for (const Panel& panel : panels) {
    std::vector<double> all;
    for (const NamedHistory& run : histories)
      for (const bool of_validation : {false, true})
        for (const double v : panel.values(run.history, of_validation)) {
          if (!std::isfinite(v)) continue;
          all.push_back(v);
          any_validation |= of_validation;
        }
    if (all.empty()) continue;
    shown.push_back(&panel);
    scales.push_back(value_axis(all, panel.limit));
  }

  const double top = title.empty() ? 40 : 72;
  std::string body;
  if (!title.empty()) body += label(left, 30, "start", title, " class=\"title\"");
  const double count = static_cast<double>(shown.size());
  const double wide = (width - left - right - gap * (count - 1)) / count;
  for (size_t i = 0; i < shown.size(); ++i) {
    const Box box{.x = left + static_cast<double>(i) * (wide + gap), .y = top, .w = wide, .h = panel_height};
    body += draw_axes(box, *shown[i], epoch_numbers, scales[i]);
    for (const bool of_validation : {false, true})
      for (size_t r = 0; r < histories.size(); ++r)
        body +=
            draw_line(box, *shown[i], epoch_numbers, scales[i], shown[i]->values(histories[r].history, of_validation),
                      line_name(histories[r], of_validation), colours[r], any_validation && !of_validation);
  }

  Legend legend{.y = top + panel_height + 70};
  const bool one_without_name = histories.size() == 1 && histories[0].name.empty();
  if (!one_without_name)
    for (size_t r = 0; r < histories.size(); ++r)
      legend.add(histories[r].name, std::string("class=\"line\" stroke=\"") + colours[r] + "\"");
  const std::string neutral = one_without_name ? std::string("\" stroke=\"") + colours[0] : " grey";
  legend.add("training", "class=\"line" + std::string(any_validation ? " dashed" : "") + neutral + "\"");
  if (any_validation) legend.add("validation", "class=\"line" + neutral + "\"");

  const std::string size = place(width) + " " + place(legend.y + 18);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\" width=\"" + place(width) +
         "\" role=\"img\" aria-label=\"" + escape(title.empty() ? "training curves" : title) + "\">\n" + style +
         "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n" + body + legend.svg + "</svg>\n";
}

void write_curves(const std::string& file, const std::vector<NamedHistory>& histories, const std::string& title) {
  const std::string svg = svg_curves(histories, title);
  io::AtomicFile out(file);
  out.write(svg);
  out.commit();
}

}  // namespace cairn::train
