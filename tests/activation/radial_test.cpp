#include "cairn/activation/radial.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "cairn/autograd/backward.h"
#include "cairn/math/program.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;
using V = std::vector<double>;

namespace {

const std::vector<std::string> all = {"gaussian",        "multiquadric",    "inverse_multiquadric", "inverse_quadratic",
                                      "polyharmonic(1)", "polyharmonic(3)", "polyharmonic(4)",      "polyharmonic(5)",
                                      "thin_plate",      "wendland"};

void expect_near(const V& a, const V& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance * std::max(1.0, std::abs(b[i]))) << i;
}

V slopes(const RadialFunction& f, Tensor q) {
  q = q.detach().requires_grad_();
  sum(f(q)).backward();
  return q.grad().to_vector<double>();
}

TEST(Radial, ValuesByHand) {
  const double ln2 = std::log(2.0);
  const std::vector<std::pair<const char*, V>> rows = {
      // r =                      0, 1/2,                 1,                2
      {"gaussian", {1, std::exp(-0.25), std::exp(-1.0), std::exp(-4.0)}},
      {"multiquadric", {1, std::sqrt(1.25), std::sqrt(2.0), std::sqrt(5.0)}},
      {"inverse_multiquadric", {1, 1 / std::sqrt(1.25), 1 / std::sqrt(2.0), 1 / std::sqrt(5.0)}},
      {"inverse_quadratic", {1, 0.8, 0.5, 0.2}},
      {"polyharmonic(1)", {0, 0.5, 1, 2}},
      {"thin_plate", {0, -0.25 * ln2, 0, 4 * ln2}},
      {"polyharmonic(2)", {0, -0.25 * ln2, 0, 4 * ln2}},
      {"polyharmonic", {0, 0.125, 1, 8}},
      {"polyharmonic(4)", {0, -0.0625 * ln2, 0, 16 * ln2}},
      {"polyharmonic(k=5)", {0, 0.03125, 1, 32}},
      {"wendland", {1, 0.1875, 0, 0}},
  };
  for (const auto& [name, expected] : rows) {
    SCOPED_TRACE(name);
    const Tensor q = tensor({0., 0.25, 1., 4.}, f64);
    expect_near(radial_function(name)(q).to_vector<double>(), expected, 1e-15);
    expect_near(radial_function(name)(q.to(f32)).to_vector<double>(), expected, 2e-7);
  }
}

TEST(Radial, TheExpressionIsTheSameFunction) {
  for (const std::string& name : all) {
    SCOPED_TRACE(name);
    const RadialFunction f = radial_function(name);
    const Program program({f.expression()}, {"x"});
    V values;
    const V places = {0, 1e-40, 0.01, 0.0625, 0.5, 1, 3, 100};
    for (const double q : places) values.push_back(program.on({q})[0]);
    expect_near(values, f(tensor({0., 1e-40, 0.01, 0.0625, 0.5, 1., 3., 100.}, f64)).to_vector<double>(), 1e-15);
  }
}

TEST(Radial, SlopesInTheSquareByHand) {
  // At r = 0, 1/2 and 2.
  const std::vector<std::pair<const char*, V>> rows = {
      {"gaussian", {-1, -std::exp(-0.25), -std::exp(-4.0)}},
      {"multiquadric", {0.5, 0.5 / std::sqrt(1.25), 0.5 / std::sqrt(5.0)}},
      {"inverse_multiquadric", {-0.5, -0.5 / std::pow(1.25, 1.5), -0.5 / std::pow(5, 1.5)}},
      {"inverse_quadratic", {-1, -0.64, -0.04}},
      {"polyharmonic(1)", {0, 1, 0.25}},
      {"polyharmonic(3)", {0, 0.75, 3}},
      {"thin_plate", {0, 0.5 * (std::log(0.25) + 1), 0.5 * (std::log(4) + 1)}},
      {"wendland", {-10, -1.25, 0}},  // −10 (1 − r)³
  };
  for (const auto& [name, expected] : rows) {
    SCOPED_TRACE(name);
    expect_near(slopes(radial_function(name), tensor({0., 0.25, 4.}, f64)), expected, 1e-14);
    expect_near(slopes(radial_function(name), tensor({0., 0.25, 4.})), expected, 1e-6);
  }
}

