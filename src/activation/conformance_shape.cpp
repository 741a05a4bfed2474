// The shape of the function: "kinks", and the facts.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "activation/probe.h"
#include "cairn/autograd/backward.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::conformity {

// ---- kinks -------------------------------------------------------------------------------------------------------------

namespace {

constexpr double scanned = 20;     // in both directions
constexpr double together = 2e-8;  // jumps and kinks nearer than this are one

struct Jump {
  const char* of;  // "value" or "slope"
  double at, left, right;
};

// Every piece is halved thirty times, keeping the half over which g changes more: what is smooth changes a billionth of
// what it did, a jump stays.
template <class G>
void find_jumps(const char* of, const G& g, const Values& edges, double floor, std::vector<Jump>& found) {
  const Values at_edges = g(edges);
  const size_t n = edges.size() - 1;
  Values left(edges.begin(), edges.end() - 1), right(edges.begin() + 1, edges.end()), middle(n);
  Values gl(at_edges.begin(), at_edges.end() - 1), gr(at_edges.begin() + 1, at_edges.end()), change(n);
  for (size_t i = 0; i < n; ++i) change[i] = std::abs(gr[i] - gl[i]);
  for (int step = 0; step < 30; ++step) {
    for (size_t i = 0; i < n; ++i) middle[i] = 0.5 * (left[i] + right[i]);
    const Values gm = g(middle);
    for (size_t i = 0; i < n; ++i) {
      const bool go_left = std::abs(gm[i] - gl[i]) >= std::abs(gr[i] - gm[i]);
      (go_left ? right : left)[i] = middle[i];
      (go_left ? gr : gl)[i] = gm[i];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    if (!(std::abs(gr[i] - gl[i]) > 1e-5 * std::max({std::abs(gl[i]), std::abs(gr[i]), change[i]}) + floor)) continue;
    const bool again =
        std::any_of(found.begin(), found.end(), [&](const Jump& j) { return std::abs(j.at - left[i]) < together; });
    if (!again) found.push_back({of, 0.5 * (left[i] + right[i]), gl[i], gr[i]});
  }
}

// What is wrong at a declared kink, or "".
std::string at_kink(const Probe& probe, double k, double usual) {
  const double aside = 1e-7 * std::max(1.0, std::abs(k));
  const Values x = {k - aside, k, k + aside}, y = probe.f(x), slope = probe.slope(x);
  const auto [recorded, curvature] = probe.second(x);
  const auto differ = [](const Values& v, double share, double least) {
    return std::abs(v[2] - v[0]) > share * std::max(std::abs(v[0]), std::abs(v[2])) + least;
  };
  const auto between = [](const Values& v, double slack) {
    return v[1] >= std::min(v[0], v[2]) - slack && v[1] <= std::max(v[0], v[2]) + slack;
  };
  const std::string where = "declared kink at x = " + number(k, 9) + ": ";
  const double reach = 4 * aside * std::max({usual, std::abs(slope[0]), std::abs(slope[2])});
  const bool value_jumps = std::abs(y[2] - y[0]) > reach;
  if (!value_jumps && !differ(slope, 1e-5, 1e-9 * usual) && !differ(curvature, 1e-4, 1e-9 * usual))
    return where + "neither value nor slope nor curvature jumps";
  if (!between(y, reach))
    return where + "f = " + number(y[1]) + " is not between " + number(y[0]) + " and " + number(y[2]);
  if (!std::isfinite(slope[1]) || !between(slope, 1e-5 * usual))
    return where + "f' = " + number(slope[1]) + " is not between " + number(slope[0]) + " and " + number(slope[2]);
  return "";
}

}  // namespace

Verdict check_kinks(const Probe& probe, int64_t scan) {
  Values edges;  // not quite symmetric, so that round numbers are no edges
  for (int64_t i = 0; i <= scan; ++i)
    edges.push_back(-20.0123 + 40.0194 * static_cast<double>(i) / static_cast<double>(scan));
  // A piece shows one jump, the largest: each side of a declared one is searched by itself.
  const double first = edges.front(), last = edges.back();
  for (const double k : probe.kinks())
    for (const double edge : {k - together, k + together})
      if (edge > first && edge < last) edges.push_back(edge);
  std::sort(edges.begin(), edges.end());
  const Values y = probe.f(edges), slope = probe.slope(edges);
  const double usual = largest(edges, slope, 2);
  std::vector<Jump> found;
  find_jumps(
      "value", [&](const Values& x) { return probe.f(x); }, edges, 1e-11 * largest(edges, y, 2), found);
  find_jumps(
      "slope", [&](const Values& x) { return probe.slope(x); }, edges, 1e-9 * usual, found);
  for (const Jump& j : found) {
    const bool declared = std::any_of(probe.kinks().begin(), probe.kinks().end(),
                                      [&](double k) { return std::abs(j.at - k) < together; });
    if (!declared)
      return {"kinks", false,
              "at x = " + number(j.at, 9) + " the " + j.of + " jumps from " + number(j.left) + " to " +
                  number(j.right) + ", which is not declared"};
  }
  std::string shown;
  for (const double k : probe.kinks()) {
    if (const std::string wrong = at_kink(probe, k, usual); !wrong.empty()) return {"kinks", false, wrong};
    const auto j =
        std::find_if(found.begin(), found.end(), [k](const Jump& f) { return std::abs(f.at - k) < together; });
    shown += (shown.empty() ? "" : "; ") + ("x = " + number(k, 9)) +
             (j == found.end() ? std::string(std::abs(k) < scanned ? ": the curvature jumps" : ": beyond the scan")
                               : std::string(": ") + j->of + " " + number(j->left) + " | " + number(j->right));
  }
  return {"kinks", true, shown.empty() ? "none, continuous" : shown};
}

// ---- facts -------------------------------------------------------------------------------------------------------------

namespace {

struct Place {
  double at, value;
};

// The largest of y = g(x), nearest to 0 where there are several; looked at more and more closely between its neighbours.
template <class G>
Place highest(const G& g, Values x, Values y) {
  Place best{x[0], -INFINITY};
  for (int round = 0; round < 10; ++round) {
    size_t i = 0;
    for (size_t k = 0; k < x.size(); ++k)
      if (y[k] > y[i] || std::isnan(y[i]) || (y[k] == y[i] && std::abs(x[k]) < std::abs(x[i]))) i = k;
    if (y[i] > best.value) best = {x[i], y[i]};
    const double low = x[i == 0 ? 0 : i - 1], high = x[std::min(i + 1, x.size() - 1)];
    x.clear();
    for (int k = 0; k <= 32; ++k) x.push_back(low + (high - low) * k / 32);
    y = g(x);
  }
  return best;
}

// The border in (inside, outside), where `holds` is true inside.
template <class F>
double border(double inside, double outside, const F& holds) {
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (inside + outside);
    (holds(middle) ? inside : outside) = middle;
  }
  return inside;
}

// Whether f reaches its limit on this side and stays there. In rounded numbers every saturating function does; one that
// truly does leaves the limit visibly within 1e-3 of the plateau's border.
bool reaches(const Probe& probe, double sign, double limit, double scale) {
  double inside = sign * 1e3, outside = 0;
  const auto there = [&](double x) { return std::abs(probe.at(x) - limit) <= 1e-15 * scale; };
  if (!there(inside)) return false;
  for (double x = inside; there(outside = x); x -= sign * 0.25)
    if (sign * x < -20) return true;  // a constant
  const double edge = border(inside, outside, there);
  return std::abs(probe.at(edge - sign * 1e-3) - limit) > 1e-12 * scale;
}

struct Bound {
  double value;
  bool attained;
  double at;
};

// The supremum of sign · f.
Bound bound(const Probe& probe, double sign, const Values& x, Values y, const Tails& t, double scale) {
  for (double& v : y) v *= sign;
  const auto g = [&](const Values& at) {
    Values v = probe.f(at);
    for (double& e : v) e *= sign;
    return v;
  };
  const Place best = highest(g, x, std::move(y));
  Bound b{sign * best.value, true, best.at};
  for (const int side : {0, 1}) {
    const Tail& limit = t.f[side];
    if (limit.kind == Tail::infinite && sign * limit.value > 0) return {limit.value, false, 0};
    if (limit.kind != Tail::number || sign * limit.value < best.value - 1e-9 * scale) continue;
    b.value = limit.value;
    b.attained = reaches(probe, side == 0 ? -1 : 1, limit.value, scale);
    if (b.attained) return b;
  }
  return b;
}

// Beyond which |f'| < 1e-3 on this side.
std::optional<double> saturation(const Probe& probe, const Tail& limit, Values x, Values slope, bool left) {
  constexpr double small = 1e-3;
  if (limit.kind != Tail::number || !(std::abs(limit.value) < small)) return {};
  if (left) std::reverse(x.begin(), x.end()), std::reverse(slope.begin(), slope.end());
  size_t last = x.size();
  while (last > 0 && std::abs(slope[last - 1]) < small) --last;
  if (last == x.size()) return {};
  if (last == 0) return left ? INFINITY : -INFINITY;
  return border(x[last], x[last - 1], [&](double v) { return std::abs(probe.slope_at(v)) < small; });
}

// Moments of f(z) and f'(z), z standard normal: Simpson's rule between the kinks, out to ±12, beyond which a normal
// number has no weight that a double can show.
void add_moments(const Probe& probe, ConformanceReport& report) {
  constexpr double end = 12;
  constexpr int64_t panels = 20000;  // even
  Values bounds = {-end, end};
  for (const double k : probe.kinks())
    if (std::abs(k) < end) bounds.push_back(k);
  std::sort(bounds.begin(), bounds.end());
  double m1 = 0, m2 = 0, s2 = 0;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    // From just inside: at a jump the value belongs to one side.
    const auto z = linspace(bounds[i] + 1e-12, bounds[i + 1] - 1e-12, panels + 1, f64).to_vector<double>();
    const Values y = probe.f(z), slope = probe.slope(z);
    const double width = (bounds[i + 1] - bounds[i]) / panels;
    for (size_t k = 0; k <= panels; ++k) {
      const double simpson = k == 0 || k == panels ? 1 : k % 2 == 1 ? 4 : 2;
      const double w = simpson * width / 3 * std::exp(-0.5 * z[k] * z[k]) / std::sqrt(2 * std::numbers::pi);
      m1 += w * y[k], m2 += w * y[k] * y[k], s2 += w * slope[k] * slope[k];
    }
  }
  report.mean = m1;
  report.variance = m2 - m1 * m1;
  report.gain = 1 / std::sqrt(m2);
  report.slope_gain = 1 / std::sqrt(s2);
}

