// The numbers of the machine: f32 against f64, overflow, ±0, ±infinity, NaN.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "activation/probe.h"
#include "cairn/base/random.h"

namespace cairn::conformity {
namespace {

constexpr double float_min = std::numeric_limits<float>::min(), float_max = std::numeric_limits<float>::max(),
                 double_max = std::numeric_limits<double>::max();

// The distance of neighbouring floats around v.
double ulp(double v) { return std::ldexp(1.0, v == 0 ? -149 : std::max(std::ilogb(v), -126) - 23); }

// Floats of both signs and every exponent, 32 times as many of those from 1/64 to 128; the first and the last of each
// exponent, the others one in each equal part of it.
Values floats(int64_t samples) {
  constexpr uint32_t mantissas = 1u << 23, low = 127 - 6, high = 127 + 6, crowd = 32;
  const auto few = static_cast<uint32_t>(std::max<int64_t>(samples / (2 * (255 + 13 * (crowd - 1))), 4));
  Generator random(1, "conformance floats");
  Values x;
  for (uint32_t exponent = 0; exponent < 255; ++exponent) {
    const uint32_t n = few * (exponent >= low && exponent <= high ? crowd : 1);
    for (uint32_t i = 0; i < n; ++i) {
      const double part = (i + random.uniform()) / n;
      const uint32_t mantissa = i == 0       ? 0
                                : i + 1 == n ? mantissas - 1
                                             : std::min(mantissas - 1, static_cast<uint32_t>(part * mantissas));
      const double v = std::bit_cast<float>(exponent << 23 | mantissa);
      x.push_back(v);
      x.push_back(-v);
    }
  }
  return x;
}

struct Samples {
  Values x, y32, y64, slope32, slope64, sensitivity;
};

Verdict check_f32(const Probe& probe, const Samples& s) {
  double worst = 0, worst_ulps = 0, slope_error = 0;
  size_t at = 0, slope_at = 0, wrong = 0;
  for (size_t i = 0; i < s.x.size(); ++i) {
    const double x = s.x[i], got = s.y32[i], exact = s.y64[i];
    if (!std::isfinite(got) || !std::isfinite(exact)) continue;  // another check's
    const double steep = std::isfinite(s.slope64[i]) ? std::abs(s.slope64[i]) : 0;
    const double bar = 4 * ulp(exact) + 2 * ulp(x) * steep + s.sensitivity[i],
                 e = std::abs(s.slope32[i] - s.slope64[i]);
    if (e / std::max(1.0, steep) > slope_error) slope_error = e / std::max(1.0, steep), slope_at = i;
    double error = std::abs(got - exact);
    if (std::abs(exact) < float_min && error <= std::abs(exact)) continue;  // underflow: no worse than 0
    // A kink of f32 lies a rounding away from that of f64, and values may jump there.
    if (error > bar)
      for (const double k : probe.kinks())
        if (std::abs(x - k) <= 2 * ulp(x))
          for (const double y : probe.f({x - 2 * ulp(x), x + 2 * ulp(x)})) error = std::min(error, std::abs(got - y));
    wrong += error > bar;
    if (error / bar > worst) worst = error / bar, worst_ulps = error / ulp(exact), at = i;
  }
  const std::string where = "at x = " + number(s.x[at], 9);
  if (wrong > 0)
    return {"f32", false,
            where + " " + number(s.y32[at], 9) + " instead of " + number(s.y64[at], 9) + ", " + number(worst_ulps, 3) +
                " ulp, " + number(worst, 3) + " times what is allowed; wrong at " + std::to_string(wrong) + " of " +
                std::to_string(s.x.size()) + " numbers"};
  return {"f32", true,
          "off by at most " + number(worst_ulps, 3) + " ulp " + where + " (" + number(worst, 2) +
              " of what is allowed); f' by " + number(slope_error, 2) + " at x = " + number(s.x[slope_at], 9)};
}

// A result that is not finite is right when the exact one is beyond a sixteenth of the largest number.
bool overflows(double got, double exact, double most) {
  return std::isinf(got) && (got > 0) == (exact > 0) && std::abs(exact) > most / 16;
}

std::string unexpected(const char* what, const char* dtype, double x, double got, double exact) {
  return std::string(what) + " in " + dtype + " at x = " + number(x, 9) + " is " + number(got) +
         (std::isfinite(exact) ? " where it should be " + number(exact, 9) : "");
}

// f64 has no judge of its own: where it stops being finite, the last finite value must be huge.
template <class F>
std::string overflow_of_f64(const char* what, const F& f, const Values& x) {
  const Values y = f(x);
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(y[i])) continue;
    if (std::isnan(y[i])) return unexpected(what, "f64", x[i], y[i], NAN);
    for (const size_t j : {i - 1, i + 1}) {
      if (j >= x.size() || !std::isfinite(y[j])) continue;
      double inside = x[j], outside = x[i];
      for (int step = 0; step < 1100; ++step) {
        const double middle = inside / 2 + outside / 2;
        if (middle == inside || middle == outside) break;
        (std::isfinite(f({middle})[0]) ? inside : outside) = middle;
      }
      if (const double last = f({inside})[0]; !overflows(y[i], last, double_max))
        return unexpected(what, "f64", outside, y[i], last);
    }
  }
  return "";
}