// Its two forms meet without a step, and it keeps its digits where it goes to 0.
TEST(Radial, WendlandIsTheSameFunctionEverywhere) {
  const Tensor r = linspace(0, 1.2, 1201, f64);
  const V radius = r.to_vector<double>(), y = radial_function("wendland")(r * r).to_vector<double>();
  const V slope = slopes(radial_function("wendland"), r * r);
  for (size_t i = 0; i < radius.size(); ++i) {
    const double s = std::max(0.0, 1 - radius[i]);
    EXPECT_NEAR(y[i], s * s * s * s * (4 * radius[i] + 1), 1e-15 + 1e-13 * y[i]) << radius[i];
    EXPECT_NEAR(slope[i], -10 * s * s * s, 2e-13) << radius[i];
  }
}

TEST(Radial, LimitsFarAwayAndNaN) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::string& name : all)
    for (const Dtype dtype : {f32, f64}) {
      SCOPED_TRACE(name + " " + name_of(dtype));
      const RadialFunction f = radial_function(name);
      const V y = f(tensor({inf, nan}, dtype)).to_vector<double>();
      const bool grows = f.order() > 0;
      EXPECT_EQ(y[0], grows ? inf : 0);
      EXPECT_TRUE(std::isnan(y[1]));
      if (!grows) {
        EXPECT_EQ(slopes(f, tensor({inf}, dtype))[0], 0);
      }
    }
}

TEST(Radial, Gradients) {
  for (const std::string& name : all) {
    SCOPED_TRACE(name);
    const RadialFunction f = radial_function(name);
    EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return f(in[0]); }, {linspace(0.03, 2.1, 60, f64)});
  }
}

// For interpolation: with polynomials of degree below the order added, the quadratic form of distinct points has one sign.
TEST(Radial, TheOrderSaysWhichFormsAreDefinite) {
  EXPECT_EQ(radial_function("gaussian").order(), 0);
  EXPECT_EQ(radial_function("multiquadric").order(), 1);
  EXPECT_EQ(radial_function("polyharmonic(1)").order(), 1);
  EXPECT_EQ(radial_function("polyharmonic(3)").order(), 2);
  EXPECT_EQ(radial_function("polyharmonic(4)").order(), 3);
  EXPECT_EQ(radial_function("thin_plate").order(), 2);
}

TEST(Radial, NamesAndTheirErrors) {
  std::set<std::string> names;
  for (const RadialFunctionInfo& info : radial_functions()) {
    EXPECT_TRUE(names.insert(info.name).second);
    EXPECT_FALSE(info.source.empty());
    EXPECT_FALSE(info.formula.empty());
    const RadialFunction f(info, info.k);
    EXPECT_EQ(radial_function(f.text()).text(), f.text());
  }
  EXPECT_EQ(names.size(), 7u);
  EXPECT_EQ(radial_function(" polyharmonic ( k = 7 ) ").text(), "polyharmonic(7)");
  EXPECT_EQ(radial_function("polyharmonic()").text(), "polyharmonic(3)");
  EXPECT_EQ(radial_function("gaussian()").text(), "gaussian");
  EXPECT_THAT(text_of<NameError>([] { radial_function("gausian"); }),
              HasSubstr("radial function: unknown name 'gausian'; did you mean 'gaussian'?"));
  EXPECT_THROW(radial_function(""), NameError);
  for (const char* wrong :
       {"gaussian(1)", "polyharmonic(0)", "polyharmonic(32)", "polyharmonic(-1)", "polyharmonic(2.5)", "polyharmonic(3",
        "polyharmonic(x)", "polyharmonic(p=3)", "thin_plate(2)"})
    EXPECT_THROW(radial_function(wrong), ValueError) << wrong;
  EXPECT_THROW(radial_function("gaussian")(zeros({2}, i64)), DtypeError);
}

}  // namespace
