#include "cairn/train/curves.h"

#include <algorithm>
#include <cmath>

#include "base/svg.h"
#include "cairn/base/error.h"
#include "cairn/base/file.h"

namespace cairn::train {

namespace {

using namespace svg;

constexpr size_t most_histories = std::size(colours);

Axis epoch_axis(size_t epochs) {
  if (epochs == 1) return {.low = 0.5, .high = 1.5, .ticks = {1}};
  const double last = static_cast<double>(epochs), step = std::max(1.0, nice_step(last, 8));
  Axis axis = linear_axis(1, last, step);
  if (step > 1) axis.ticks.insert(axis.ticks.begin(), 1);
  return axis;
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

std::string name_of(const Panel& panel) {
  return std::string(panel.name) + (*panel.unit == '\0' ? "" : std::string(" in") + panel.unit);
}

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
    body += draw_axes(box, epoch_numbers, scales[i], "epoch", name_of(*shown[i]));
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

  return document(legend.y + 18, title.empty() ? "training curves" : title, body + legend.svg);
}

void write_curves(const std::string& file, const std::vector<NamedHistory>& histories, const std::string& title) {
  const std::string svg = svg_curves(histories, title);
  io::write_text(file, svg);
}

}  // namespace cairn::train