Verdict check_finite(const Probe& probe, const Samples& s) {
  const auto fails = [](std::string text) { return Verdict{"finite", false, std::move(text)}; };
  size_t large = 0;
  for (size_t i = 0; i < s.x.size(); ++i) {
    if (!std::isfinite(s.y32[i]) && !overflows(s.y32[i], s.y64[i], float_max))
      return fails(unexpected("f", "f32", s.x[i], s.y32[i], s.y64[i]));
    if (!std::isfinite(s.slope32[i]) && !overflows(s.slope32[i], s.slope64[i], float_max))
      return fails(unexpected("f'", "f32", s.x[i], s.slope32[i], s.slope64[i]));
    large += !std::isfinite(s.y32[i]);
  }
  Values x = {-double_max, -5e-324, -0.0, 0.0, 5e-324, double_max};
  for (int e = -308; e <= 308; ++e)
    for (const double m : {1.0, 1.7, 3.1, 5.6})
      for (const double sign : {-1.0, 1.0}) x.push_back(sign * std::min(m * std::pow(10.0, e), double_max));
  std::sort(x.begin(), x.end());
  std::string wrong = overflow_of_f64(
      "f", [&](const Values& at) { return probe.f(at); }, x);
  if (wrong.empty())
    wrong = overflow_of_f64(
        "f'", [&](const Values& at) { return probe.slope(at); }, x);
  if (!wrong.empty()) return fails(wrong);
  return {"finite", true,
          large == 0 ? "f and f' of every finite number, f32 and f64"
                     : "except where f itself is beyond the largest number"};
}

}  // namespace

std::vector<Verdict> check_numbers(const Probe& probe, int64_t samples) {
  const Values x = floats(samples);
  const Samples s{x, probe.f(x, f32), probe.f(x, f64), probe.slope(x, f32), probe.slope(x, f64), probe.sensitivity(x)};
  return {check_f32(probe, s), check_finite(probe, s)};
}

// ---- ±0 and NaN --------------------------------------------------------------------------------------------------------

Verdict check_zero(const Probe& probe) {
  std::string shown;
  for (const Dtype dtype : {f64, f32})
    for (const bool first : {false, true}) {
      const Values x = {-1e-30, -0.0, 0.0, 1e-30}, y = first ? probe.slope(x, dtype) : probe.f(x, dtype);
      const std::string what = first ? "f'" : "f", at_zero = what + "(0) = " + number(y[2]);
      if (y[1] != y[2] || !std::isfinite(y[1]))
        return {"zero", false, at_zero + ", but " + number(y[1]) + " at -0, in " + name_of(dtype)};
      const double low = std::min(y[0], y[3]), high = std::max(y[0], y[3]);
      const double slack = 1e-6 * std::max({1e-20, std::abs(low), std::abs(high)});
      if (!(y[2] >= low - slack && y[2] <= high + slack))
        return {
            "zero", false,
            at_zero + " in " + name_of(dtype) + ", but " + number(y[0]) + " left and " + number(y[3]) + " right of it"};
      if (dtype == f64) shown += (first ? ", f'(0) = " : "f(0) = ") + number(y[2]);
    }
  return {"zero", true, shown + ", the same at -0"};
}

