#include "cairn/activation/conformance.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <ostream>

#include "activation/probe.h"
#include "cairn/autograd/backward.h"
#include "cairn/base/random.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace conformity {

// ---- the function as numbers -------------------------------------------------------------------------------------------

namespace {

Tensor places(const Values& x, Dtype dtype) { return from_vector(x).to(dtype); }

// The gradient of the sum of y; y may be x itself, or not depend on it.
Tensor derivative(const Tensor& y, const Tensor& x, bool create_graph) {
  if (y.body().get() == x.body().get()) return ones_like(x);
  if (!y.requires_grad()) return zeros_like(x);
  const Tensor g = grad({y}, {x}, {ones_like(y)}, create_graph, create_graph, true)[0];
  return g.defined() ? g : zeros_like(x);
}

}  // namespace

Tensor Probe::call(const Tensor& x) const {
  Tensor y = subject_->f(x);
  require<ValueError>(y.defined(), "conformance", "the function returned an undefined tensor");
  require(y.shape() == x.shape(), "conformance", "the function must keep the shape", given("x", x), given("f(x)", y));
  require<DtypeError>(y.dtype() == x.dtype(), "conformance", "the function must keep the dtype", given("x", x),
                      given("f(x)", y));
  return y;
}

Values Probe::f(const Values& x, Dtype dtype) const {
  const NoGrad no_grad;
  return call(places(x, dtype)).to_vector<double>();
}

Values Probe::sensitivity(const Values& x) const {
  Values total(x.size(), 0.0);
  if (subject_->neighbours.empty()) return total;
  const NoGrad no_grad;
  const Values here = f(x);
  for (const auto& neighbour : subject_->neighbours) {
    const Values there = neighbour(places(x, f64)).to_vector<double>();
    for (size_t i = 0; i < x.size(); ++i)
      if (const double moved = std::abs(there[i] - here[i]); std::isfinite(moved)) total[i] += moved;
  }
  return total;
}

Values Probe::slope(const Values& x, Dtype dtype) const {
  const GradMode recording(true);
  const Tensor in = places(x, dtype).requires_grad_();
  return derivative(call(in), in, false).to_vector<double>();
}

Probe::Second Probe::second(const Values& x) const {
  const GradMode recording(true);
  const Tensor in = places(x, f64).requires_grad_();
  const Tensor first = derivative(call(in), in, true);
  return {first.to_vector<double>(), derivative(first, in, false).to_vector<double>()};
}

double largest(const Values& x, const Values& v, double reach) {
  double top = 0;
  for (size_t i = 0; i < x.size(); ++i)
    if (std::abs(x[i]) <= reach && std::isfinite(v[i])) top = std::max(top, std::abs(v[i]));
  return top;
}

std::string number(double v, int digits) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v < 0 ? "-∞" : "∞";
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, v);
  return text;
}

// ---- element by element ------------------------------------------------------------------------------------------------

namespace {

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

// Where `got` differs from `expected`, as text; "" where it does not.
std::string difference(const char* how, Dtype dtype, const Values& x, const Values& expected, const Values& got) {
  for (size_t i = 0; i < x.size(); ++i)
    if (!same_bits(expected[i], got[i]))
      return std::string("at x = ") + number(x[i], 9) + " in " + name_of(dtype) + " gives " + number(expected[i], 17) +
             ", but " + number(got[i], 17) + " " + how;
  return "";
}

std::string dependence(const Probe& probe, Dtype dtype) {
  constexpr int64_t rows = 17, columns = 59;
  Generator random(1, "conformance");
  Values x;
  for (int64_t i = 0; i < rows * columns; ++i) x.push_back(static_cast<float>(12 * random.uniform() - 6));
  const auto reversed = [](Values v) {
    std::reverse(v.begin(), v.end());
    return v;
  };
  const Values y = probe.f(x, dtype), slope = probe.slope(x, dtype);

  std::string wrong = difference("when called again", dtype, x, y, probe.f(x, dtype));
  if (wrong.empty()) wrong = difference("in another place", dtype, x, y, reversed(probe.f(reversed(x), dtype)));
  if (wrong.empty())
    wrong = difference("in another place (slopes)", dtype, x, slope, reversed(probe.slope(reversed(x), dtype)));

  const NoGrad no_grad;
  const Tensor matrix = from_vector(x, {rows, columns}).to(dtype);
  if (wrong.empty()) wrong = difference("in a matrix", dtype, x, y, probe.call(matrix).to_vector<double>());
  if (wrong.empty())
    wrong = difference("in a transposed matrix", dtype, x, y, probe.call(matrix.t()).t().to_vector<double>());

  Values strangers = x, kept = y, company;
  for (size_t i = 0; i < x.size(); ++i)
    if (i % 3 != 1) strangers[i] = i % 3 == 0 ? NAN : i % 2 ? -INFINITY : 1e30;
  company = probe.f(strangers, dtype);
  for (size_t i = 0; i < x.size(); ++i)
    if (i % 3 != 1) kept[i] = company[i] = 0;
  if (wrong.empty()) wrong = difference("beside NaN, infinity and 1e30", dtype, x, kept, company);
  for (size_t i = 0; i < x.size() && wrong.empty(); i += 101)
    wrong = difference("alone", dtype, {x[i]}, {y[i]}, probe.f({x[i]}, dtype));
  return wrong;
}

}  // namespace

