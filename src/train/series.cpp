#include "train/series.h"

#include <algorithm>
#include <cmath>

namespace cairn::train {

void Series::add(double at_step, double at_epoch, double v) {
  step.push_back(at_step);
  if (!std::isnan(at_epoch)) epoch.push_back(at_epoch);
  value.push_back(v);
}

void Series::cut(double last_step) {
  while (!step.empty() && step.back() > last_step) {
    step.pop_back();
    value.pop_back();
  }
  epoch.resize(std::min(epoch.size(), step.size()));
}

Series Series::thinned(size_t most) const {
  if (value.size() <= most) return *this;
  const size_t parts = std::max<size_t>(most / 2, 1);
  Series kept;
  const auto keep = [&](size_t i) { kept.add(step[i], epoch.empty() ? missing : epoch[i], value[i]); };
  for (size_t p = 0; p < parts; ++p) {
    const size_t begin = value.size() * p / parts, end = value.size() * (p + 1) / parts;
    std::vector<size_t> chosen;
    if (p == 0) chosen.push_back(begin);
    if (p + 1 == parts) chosen.push_back(end - 1);
    size_t least = end, greatest = end, gap = end;
    for (size_t i = begin; i < end; ++i) {
      if (std::isnan(value[i])) {
        gap = std::min(gap, i);
        continue;
      }
      if (least == end || value[i] < value[least]) least = i;
      if (greatest == end || value[i] > value[greatest]) greatest = i;
    }
    for (const size_t i : {least, greatest, gap})
      if (i != end) chosen.push_back(i);
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const size_t i : chosen) keep(i);
  }
  return kept;
}

Series Series::means(size_t parts) const {
  Series curve;
  for (size_t p = 0; p < parts; ++p) {
    double steps = 0, sum = 0, count = 0;
    for (size_t i = value.size() * p / parts; i < value.size() * (p + 1) / parts; ++i) {
      if (std::isnan(value[i])) continue;
      steps += step[i];
      sum += value[i];
      ++count;
    }
    if (count > 0) curve.add(std::round(steps / count), missing, sum / count);
  }
  return curve;
}

}  // namespace cairn::train