template <class F>
double fastest_ns(int64_t n, const F& f) {
  double best = INFINITY;
  for (int round = 0; round < 6; ++round) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best / static_cast<double>(n);
}

void add_cost(const Probe& probe, ConformanceReport& report) {
  constexpr int64_t n = 1 << 20;
  Generator random(1, "conformance cost");
  Tensor x = randn({n}, f32, random);
  const Tensor seed = ones({n});
  {
    const NoGrad no_grad;
    report.forward_ns = fastest_ns(n, [&] { probe.call(x); });
  }
  const GradMode recording(true);
  x.requires_grad_();
  report.forward_backward_ns = fastest_ns(n, [&] {
    const Tensor y = probe.call(x);
    if (y.requires_grad() && y.body().get() != x.body().get()) grad({y}, {x}, {seed}, false, false, true);
  });
}

}  // namespace

void add_facts(const Probe& probe, const ConformanceOptions& options, ConformanceReport& report) {
  Values x;
  for (int i = -2560; i <= 2560; ++i) x.push_back(i / 128.0);
  for (double v = 20; v < 1e4; v *= 1.01) x.push_back(v), x.push_back(-v);
  for (const double k : probe.kinks())
    for (const double aside : {-1e-9, 0.0, 1e-9}) x.push_back(k + aside * std::max(1.0, std::abs(k)));
  x.push_back(1e4), x.push_back(-1e4);
  std::sort(x.begin(), x.end());
  const Values y = probe.f(x), slope = probe.slope(x);
  const Tails t = tails(probe);
  const double scale = largest(x, y, 10);

  const Bound low = bound(probe, -1, x, y, t, scale), high = bound(probe, 1, x, y, t, scale);
  report.range = {low.value, high.value, low.attained, high.attained, low.at, high.at};

  bool rises = false, falls = false;
  for (size_t i = 1; i < x.size(); ++i) {
    const double slack = 1e-14 * std::max({std::abs(y[i]), std::abs(y[i - 1]), 0.01 * scale});
    rises |= y[i] - y[i - 1] > slack;
    falls |= y[i - 1] - y[i] > slack;
  }
  report.monotone = rises && falls ? "no" : rises ? "non-decreasing" : falls ? "non-increasing" : "constant";

  const auto steepness = [](Values v) {
    for (double& s : v) s = std::abs(s);
    return v;
  };
  const Place steepest = highest([&](const Values& at) { return steepness(probe.slope(at)); }, x, steepness(slope));
  report.lipschitz = steepest.value;
  report.steepest_at = steepest.at;
  for (const double k : probe.kinks())
    if (std::abs(steepest.at - k) < 1e-8 * std::max(1.0, std::abs(k))) report.steepest_at = k;
  for (const Tail& limit : t.slope) {
    if (limit.kind != Tail::infinite && limit.kind != Tail::number) continue;
    // A slope that grows towards its limit has no steepest place, whatever rounding says.
    const bool creeps = std::abs(steepest.at) > 5 && std::abs(limit.value) >= steepest.value * (1 - 1e-12);
    if (limit.kind == Tail::infinite || creeps) report.lipschitz = std::abs(limit.value), report.steepest_at.reset();
  }
  report.saturates_below = saturation(probe, t.slope[0], x, slope, true);
  report.saturates_above = saturation(probe, t.slope[1], x, slope, false);

  add_moments(probe, report);
  const double at_minus_zero = probe.at(-0.0);
  report.keeps_zero_sign = at_minus_zero == 0 && std::signbit(at_minus_zero);
  if (options.timing) add_cost(probe, report);
}

}  // namespace cairn::conformity