Verdict check_nan(const Probe& probe) {
  for (const Dtype dtype : {f64, f32})
    for (const double x : {static_cast<double>(NAN), -static_cast<double>(NAN)})
      if (const double y = probe.f({x}, dtype)[0]; !std::isnan(y))
        return {"nan", false, "f(nan) in " + std::string(name_of(dtype)) + " is " + number(y)};
  return {"nan", true, "handed on; f'(nan) = " + number(probe.slope_at(NAN))};
}

// ---- ±infinity ---------------------------------------------------------------------------------------------------------

bool Tail::admits(double v) const {
  switch (kind) {
    case number:
      return std::abs(v - value) <= tolerance;
    case infinite:
      return v == value;
    case oscillating:
      return std::isnan(v) || (v >= low && v <= high);
    default:
      return true;
  }
}

std::string Tail::text() const {
  return kind == oscillating ? "none" : kind == unknown ? "unknown" : conformity::number(value);
}

// The arguments 10^2 … 10^300 have evenly spaced logarithms of logarithms. In that measure log x grows exponentially,
// log log x evenly, and whatever has a limit comes nearer in shrinking steps.
static Values far_places() {
  Values x;
  constexpr int n = 48;
  for (int i = 0; i < n; ++i) x.push_back(std::pow(10, 2 * std::pow(150, i / (n - 1.0))));
  return x;
}

static Tail tail_of(const Values& v, double scale) {
  const size_t n = v.size();
  if (std::isnan(v[n - 1])) return {};
  if (std::isinf(v[n - 1])) return {Tail::infinite, v[n - 1]};
  for (const double y : v)
    if (std::isfinite(y)) scale = std::max(scale, std::abs(y));
  const auto [low, high] = std::minmax_element(v.begin() + static_cast<std::ptrdiff_t>(n * 3 / 4), v.end());
  if (*high - *low <= 1e-7 * scale)
    return {Tail::number, std::abs(v[n - 1]) <= 1e-9 * scale ? 0.0 : v[n - 1], 1e-6 * scale};
  int turns = 0;
  double before = 0;
  for (size_t i = n / 2; i < n; ++i) {
    const double step = v[i] - v[i - 1];
    if (!std::isfinite(step)) return {};
    if (std::abs(step) <= 1e-9 * std::max(std::abs(v[i]), std::abs(v[i - 1]))) continue;  // rounding
    turns += before * step < 0;
    before = step > 0 ? 1 : -1;
  }
  if (turns >= 2) return {.kind = Tail::oscillating, .low = *low, .high = *high};
  if (v[n - 1] == v[n - 2]) return {Tail::number, v[n - 1], 1e-6 * scale};
  const double last = v[n - 1] - v[n - 2], shrinking = last / (v[n - 2] - v[n - 3]);
  if (!std::isfinite(shrinking)) return {};
  if (shrinking > 0.97) return {Tail::infinite, last > 0 ? INFINITY : -INFINITY};
  const double rest = last * shrinking / (1 - shrinking);
  return {Tail::number, v[n - 1] + rest, std::abs(rest) + 1e-6 * scale};
}

Tails tails(const Probe& probe) {
  Tails t;
  Values x = far_places();
  const Values centre = {-3, -1, 0.5, 2, 4};
  const double usual = largest(centre, probe.f(centre), 5), usual_slope = largest(centre, probe.slope(centre), 5);
  for (const int side : {1, 0}) {
    t.f[side] = tail_of(probe.f(x), usual);
    t.slope[side] = tail_of(probe.slope(x), usual_slope);
    for (double& v : x) v = -v;
  }
  return t;
}

Verdict check_infinity(const Probe& probe) {
  const Tails t = tails(probe);
  std::string shown;
  for (const bool first : {false, true})
    for (const int side : {0, 1}) {
      const Tail& limit = first ? t.slope[side] : t.f[side];
      const double x = side == 0 ? -INFINITY : INFINITY;
      const std::string what = std::string(first ? "f'(" : "f(") + (side == 0 ? "-∞)" : "∞)");
      for (const Dtype dtype : {f64, f32}) {
        const double got = first ? probe.slope({x}, dtype)[0] : probe.f({x}, dtype)[0];
        if (!limit.admits(got))
          return {"infinity", false,
                  what + " in " + name_of(dtype) + " is " + number(got) + ", the limit is " + limit.text()};
      }
      shown += (shown.empty() ? "" : ", ") + what + " = " + limit.text();
    }
  return {"infinity", true, shown};
}

}  // namespace cairn::conformity
