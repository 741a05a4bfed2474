#include "cairn/activation/plot.h"

#include <algorithm>
#include <cmath>

#include "base/svg.h"
#include "cairn/math/program.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

using namespace svg;

constexpr size_t most_lines = std::size(colours);

// Pieces of a line, cut at gaps.
struct Piece {
  std::vector<double> x, y;
};

std::string path_of(const Box& box, const Axis& across, const Axis& up, const std::vector<Piece>& pieces,
                    const std::string& attributes) {
  std::string path;
  for (const Piece& piece : pieces)
    for (size_t i = 0; i < piece.x.size(); ++i)
      path += (i == 0 ? "M" : "L") + place(box.across(across, piece.x[i])) + " " + place(box.up(up, piece.y[i]));
  return path.empty() ? "" : "<path class=\"line\" d=\"" + path + "\" " + attributes + "/>\n";
}

std::string stroke(size_t colour) { return std::string("stroke=\"") + colours[colour] + "\""; }

// f or one of its derivatives: its places between jumps, and its values there.
struct Sampled {
  std::vector<Piece> pieces;
  std::vector<double> values;  // all finite ones
};

// Evenly between the kinks; beside each, so close that the eye sees both sides of a jump.
Sampled sample(const Program& f, const std::vector<double>& kinks, double low, double high) {
  Sampled s;
  std::vector<double> bounds = {low};
  for (const double kink : kinks)
    if (kink > low && kink < high) bounds.push_back(kink);
  bounds.push_back(high);
  for (size_t b = 0; b + 1 < bounds.size(); ++b) {
    const double from = bounds[b], to = bounds[b + 1], edge = 1e-6 * (high - low);
    const int steps = std::max(8, static_cast<int>(600 * (to - from) / (high - low)));
    s.pieces.emplace_back();
    for (int i = 0; i <= steps; ++i) {
      double x = from + (to - from) * i / steps;
      if (i == 0 && b > 0) x += edge;
      if (i == steps && b + 2 < bounds.size()) x -= edge;
      const double y = f.on({x})[0];
      if (std::isfinite(y)) {
        s.pieces.back().x.push_back(x);
        s.pieces.back().y.push_back(y);
        s.values.push_back(y);
      } else if (!s.pieces.back().x.empty()) {
        s.pieces.emplace_back();
      }
    }
  }
  return s;
}

// An axis for several samplings: what a few extreme places reach beyond the middle 90 % is cut off, and what grows far
// faster than x.
Axis axis_for(const std::vector<const Sampled*>& shown, double span) {
  std::vector<double> kept;
  for (const Sampled* s : shown) {
    std::vector<double> sorted = s->values;
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) continue;
    const auto at = [&](double q) { return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))]; };
    const double room = 1.5 * (at(0.95) - at(0.05)) + 0.2;
    const double most = std::max(std::abs(at(0.3)), std::abs(at(0.7))) < span ? 1.2 * span : HUGE_VAL;
    kept.push_back(std::max({sorted.front(), at(0.05) - room, -most}));
    kept.push_back(std::min({sorted.back(), at(0.95) + room, most}));
  }
  if (kept.empty()) kept = {0, 1};
  return value_axis(kept, HUGE_VAL, HUGE_VAL);
}

// Where a line leaves the box it is cut: pieces within it.
std::vector<Piece> clipped(const std::vector<Piece>& pieces, const Axis& up) {
  std::vector<Piece> inside;
  for (const Piece& piece : pieces) {
    inside.emplace_back();
    for (size_t i = 0; i < piece.x.size(); ++i) {
      const auto within = [&](double y) { return y >= up.low && y <= up.high; };
      const auto add = [&](double x, double y) {
        inside.back().x.push_back(x);
        inside.back().y.push_back(y);
      };
      if (i > 0 && within(piece.y[i]) != within(piece.y[i - 1])) {
        const double edge = std::max(piece.y[i], piece.y[i - 1]) > up.high ? up.high : up.low;
        const double t = (edge - piece.y[i - 1]) / (piece.y[i] - piece.y[i - 1]);
        add(piece.x[i - 1] + t * (piece.x[i] - piece.x[i - 1]), edge);
        if (!within(piece.y[i])) inside.emplace_back();
      }
      if (within(piece.y[i])) add(piece.x[i], piece.y[i]);
    }
  }
  return inside;
}

constexpr const char* order_names[] = {"f", "f′", "f″"};

}  // namespace