Verdict check_elementwise(const Probe& probe) {
  std::string wrong = dependence(probe, f64);
  if (wrong.empty()) wrong = dependence(probe, f32);
  return {"element-wise", wrong.empty(),
          wrong.empty() ? "the same bits in every place, layout and company, f32 and f64" : wrong};
}

}  // namespace conformity

// ---- the subject -------------------------------------------------------------------------------------------------------

Subject::Subject(const Activation& a) : name(a.text()), f(a), kinks(a.kinks()) {
  require<ValueError>(a.info().elementwise(), "conformance",
                      "a fold is no function of one number; there are tests for those of one only",
                      given("activation", a.text()));
  if (!a.info().learnable) return;
  for (size_t k = 0; k < a.parameters().size(); ++k) {
    std::vector<double> moved = a.parameters();
    moved[k] = std::nextafter(static_cast<float>(moved[k]), INFINITY);
    neighbours.emplace_back([a, moved](const Tensor& x) { return a.info().apply(x, moved); });
  }
}

// ---- the report --------------------------------------------------------------------------------------------------------

using conformity::number;

bool ConformanceReport::ok() const {
  return !verdicts.empty() && std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return v.passed; });
}

const Verdict& ConformanceReport::verdict(const std::string& wanted) const {
  std::vector<std::string> known;
  for (const Verdict& v : verdicts) {
    if (v.name == wanted) return v;
    known.push_back(v.name);
  }
  fail_unknown("verdict", wanted, known);
}

std::string ConformanceReport::text() const {
  const auto failed = std::count_if(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return !v.passed; });
  std::string out = name + ": " + std::to_string(verdicts.size()) + " checks, " +
                    (failed == 0 ? "all passed" : std::to_string(failed) + " FAILED") + "\n";
  const auto line = [&out](std::string label, const std::string& value) {
    label.resize(std::max<size_t>(label.size(), 18), ' ');
    out += "  " + label + "  " + value + "\n";
  };
  for (const Verdict& v : verdicts) line(v.name, (v.passed ? "ok      " : "FAILED  ") + v.detail);
  if (monotone.empty()) return out;

  const auto where = [](bool attained, double at) { return attained ? " at " + number(at) : std::string(); };
  const std::string low = where(range.low_attained, range.low_at), high = where(range.high_attained, range.high_at);
  line("range", (range.low_attained ? "[" : "(") + number(range.low) + ", " + number(range.high) +
                    (range.high_attained ? "]" : ")") + (low.empty() ? "" : "; lowest" + low) +
                    (high.empty() ? "" : "; highest" + high));
  line("monotone", monotone);
  line("largest |f'|", number(lipschitz) + (steepest_at ? " at " + number(*steepest_at) : ""));
  const auto side = [](const char* sign, const std::optional<double>& at) {
    return at ? std::string("x ") + sign + " " + number(*at, 4) : std::string();
  };
  const std::string below = side("<", saturates_below), above = side(">", saturates_above);
  const std::string both = below + (below.empty() || above.empty() ? "" : ", ") + above;
  line("saturates", both.empty()                                      ? "nowhere"
                    : saturates_below && std::isinf(*saturates_below) ? "everywhere (|f'| < 1e-3)"
                                                                      : both + " (|f'| < 1e-3)");
  line("normal input", "mean " + number(mean, 5) + ", variance " + number(variance, 5) + ", gain " + number(gain, 5) +
                           ", gain of gradients " + number(slope_gain, 5));
  line("f(-0)", keeps_zero_sign ? "-0" : "without the sign");
  if (forward_ns)
    line("cost", number(*forward_ns, 3) + " ns an element, with backward " + number(*forward_backward_ns, 3) + " ns");
  return out;
}

std::ostream& operator<<(std::ostream& out, const ConformanceReport& report) { return out << report.text(); }

ConformanceReport conformance(const Subject& subject, const ConformanceOptions& options) {
  require<ValueError>(static_cast<bool>(subject.f), "conformance", "the subject has no function",
                      given("name", subject.name));
  for (const double kink : subject.kinks)
    require<ValueError>(std::isfinite(kink), "conformance", "kinks must be finite", given("name", subject.name),
                        given("kink", kink));
  require<ValueError>(options.points > 0 && options.samples > 0 && options.scan > 0, "conformance",
                      "numbers of points must be positive", given("points", options.points),
                      given("samples", options.samples), given("scan", options.scan));
  using namespace conformity;
  const Probe probe(subject);
  ConformanceReport report;
  report.name = subject.name;
  // A function that throws has failed, and the message says how.
  const auto run = [&report](std::initializer_list<const char*> checks, auto f) {
    try {
      f();
    } catch (const std::exception& e) {
      for (const char* check : checks) report.verdicts.push_back({check, false, e.what()});
    }
  };
  const auto add = [&report](Verdict v) { report.verdicts.push_back(std::move(v)); };
  run({"element-wise"}, [&] { add(check_elementwise(probe)); });
  if (!report.ok()) return report;
  run({"derivative"}, [&] { add(check_derivative(probe, options.points)); });
  run({"second derivative"}, [&] { add(check_second_derivative(probe, options.points)); });
  run({"f32", "finite"}, [&] {
    for (Verdict& v : check_numbers(probe, options.samples)) add(std::move(v));
  });
  run({"zero"}, [&] { add(check_zero(probe)); });
  run({"infinity"}, [&] { add(check_infinity(probe)); });
  run({"nan"}, [&] { add(check_nan(probe)); });
  run({"kinks"}, [&] { add(check_kinks(probe, options.scan)); });
  run({"facts"}, [&] { add_facts(probe, options, report); });
  return report;
}

}  // namespace cairn
