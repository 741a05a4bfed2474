#include "cairn/activation/taylor.h"

#include <Eigen/QR>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include "activation/apply.h"
#include "activation/kinks.h"
#include "activation/taylor.h"
#include "activation/text.h"
#include "cairn/math/program.h"
#include "cairn/math/series.h"

namespace cairn {
namespace {

constexpr int64_t largest_degree = 100;

// f(at + scale · t) for small t > 0, to `size` coefficients; shorter where they cannot be had.
Series expand(const Program& f, double at, double scale, size_t size) {
  Series y({NAN});
  for (size_t n = size, tries = 0; tries < 3; n += size - y.size(), ++tries) {
    const Series x = Series::variable(at, scale, n);
    y = f.on<Series>(std::span(&x, 1), [n](double c) { return Series::constant(c, n); })[0];
    if (y.size() >= size) return y.head(size);
  }
  return y;
}

// The same function of x from the left: the series in t = at − x, read as one in x − at.
Series expand_left(const Program& f, double at, size_t size) {
  const Series y = expand(f, at, -1, size);
  std::vector<double> c = y.coefficients();
  for (size_t k = 1; k < c.size(); k += 2) c[k] = -c[k];
  return Series(std::move(c));
}

// Numbers with |c[k]| ≤ size · rateᵏ, from which it is told what is rounding.
struct Growth {
  double size = 0, rate = 0;
  explicit Growth(const std::vector<double>& c) {
    for (size_t k = 0; k < c.size() && (k < 4 || size == 0); ++k) size = std::max(size, std::abs(c[k]));
    for (size_t k = 1; k < c.size() && size > 0; ++k)
      rate = std::max(rate, std::pow(std::abs(c[k]) / size, 1.0 / static_cast<double>(k)));
  }
  double at(size_t k) const { return size * std::pow(rate, static_cast<double>(k)); }
};

// The first coefficient in which two series differ by more than rounding. One that is not finite differs.
std::optional<size_t> first_difference(const Series& a, const Series& b, double tolerance) {
  const Growth one(a.coefficients()), other(b.coefficients());
  for (size_t k = 0; k < std::min(a.size(), b.size()); ++k)
    if (!(std::abs(a[k] - b[k]) <= tolerance * std::max(one.at(k), other.at(k)))) return k;
  return std::nullopt;
}

// How many coefficients are more than rounding: those that come out the same in t and in 1.1 t, whose roundings differ.
size_t reliable(const Series& c, const Series& other, size_t least) {
  constexpr size_t block = 4;
  size_t count = 0;
  for (double power = 1; count + block <= c.size(); count += block) {
    double total = 0, off = 0;
    for (size_t k = count; k < count + block; ++k, power *= 1.1) {
      total += std::abs(c[k]);
      off += std::abs(c[k] - other[k] / power);
    }
    if (count >= least && !(off <= 0.01 * total)) break;
  }
  return count;
}

// |c[k]| goes as kᵖ R⁻ᵏ (Darboux), with oscillations and gaps: hence sums of squares over a few coefficients, in which one
// at least is not 0, to whose logarithms p and log R are fitted. Those of an entire function of order m also have
// (k!)^(−1/m) in them.
double radius_of(const Program& f) {
  constexpr size_t few = 24, most = 320, least = 32;
  constexpr double nothing = 1e-280, highest_order = 16;
  double rate = 0;  // 1 / R, roughly: in R t, coefficients stay away from both ends of the exponents
  for (size_t size = few; rate == 0 && size <= most; size += most - few) {
    const Series start = expand(f, 0, 1, size);
    for (size_t k = few / 2; k < start.size(); ++k)
      if (std::isfinite(start[k])) rate = std::max(rate, std::pow(std::abs(start[k]), 1.0 / static_cast<double>(k)));
  }
  if (rate == 0) rate = 1;
  const Series c = expand(f, 0, 1 / rate, most);
  const size_t count = reliable(c, expand(f, 0, 1.1 / rate, most), least), begin = count / 5;
  size_t gap = 1, end = begin;  // the widest from one that is not 0 to the next; behind the last of them
  double largest_root = 0;
  for (size_t k = begin; k < count; ++k) {
    if (!(std::abs(c[k]) > nothing)) continue;
    gap = std::max(gap, k + 1 - end);
    end = k + 1;
    if (k >= count / 2) largest_root = std::max(largest_root, std::pow(std::abs(c[k]), 1.0 / static_cast<double>(k)));
  }
  const size_t usual = count < most / 2 ? 4 : 8, window = (usual + gap - 1) / gap * gap,
               rows = (count - begin) / window;
  if (count - end >= window) return INFINITY;  // all the others are nothing
  if (rows < 4) return 1 / (largest_root * rate);
  Eigen::MatrixXd columns(rows, 4);
  Eigen::VectorXd logarithms(rows);
  for (size_t row = 0; row < rows; ++row) {
    const auto first = c.coefficients().begin() + static_cast<std::ptrdiff_t>(begin + row * window);
    const Eigen::Map<const Eigen::VectorXd> part(&*first, static_cast<Eigen::Index>(window));
    const auto middle = begin + row * window + window / 2;
    const double largest = part.cwiseAbs().maxCoeff(), k = static_cast<double>(middle) - 0.5;
    const auto at = static_cast<Eigen::Index>(row);
    columns.row(at) << 1, std::log(k), -k, -k * std::log(k);
    logarithms[at] = std::log(largest) + std::log((part / largest).norm());
  }
  const auto fit = [&](int terms) -> Eigen::VectorXd {
    return columns.leftCols(terms).colPivHouseholderQr().solve(logarithms);
  };
  return fit(4)[3] > 1 / highest_order ? INFINITY : std::exp(fit(3)[2]) / rate;
}

// Where pieces meet: a step to the left of it and a step to the right the series are those of one function, or not.
double reach_of(const Activation& f, const Expr& expression, const Program& program) {
  constexpr size_t terms = 9;
  constexpr double step = 1e-9, tolerance = 1e-4;  // the step alone makes a difference of 1e-9 · terms
  std::vector<double> places = find_changes(expression);
  for (const double kink : f.kinks()) places.push_back(kink);
  double reach = INFINITY;
  for (const double x : places) {
    if (x == 0 || std::abs(x) >= reach) continue;
    const double h = std::min(step * std::max(1.0, std::abs(x)), 0.25 * std::abs(x));
    if (first_difference(expand_left(program, x - h, terms), expand(program, x + h, 1, terms), tolerance))
      reach = std::abs(x);
  }
  return reach;
}

// The product of what is left of Horner's rule and z, with the next coefficient.
Expr horner(const std::vector<double>& c, const Expr& z) {
  Expr y = c.back();
  for (size_t k = c.size() - 1; k-- > 0;) y = c[k] == 0 ? z * y : z * y + c[k];
  return y;
}

// Coefficients that f32 does not hold, as those of steep functions or of high degrees, become powers of x / interval.
Expr polynomial(std::vector<double> c, double interval, Expr x) {
  const auto extreme = [](double v) { return v != 0 && !(std::abs(v) > 1e-30 && std::abs(v) < 1e30); };
  if (std::any_of(c.begin(), c.end(), extreme)) {
    x = x / interval;
    for (size_t k = 1; k < c.size(); ++k) c[k] *= std::pow(interval, static_cast<double>(k));
  }
  while (c.size() > 1 && c.back() == 0) c.pop_back();
  if (c.size() == 1) return where(isnan(x), x, c[0]);
  const auto every_other = [&](size_t from) {
    std::vector<double> part;
    for (size_t k = from; k < c.size(); k += 2) part.push_back(c[k]);
    return part;
  };
  const auto zero = [](double v) { return v == 0; };
  const std::vector<double> even = every_other(0), odd = every_other(1);
  if (std::all_of(even.begin(), even.end(), zero)) return x * horner(odd, square(x));
  if (std::all_of(odd.begin(), odd.end(), zero)) return horner(even, square(x));
  return horner(c, x);
}

}  // namespace

TaylorSeries taylor_series(const Activation& f, int64_t degree) {
  constexpr size_t least = 33;
  constexpr double rounding = 1e-10;
  require<ValueError>(degree >= 0 && degree <= largest_degree, "taylor", "the degree must be from 0 to 100",
                      given("degree", degree));
  const Expr expression = f.expression();
  const Program program({expression}, {"x"});
  const size_t size = static_cast<size_t>(degree) + 1;
  const Series right = expand(program, 0, 1, std::max(size, least)),
               left = expand_left(program, 0, std::max(size, least));
  require<ValueError>(
      isfinite(left) && isfinite(right) && right.size() >= size, "taylor",
      "it is no power series at 0: the function or one of its derivatives is infinite there, or beyond f64",
      given("function", f.text()));
  if (const auto order = first_difference(left, right, rounding)) {
    const double factorial = std::tgamma(static_cast<double>(*order) + 1);
    fail<ValueError>(
        "taylor",
        "it is no power series at 0: " +
            (*order == 0 ? std::string("the function") : "its derivative of order " + std::to_string(*order)) +
            " jumps there",
        given("function", f.text()), given("left", left[*order] * factorial + 0.0),
        given("right", right[*order] * factorial + 0.0));
  }
  const double middle = program.on({0.0})[0];
  require<ValueError>(!(std::abs(middle - right[0]) > rounding * std::max(1.0, std::abs(right[0]))), "taylor",
                      "it is no power series at 0: the function jumps there", given("function", f.text()),
                      given("value", middle), given("beside", right[0]));
  return {right.head(size).coefficients(), radius_of(program), reach_of(f, expression, program)};
}

Activation taylor_activation(const Activation& f, const TaylorSeries& series, double interval) {
  require<ValueError>(interval > 0 && std::isfinite(interval), "taylor", "the interval must be above 0 and finite",
                      given("interval", interval));
  require<ValueError>(interval < series.radius, "taylor",
                      "the interval must end within the radius of convergence of the series at 0",
                      given("function", f.text()), given("interval", interval), given("radius", series.radius));
  require<ValueError>(interval <= series.reach, "taylor",
                      "the interval must end where the function goes over into another one, or before",
                      given("function", f.text()), given("interval", interval), given("place", series.reach));
  const std::string rest = ", " + std::to_string(series.coefficients.size() - 1) + ", " + shortest(interval) + ")";
  auto info = std::make_shared<ActivationInfo>();
  info->name = "taylor(" + f.text() + rest;
  info->family = "taylor";
  info->source = "Maronese et al. 2022, Quantum Inf. Process. 21, 128";
  // With the formula and not its coefficients, whose last digits are those of a machine: saved models compare the text.
  info->formula = "taylor(" + f.formula() + rest;
  const Expr y = polynomial(series.coefficients, interval, Expr::variable("x"));
  info->operation = std::make_shared<const FormulaOperation>("taylor", y, std::vector<std::string>());
  info->apply = [operation = info->operation](const Tensor& x, std::span<const double> none) {
    return (*operation)(x, none);
  };
  info->kinks = [](std::span<const double>) { return std::vector<double>(); };
  info->expression = [c = series.coefficients, interval](const Expr& x, std::span<const Expr>) {
    return polynomial(c, interval, x);
  };
  return {std::move(info), {}};
}

Activation taylor_activation(const Activation& f, int64_t degree, double interval) {
  return taylor_activation(f, taylor_series(f, degree), interval);
}

double taylor_error(const Activation& f, const std::vector<double>& coefficients, double interval) {
  constexpr int steps = 4000, closer = 3;
  require<ValueError>(interval > 0 && std::isfinite(interval), "taylor", "the interval must be above 0 and finite",
                      given("interval", interval));
  const Program program({f.expression()}, {"x"});
  const auto error = [&](double x) {
    double y = 0;
    for (size_t k = coefficients.size(); k-- > 0;) y = y * x + coefficients[k];
    const double exact = program.on({x})[0], e = std::abs(exact - y);
    if (std::isnan(exact)) return 0.0;  // 0 / 0 at the place of a limit
    return std::isnan(e) ? INFINITY : e;
  };
  const auto place = [&](double i) { return interval * (2 * i / steps - 1); };
  std::vector<double> errors(steps + 1);
  for (int i = 0; i <= steps; ++i) errors[static_cast<size_t>(i)] = error(place(i));
  std::vector<int> order(errors.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + closer, order.end(),
                    [&](int a, int b) { return errors[static_cast<size_t>(a)] > errors[static_cast<size_t>(b)]; });
  double largest = errors[static_cast<size_t>(order[0])];
  for (int i = 0; i < closer; ++i) {
    double low = std::max(order[static_cast<size_t>(i)] - 1, 0), high = std::min(low + 2, double(steps));
    for (int k = 0; k < 40; ++k) {  // thirds: the error has one summit between neighbours of a grid this fine
      const double a = low + (high - low) / 3, b = high - (high - low) / 3, at_a = error(place(a)),
                   at_b = error(place(b));
      largest = std::max({largest, at_a, at_b});
      (at_a < at_b ? low : high) = at_a < at_b ? a : b;
    }
  }
  return largest;
}

bool is_taylor(std::string_view text) {
  const size_t open = text.find('(');
  if (trimmed(text.substr(0, open)) != "taylor") return false;
  if (open == text.npos) return true;
  int depth = 0;  // the bracket that opens behind the name closes at the end, or it is a part of a formula
  for (size_t i = open; i + 1 < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0) return false;
  }
  return true;
}

Activation read_taylor(std::string_view text) {
  const size_t open = text.find('(');
  constexpr const char* usage = "is written taylor(activation, degree, interval), as taylor(tanh, 7, 1.5)";
  const auto check = [&](bool good) { require<ValueError>(good, "taylor", usage, given("text", std::string(text))); };
  check(open != text.npos && text.back() == ')' && text.size() <= 10'000);  // as long as a formula may be
  std::string_view rest = text.substr(open + 1, text.size() - open - 2);
  const auto last = [&](auto& value) {  // behind the last comma; no number has one in it
    const size_t comma = rest.rfind(',');
    check(comma != rest.npos);
    const std::string_view digits = trimmed(rest.substr(comma + 1));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    check(error == std::errc() && end == digits.data() + digits.size());
    rest = rest.substr(0, comma);
  };
  double interval = 0;
  int64_t degree = 0;
  last(interval);
  last(degree);
  return taylor_activation(activation(rest), degree, interval);
}

}  // namespace cairn