std::string svg_plot(const std::vector<Activation>& functions, const PlotOptions& o) {
  require<ValueError>(!functions.empty() && functions.size() <= most_lines, "svg_plot",
                      "one picture tells 1 to 8 activations apart", given("activations", functions.size()));
  require<ValueError>(o.low < o.high && std::isfinite(o.high - o.low), "svg_plot", "the interval must have low < high",
                      given("low", o.low), given("high", o.high));
  require<ValueError>(o.derivatives >= 0 && o.derivatives <= 2, "svg_plot", "derivatives must be 0, 1 or 2",
                      given("derivatives", o.derivatives));
  const size_t orders = static_cast<size_t>(o.derivatives) + 1;
  std::vector<std::vector<Sampled>> all(orders);  // [order][function]
  for (const Activation& f : functions) {
    Expr e = f.expression();
    for (size_t k = 0; k < orders; ++k) {
      if (k > 0) e = derivatives(e, {"x"})[0];
      all[k].push_back(sample(Program({e}, {"x"}, Program::Rules::derivative), f.kinks(), o.low, o.high));
    }
  }

  const bool single = functions.size() == 1;
  const Axis across = linear_axis(o.low, o.high, nice_step(o.high - o.low, 10));
  const double top = o.title.empty() ? 40 : 72, height = single ? 380 : 210, below = single ? 70 : 64;
  std::string body;
  if (!o.title.empty()) body += label(left, 30, "start", o.title, " class=\"title\"");
  double y = top;
  for (size_t panel = 0; panel < (single ? 1 : orders); ++panel) {
    const Box box{.x = left, .y = y, .w = width - left - right, .h = height};
    std::vector<const Sampled*> shown;
    if (single)
      for (const auto& order : all) shown.push_back(&order[0]);
    else
      for (const Sampled& s : all[panel]) shown.push_back(&s);
    const Axis up = axis_for(shown, o.high - o.low);
    body += draw_axes(box, across, up, "x", single ? functions[0].text() : order_names[panel]);
    if (up.low < 0 && up.high > 0) body += rule(box.x, box.up(up, 0), box.x + box.w, box.up(up, 0), "class=\"axis\"");
    if (o.low < 0 && o.high > 0)
      body += rule(box.across(across, 0), box.y, box.across(across, 0), box.y + box.h, "class=\"grid\"");
    for (const Activation& f : functions)
      for (const double kink : f.kinks())
        if (kink > o.low && kink < o.high)
          body += rule(box.across(across, kink), box.y, box.across(across, kink), box.y + box.h,
                       "class=\"kink grey dashed\"");
    for (size_t i = shown.size(); i-- > 0;)  // the first on top
      body += path_of(box, across, up, clipped(shown[i]->pieces, up), stroke(i));
    y += height + below;
  }
  Legend legend{.y = y};
  if (single)
    for (size_t k = 0; k < orders; ++k) legend.add(order_names[k], "class=\"line\" " + stroke(k));
  else
    for (size_t i = 0; i < functions.size(); ++i) legend.add(functions[i].text(), "class=\"line\" " + stroke(i));
  const auto kinked = [](const Activation& f) { return !f.kinks().empty(); };
  if (std::any_of(functions.begin(), functions.end(), kinked)) legend.add("kink", "class=\"kink grey dashed\"");
  return document(legend.y + 18, o.title.empty() ? "activations" : o.title, body + legend.svg);
}

std::string svg_lines(const std::vector<Line>& lines, const LinesOptions& o) {
  require<ValueError>(!lines.empty() && lines.size() <= most_lines, "svg_lines", "one picture tells 1 to 8 lines apart",
                      given("lines", lines.size()));
  std::vector<double> xs, ys;
  for (const Line& line : lines) {
    require<ValueError>(line.x.size() == line.y.size(), "svg_lines", "x and y differ in length",
                        given("line", line.name), given("x", line.x.size()), given("y", line.y.size()));
    for (size_t i = 0; i < line.x.size(); ++i) {
      if (!std::isfinite(line.x[i]) || !std::isfinite(line.y[i]) || (o.logarithmic && line.y[i] <= 0)) continue;
      xs.push_back(line.x[i]);
      ys.push_back(line.y[i]);
    }
  }
  require<ValueError>(!xs.empty(), "svg_lines", "there is no value to show");
  const auto [low, high] = std::minmax_element(xs.begin(), xs.end());
  const double room = *low < *high ? 0 : 0.5;
  const Axis across = linear_axis(*low - room, *high + room, nice_step(*high - *low + 2 * room, 10));
  const Axis up = value_axis(ys, HUGE_VAL, o.logarithmic ? 1 : HUGE_VAL);
  const Box box{.x = left, .y = o.title.empty() ? 40.0 : 72.0, .w = width - left - right, .h = 340};
  std::string body;
  if (!o.title.empty()) body += label(left, 30, "start", o.title, " class=\"title\"");
  body += draw_axes(box, across, up, o.x_name, o.y_name);
  Legend legend{.y = box.y + box.h + 70};
  for (size_t l = 0; l < lines.size(); ++l) {
    std::vector<Piece> pieces(1);
    std::string dots;
    for (size_t i = 0; i < lines[l].x.size(); ++i) {
      const double x = lines[l].x[i], y = lines[l].y[i];
      if (!std::isfinite(x) || !up.shows(y)) {
        pieces.emplace_back();
        continue;
      }
      pieces.back().x.push_back(x);
      pieces.back().y.push_back(y);
      dots += "<circle cx=\"" + place(box.across(across, x)) + "\" cy=\"" + place(box.up(up, y)) + "\" r=\"" +
              (lines[l].x.size() > 40 ? "1.5" : "2.6") + "\"><title>" + escape(lines[l].name) + ", " + text(x, 4) +
              ": " + text(y, 4) + "</title></circle>\n";
    }
    body += path_of(box, across, up, pieces, stroke(l));
    body += std::string("<g fill=\"") + colours[l] + "\">\n" + dots + "</g>\n";
    legend.add(lines[l].name, "class=\"line\" " + stroke(l));
  }
  return document(legend.y + 18, o.title.empty() ? "lines" : o.title, body + legend.svg);
}

