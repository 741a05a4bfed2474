// Where a formula has kinks: found, because a user's formula does not declare them.
#include "activation/kinks.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "cairn/activation/activation.h"
#include "cairn/math/program.h"

namespace cairn {
namespace {

// For every part that chooses between sides, a number that tells which.
std::vector<Expr> sides(const Expr& root) {
  std::vector<Expr> found;
  std::unordered_set<const void*> seen;
  std::vector<const Expr*> open = {&root};
  while (!open.empty()) {
    const Expr& e = *open.back();
    open.pop_back();
    if (!seen.insert(e.id()).second) continue;
    const std::vector<Expr>& a = e.arguments();
    for (const Expr& argument : a) open.push_back(&argument);
    if (a.empty()) continue;
    for (const char* comparison : {"<", "<=", ">", ">=", "==", "!="})
      if (e.name() == comparison) found.push_back(where(e, 1.0, 0.0));
    if (e.name() == "maximum" || e.name() == "minimum") found.push_back(sign(a[0] - a[1]));
    if (e.name() == "clamp") found.push_back(sign(a[0] - a[1]) + sign(a[0] - a[2]));
    if (e.name() == "abs" || e.name() == "sign") found.push_back(sign(a[0]));
    if (e.name() == "floor") found.push_back(e);
  }
  return found;
}

}  // namespace

std::vector<double> find_changes(const Expr& f) {
  constexpr double step = 0.01;
  constexpr int steps = 10'000;
  constexpr size_t most = 512;
  const std::vector<Expr> branches = sides(f);
  if (branches.empty()) return {};
  const Program side(branches, {"x"});

  // Outward from 0 on both sides in turn: those near it are what functions are about.
  std::vector<double> places;
  std::vector<double> right = side.on({0.0}), left = right;
  for (int i = 1; i <= steps && places.size() < most; ++i)
    for (const double sign : {1.0, -1.0}) {
      std::vector<double>& before = sign > 0 ? right : left;
      const double x = sign * i * step;
      std::vector<double> here = side.on({x});
      for (size_t k = 0; k < here.size() && places.size() < most; ++k) {
        if (here[k] == before[k]) continue;
        double inner = x - sign * step, outer = x;
        for (int halving = 0; halving < 60 && inner != outer; ++halving) {
          const double middle = 0.5 * (inner + outer);
          (side.on({middle})[k] == before[k] ? inner : outer) = middle;
        }
        // A round number next to it is what was meant.
        const double place = std::max(inner, outer), nice = std::round(place * 1e6) / 1e6;
        places.push_back(std::abs(nice - place) < 1e-9 ? nice + 0.0 : place);
      }
      before = std::move(here);
    }
  std::sort(places.begin(), places.end());
  const auto same = [](double a, double b) { return b - a < 1e-9; };
  places.erase(std::unique(places.begin(), places.end(), same), places.end());
  return places;
}

std::vector<double> find_kinks(const Expr& f) {
  constexpr size_t most = 64;
  std::vector<double> places = find_changes(f);
  if (places.empty()) return {};
  std::stable_sort(places.begin(), places.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  const Program value({f, derivatives(f, {"x"})[0]}, {"x"});

  std::vector<double> kinks;
  for (const double x : places) {
    const double h = 1e-7 * std::max(1.0, std::abs(x));
    const std::vector<double> left = value.on({x - h}), right = value.on({x + h});
    const auto differ = [&](double a, double b, double room) {
      return std::abs(a - b) > room * (1 + std::abs(a) + std::abs(b)) || std::isnan(a) != std::isnan(b);
    };
    if (kinks.size() < most && (differ(left[0], right[0], 1e-4) || differ(left[1], right[1], 1e-5))) kinks.push_back(x);
  }
  std::sort(kinks.begin(), kinks.end());
  return kinks;
}

}  // namespace cairn
