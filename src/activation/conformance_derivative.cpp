// Derivatives against differences: "derivative" and "second derivative".
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "activation/probe.h"

namespace cairn::conformity {
namespace {

constexpr size_t rungs = 28, depth = 5, near = 25;
constexpr double middle = 12;  // of those near
static_assert(near == 2 * static_cast<size_t>(middle) + 1);
constexpr size_t places_each = 2 * rungs + 2 * near;
constexpr double certain = 4;  // estimated errors within which the derivative is taken to lie

// By differences the derivative is value ± error; no finite error when it could not be told.
struct Estimate {
  double value = NAN, error = INFINITY;
};

double power_of_two_below(double v) { return std::ldexp(1.0, std::ilogb(v)); }

// Standard deviation of the rounding noise in values close together: of smooth values nothing is left after some
// differences, of independent errors √C(2k, k) times as much; then successive differences agree within a factor of 4 and
// change their signs. Source: Moré & Wild 2011, "Estimating computational noise".
struct Noise {
  double size = 0;
  bool certain = true;  // noise, and not a function that is rough at this distance
};
Noise noise(const double* y) {
  std::array<double, near> t;
  std::copy(y, y + near, t.begin());
  double factor = 1, least = INFINITY, most = 0;
  Noise found;
  for (size_t k = 1; k <= 6; ++k) {
    double squares = 0;
    bool rises = false, falls = false;
    for (size_t i = 0; i + k < near; ++i) {
      t[i] = t[i + 1] - t[i];
      squares += t[i] * t[i];
      rises |= t[i] > 0;
      falls |= t[i] < 0;
    }
    factor *= static_cast<double>(k) / static_cast<double>(2 * (2 * k - 1));  // (k!)² / (2k)!
    const double size = std::sqrt(factor * squares / static_cast<double>(near - k));
    if (k >= 5) found.size = std::max(found.size, size);
    if (k < 4) continue;
    least = std::min(least, size);
    most = std::max(most, size);
    found.certain = found.certain && rises && falls;
  }
  found.certain = found.certain && most <= 4 * least;
  return found;
}

// Richardson's extrapolation of central differences with steps h, h/2, h/4, …; from the smallest step, whose error is
// rounding noise of known size, upwards as long as larger steps do not contradict.
// `least` is noise that there is in any case.
Estimate extrapolate(const double* y, double h, double least) {
  const double *up = y, *down = y + rungs, *close = y + 2 * rungs;
  // Errors that jump rarely, like those of 1 - y² near 0, do not show in so small a neighbourhood.
  const Noise small = noise(close), wide = noise(close + near);
  const double rounding = 8 * std::max(small.size, wide.certain ? wide.size : 0.0) +
                          2 * std::numeric_limits<double>::epsilon() * std::max(least, std::abs(close[near / 2]));
  double t[rungs][depth + 1], r[rungs][depth + 1];
  for (size_t i = 0; i < rungs; ++i, h /= 2) {
    t[i][0] = (up[i] - down[i]) / (2 * h);
    r[i][0] = rounding / h;
    double f = 1;
    for (size_t j = 1; j <= std::min(i, depth); ++j) {
      f *= 4;
      t[i][j] = t[i][j - 1] + (t[i][j - 1] - t[i - 1][j - 1]) / (f - 1);
      r[i][j] = (f * r[i][j - 1] + r[i - 1][j - 1]) / (f - 1);
    }
  }
  Estimate best;
  double low = -INFINITY, high = INFINITY;
  for (size_t i = rungs - 1; i >= 1; --i) {
    Estimate here;
    for (size_t j = 1; j <= std::min(i, depth); ++j) {
      const double e = std::max(std::abs(t[i][j] - t[i][j - 1]), std::abs(t[i][j] - t[i - 1][j - 1])) + r[i][j];
      if (e < here.error) here = {t[i][j], e};
    }
    if (!std::isfinite(here.error)) continue;
    if (here.value - certain * here.error > high || here.value + certain * here.error < low) break;
    low = std::max(low, here.value - certain * here.error);
    high = std::min(high, here.value + certain * here.error);
    if (here.error < best.error) best = here;
  }
  return best;
}

// The derivative of f at every x. Steps are powers of two and every x a float, so x ± h is exact; none reaches over one
// of the kinks. What f computes on its way is taken to be of the given size, and rounded accordingly.
template <class F>
std::vector<Estimate> differences(const F& f, const Values& x, const Values& kinks, double size) {
  Values steps, at;
  for (const double v : x) {
    double room = INFINITY;
    for (const double k : kinks) room = std::min(room, std::abs(v - k));
    const double h = power_of_two_below(std::min(std::max(1.0, std::abs(v)) / 8, room / 2));
    const double spacing = std::ldexp(std::min(power_of_two_below(std::max(std::abs(v), 1e-3)), 4 * h), -26);
    steps.push_back(h);
    for (size_t i = 0; i < rungs; ++i) at.push_back(v + std::ldexp(h, -static_cast<int>(i)));
    for (size_t i = 0; i < rungs; ++i) at.push_back(v - std::ldexp(h, -static_cast<int>(i)));
    for (const double apart : {spacing, std::ldexp(spacing, 13)})
      for (size_t i = 0; i < near; ++i) at.push_back(v + (static_cast<double>(i) - middle) * apart);
  }
  const Values y = f(at);
  std::vector<Estimate> estimates;
  for (size_t i = 0; i < x.size(); ++i) estimates.push_back(extrapolate(&y[i * places_each], steps[i], size));
  return estimates;
}

// Half of the points evenly over [-8, 8], the others from ±1e-6 to ±1e4, equally many a decade; and 0.
Values grid(int64_t points, const Values& kinks) {
  const int64_t n = std::max<int64_t>(points / 4, 8);
  Values x = {0.0};
  for (int64_t i = 0; i < 2 * n; ++i)
    x.push_back(-8 + 16 * (static_cast<double>(i) + 0.37) / static_cast<double>(2 * n));
  for (int64_t i = 0; i <= n; ++i) {
    const double size = std::pow(10, -6 + 10 * static_cast<double>(i) / static_cast<double>(n));
    x.push_back(size);
    x.push_back(-size);
  }
  for (double& v : x) v = static_cast<float>(v);
  std::erase_if(x, [&](double v) {
    return std::any_of(kinks.begin(), kinks.end(),
                       [v](double k) { return std::abs(v - k) < 1e-7 * std::max(1.0, std::abs(k)); });
  });
  std::sort(x.begin(), x.end());
  x.erase(std::unique(x.begin(), x.end()), x.end());
  return x;
}

// Whether x is a place where f has two slopes and `exact` lies between them.
template <class F>
bool between_slopes(const F& f, double x, double exact, double scale, Values kinks, double size) {
  const double aside = std::ldexp(power_of_two_below(std::max(1.0, std::abs(x))), -16);
  kinks.push_back(x);
  const auto sides = differences(f, {x - aside, x + aside}, kinks, size);
  const double low = std::min(sides[0].value, sides[1].value), high = std::max(sides[0].value, sides[1].value);
  const double slack = 1e-3 * (high - low);
  return high - low > 1e-4 * scale && exact >= low - slack && exact <= high + slack;
}

// Differences that are known to a ten-millionth decide; budget is the rounding of the exact derivative itself, relative
// to the largest numbers near 0: terms of that size may have been subtracted.
template <class F>
Verdict compare(const char* name, const char* what, const F& f, const Values& x, const Values& exact,
                const Values& kinks, double budget) {
  constexpr double sharp = 1e-7;
  const double size = largest(x, f(x), 2), usual = std::max(size, largest(x, exact, 2));
  const std::vector<Estimate> estimates = differences(f, x, kinks, size);
  size_t judged = 0, undecided = 0, around = 0, wrong = 0, worst = 0;
  double worst_ratio = -1;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(exact[i])) continue;  // an overflow, which another check judges
    const double scale = std::max(std::abs(exact[i]), usual), slack = certain * estimates[i].error;
    if (!(slack <= sharp * std::max(scale, std::abs(estimates[i].value)))) {
      ++undecided;
      continue;
    }
    ++judged;
    const double error = std::abs(exact[i] - estimates[i].value), allowed = slack + budget * scale;
    if (error > allowed && between_slopes(f, x[i], exact[i], scale, kinks, size)) {
      ++around;
      continue;
    }
    wrong += error > allowed;
    const double ratio = error == 0 ? 0 : error / allowed;
    if (ratio > worst_ratio) worst_ratio = ratio, worst = i;
  }
  const std::string where = "at x = " + number(x[worst], 9), count = std::to_string(judged) + " points";
  if (wrong > 0)
    return {name, false,
            where + " " + what + " = " + number(exact[worst], 12) + ", differences say " +
                number(estimates[worst].value, 12) + " ± " + number(certain * estimates[worst].error, 2) +
                "; wrong at " + std::to_string(wrong) + " of " + count};
  if (judged == 0 || undecided * 50 > x.size())
    return {name, false,
            "differences cannot tell it at " + std::to_string(undecided) + " of " + std::to_string(x.size()) +
                " points: too much noise in f, or kinks everywhere"};
  return {name, true,
          "off by at most " + number(std::abs(exact[worst] - estimates[worst].value), 2) + " " + where + " (" +
              number(worst_ratio, 2) + " of what is allowed), " + count +
              (around ? ", " + std::to_string(around) + " with two slopes" : "")};
}

}  // namespace

Verdict check_derivative(const Probe& probe, int64_t points) {
  const Values x = grid(points, probe.kinks());
  return compare(
      "derivative", "f'", [&](const Values& at) { return probe.f(at); }, x, probe.slope(x), probe.kinks(), 1e-13);
}

Verdict check_second_derivative(const Probe& probe, int64_t points) {
  const Values x = grid(points, probe.kinks()), fused = probe.slope(x);
  const auto [slope, curvature] = probe.second(x);
  const double usual = largest(x, fused, 2);
  for (size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(fused[i]) && !(std::abs(slope[i] - fused[i]) <= 1e-12 * std::max(usual, std::abs(fused[i]))))
      return {"second derivative", false,
              "at x = " + number(x[i], 9) + " f' = " + number(fused[i], 12) + ", but " + number(slope[i], 12) +
                  " when recorded for gradients of gradients"};
  return compare(
      "second derivative", "f''", [&](const Values& at) { return probe.slope(at); }, x, curvature, probe.kinks(),
      1e-12);
}

}  // namespace cairn::conformity