std::string svg_histogram(const std::vector<std::pair<std::string, Tensor>>& values, const HistogramOptions& o) {
  require<ValueError>(!values.empty() && values.size() <= 24, "svg_histogram", "takes 1 to 24 tensors",
                      given("tensors", values.size()));
  require<ValueError>(o.bins >= 1 && o.bins <= 1000, "svg_histogram", "bins must be from 1 to 1000",
                      given("bins", o.bins));
  constexpr double height = 120, below = 76;
  const int columns = values.size() == 1 ? 1 : 2;
  const double wide = (width - left - right - gap * (columns - 1)) / columns, top = o.title.empty() ? 40 : 72;
  std::string body;
  if (!o.title.empty()) body += label(left, 30, "start", o.title, " class=\"title\"");
  double bottom = top;
  for (size_t k = 0; k < values.size(); ++k) {
    const auto& [name, tensor] = values[k];
    require<DtypeError>(is_float(tensor.dtype()), "svg_histogram", "needs f32 or f64; convert with to(f32)", tensor);
    std::vector<double> numbers;
    size_t zeros = 0, broken = 0;
    for (const double v : tensor.detach().to(f64).to_vector<double>()) {
      zeros += v == 0;
      if (std::isfinite(v))
        numbers.push_back(v);
      else
        ++broken;
    }
    const double count = std::max<double>(1, static_cast<double>(numbers.size() + broken));
    if (static_cast<double>(zeros) > 0.2 * count) std::erase(numbers, 0.0);
    const auto [low_at, high_at] = std::minmax_element(numbers.begin(), numbers.end());
    double low = numbers.empty() ? -1 : *low_at, high = numbers.empty() ? 1 : *high_at;
    if (high - low < 1e-12 * std::max(1.0, std::abs(high))) low -= 0.5, high += 0.5;
    std::vector<double> bins(static_cast<size_t>(o.bins));
    for (const double v : numbers)
      ++bins[std::min(bins.size() - 1, static_cast<size_t>((v - low) / (high - low) * o.bins))];
    for (double& b : bins) b /= count;

    const size_t line = k / static_cast<size_t>(columns);
    const Box box{.x = left + static_cast<double>(k % static_cast<size_t>(columns)) * (wide + gap),
                  .y = top + static_cast<double>(line) * (height + below),
                  .w = wide,
                  .h = height};
    const Axis across = linear_axis(low, high, nice_step(high - low, 6));
    const Axis up = linear_axis(0, std::max(1e-9, *std::max_element(bins.begin(), bins.end())), 1e30);
    std::string words = name;
    if (zeros > 0) words += ", zeros " + text(100 * static_cast<double>(zeros) / count, 3) + " %";
    if (broken > 0) words += ", not finite " + text(100 * static_cast<double>(broken) / count, 3) + " %";
    body += draw_axes(box, across, up, "", words);
    std::string path;
    for (size_t i = 0; i < bins.size(); ++i) {
      if (bins[i] == 0) continue;
      const double x1 = box.x + box.w * static_cast<double>(i) / o.bins,
                   x2 = box.x + box.w * static_cast<double>(i + 1) / o.bins;
      path += "M" + place(x1) + " " + place(box.y + box.h) + "V" + place(box.up(up, bins[i])) + "H" + place(x2) + "V" +
              place(box.y + box.h) + "Z";
    }
    body += std::string("<path class=\"bars\" d=\"") + path + "\" fill=\"" + colours[0] + "\"/>\n";
    bottom = box.y + box.h;
  }
  return document(bottom + 44, o.title.empty() ? "histograms" : o.title, body);
}

}  // namespace cairn
