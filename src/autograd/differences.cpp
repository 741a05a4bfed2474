#include "autograd/differences.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cairn {

static double scale_of(double x) { return std::max(1.0, std::abs(x)); }

Differences::Point Differences::at(double& element, double value) const {
  struct Moved {
    double &element, before;
    Moved(double& e, double v) : element(e), before(e) { e = v; }
    ~Moved() { element = before; }
  } const moved(element, value);
  return evaluate_();
}

// (f(x + h) − f(x − h)) / 2h; false when the branches differ.
bool Differences::central(double& element, double h, Values& slope, uint64_t& branches) const {
  const double up = element + h, down = element - h;
  const Point a = at(element, down), b = at(element, up);
  slope.resize(a.values.size());
  for (size_t o = 0; o < slope.size(); ++o) slope[o] = (b.values[o] - a.values[o]) / (up - down);
  branches = a.branches;
  return a.branches == b.branches;
}

// The slope towards the side of h, to second order; false when there is a kink on the way.
bool Differences::towards(double& element, double h, Values& slope, uint64_t& branches) const {
  const Point a = at(element, element + h), b = at(element, element + 2 * h);
  slope.resize(a.values.size());
  for (size_t o = 0; o < slope.size(); ++o) slope[o] = (4 * a.values[o] - b.values[o] - 3 * base_.values[o]) / (2 * h);
  branches = a.branches;
  return a.branches == b.branches;
}

// On the side that the point belongs to, else on both; false when neither is found.
bool Differences::one_sided(double& element, double step, Slopes& s) const {
  for (double h = step; h > step / 1000; h /= 8) {
    uint64_t below = 0, above = 0;
    const bool left = towards(element, -h, s.low, below), right = towards(element, h, s.high, above);
    if (left && below == base_.branches)
      s.high = s.low;
    else if (right && above == base_.branches)
      s.low = s.high;
    else if (!left || !right)
      continue;
    return true;
  }
  return false;
}

// Ridders' method: central differences over halving steps, extrapolated to zero. Of all estimates the one that moved
// least from its neighbours is taken, for each output.
//   source  Ridders, Advances in Engineering Software 4 (1982), doi 10.1016/S0141-1195(82)80057-0
void Differences::refine(double& element, Values& best) const {
  Values error(best.size(), std::numeric_limits<double>::infinity());
  std::vector<Values> before;
  for (double h = 1e-2; h > step_ / 4; h /= 2) {
    std::vector<Values> row(1);
    uint64_t branches = 0;
    const bool smooth = central(element, h * scale_of(element), row[0], branches) && branches == base_.branches;
    if (!smooth || !std::all_of(row[0].begin(), row[0].end(), [](double v) { return std::isfinite(v); })) {
      before.clear();
      continue;
    }
    double factor = 1;
    for (size_t k = 0; k < before.size() && k < 6; ++k) {
      factor *= 4;
      Values better(best.size());
      for (size_t o = 0; o < best.size(); ++o) {
        better[o] = row[k][o] + (row[k][o] - before[k][o]) / (factor - 1);
        const double e = std::max(std::abs(better[o] - row[k][o]), std::abs(better[o] - before[k][o]));
        if (e < error[o]) error[o] = e, best[o] = better[o];
      }
      row.push_back(std::move(better));
    }
    before = std::move(row);
  }
}

Differences::Slopes Differences::along(double& element, const std::function<bool(const Values&)>& good) const {
  const double step = step_ * scale_of(element);
  Slopes s;
  uint64_t branches = 0;
  if (central(element, step, s.low, branches)) {
    if (!good(s.low)) refine(element, s.low);
    s.high = s.low;
    return s;
  }
  s.kink = true;
  for (double h = step / 8; h > step / 1000; h /= 8)
    if (central(element, h, s.low, branches)) {
      s.high = s.low;
      return s;
    }
  if (!one_sided(element, step, s)) {
    s.low.assign(base_.values.size(), std::numeric_limits<double>::quiet_NaN());
    s.high = s.low;
  }
  return s;
}

}  // namespace cairn
