#include "cairn/activation/radial.h"

#include <charconv>

#include "activation/text.h"
#include "cairn/ops/elementwise.h"

namespace cairn {
namespace {

// rᵏ for odd k, rᵏ ln r for even k. At the centre the slope in q may be infinite, and infinite times 0 is NaN: there the
// function is taken for the constant 0. All derivatives in x that exist there are 0. So near that 1 / q overflows in f32
// counts as at the centre.
template <class T>
[[gnu::always_inline]] inline T polyharmonic(const T& q, int k) {
  const auto at_centre = q < 0x1p-125;
  const T safe = where(at_centre, 1.0, q);
  T y = k % 2 == 1 ? T(sqrt(safe)) : T(0.5 * log(safe));
  for (int i = 0; i < k / 2; ++i) y = y * safe;
  return where(at_centre, 0.0, y);
}

// (1 − r)⁴ (4r + 1) for r < 1, else 0. At the centre √q has no slope, but the function has: −10 in q. There its powers are
// written out, 1 − 10 r² + 20 r³ − 15 r⁴ + 4 r⁵, where r stands only beside factors that vanish.
template <class T>
[[gnu::always_inline]] inline T wendland(const T& q) {
  const T u = minimum(q, 1.0);
  const auto at_centre = u == 0.0;
  const T r = where(at_centre, 0.0, sqrt(where(at_centre, 1.0, u)));
  const T near = 1.0 - 10.0 * u + (r * u) * (20.0 + 4.0 * u) - 15.0 * (u * u);
  return where(u < 0.0625, near, square(square(1.0 - r)) * (4.0 * r + 1.0));
}

}  // namespace

const std::vector<RadialFunctionInfo>& radial_functions() {
#define CAIRN_RADIAL_ROW(name, k_, order, source, ...)                          \
  {#name,                                                                       \
   k_,                                                                          \
   source,                                                                      \
   #__VA_ARGS__,                                                                \
   [](const Tensor& squares, [[maybe_unused]] int k) {                          \
     return elementwise(                                                        \
         "radial_" #name, [=](const auto& q) { return __VA_ARGS__; }, squares); \
   },                                                                           \
   [](const Expr& q, [[maybe_unused]] int k) -> Expr { return __VA_ARGS__; },   \
   []([[maybe_unused]] int k) -> int { return order; }},
  static const std::vector<RadialFunctionInfo> table = {CAIRN_RADIAL_FUNCTIONS(CAIRN_RADIAL_ROW)};
#undef CAIRN_RADIAL_ROW
  return table;
}

RadialFunction::RadialFunction(const RadialFunctionInfo& info, int k) : info_(&info), k_(k) {
  if (info.k == 0)
    require<ValueError>(k == 0, "radial_function", "has no parameter", given("name", info.name));
  else
    require<ValueError>(k >= 1 && k <= 31, "radial_function", "k must be a whole number from 1 to 31", given("k", k));
}

std::string RadialFunction::text() const { return info_->name + (k_ == 0 ? "" : "(" + std::to_string(k_) + ")"); }

RadialFunction radial_function(std::string_view text) {
  const std::string whole(text);
  std::string_view rest = trimmed(text);
  const size_t bracket = std::min(rest.find('('), rest.size());
  const std::string_view name = trimmed(rest.substr(0, bracket));
  rest.remove_prefix(bracket);
  const RadialFunctionInfo* info = nullptr;
  std::vector<std::string> known;
  for (const RadialFunctionInfo& line : radial_functions()) {
    if (line.name == name) info = &line;
    known.push_back(line.name);
  }
  if (!info) fail_unknown("radial function", name, known);
  if (rest.empty()) return {*info, info->k};

  require<ValueError>(rest.back() == ')', "radial_function", "the parameter must end with ')'", given("text", whole));
  rest = trimmed(rest.substr(1, rest.size() - 2));
  if (rest.empty()) return {*info, info->k};
  if (const size_t equals = rest.find('='); equals != rest.npos) {
    require<ValueError>(trimmed(rest.substr(0, equals)) == "k", "radial_function", "the only parameter there is is k",
                        given("text", whole));
    rest = trimmed(rest.substr(equals + 1));
  }
  int k = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), k);
  require<ValueError>(error == std::errc() && end == rest.data() + rest.size() && k != 0, "radial_function",
                      "k must be a whole number from 1 to 31", given("text", whole));
  return {*info, k};
}

}  // namespace cairn
