#include "cairn/math/expr.h"

#include <gtest/gtest.h>

#include "cairn/math/rules.h"

using namespace cairn;

namespace {

const Expr x = Expr::variable("x"), y = Expr::variable("y");

TEST(Expr, ParenthesesOnlyWhereNeeded) {
  EXPECT_EQ((x + y * x).text(), "x + y * x");
  EXPECT_EQ(((x + y) * x).text(), "(x + y) * x");
  EXPECT_EQ((x - (y - x)).text(), "x - (y - x)");
  EXPECT_EQ((x - y - x).text(), "x - y - x");
  EXPECT_EQ((x / (y * x)).text(), "x / (y * x)");
  EXPECT_EQ((x / y * x).text(), "x / y * x");
  EXPECT_EQ((-(x + y)).text(), "-(x + y)");
  EXPECT_EQ((-x * y).text(), "-x * y");
  EXPECT_EQ(((x > 0.0) & !(y < x)).text(), "x > 0 & !(y < x)");
  EXPECT_EQ(where(x > 0.0, x, 0.5 * expm1(minimum(x, 0.0))).text(), "where(x > 0, x, 0.5 * expm1(minimum(x, 0)))");
}

TEST(Expr, NumbersAreShortestAndFolded) {
  EXPECT_EQ(Expr(0.1).text(), "0.1");
  EXPECT_EQ(Expr(1e-5).text(), "1e-05");
  EXPECT_EQ((Expr(2.0) * Expr(3.0) * x).text(), "6 * x");
  EXPECT_EQ((1.0 * x).text(), "x");
  EXPECT_EQ((x / 1.0).text(), "x");
  EXPECT_EQ((-Expr(2.0) * x).text(), "-2 * x");
}

TEST(Expr, GateReadsAsAProduct) { EXPECT_EQ(gate(x, tanh(softplus(x))).text(), "x * tanh(softplus(x))"); }

// No function of the alphabet is missing, and each writes its own name.
TEST(Expr, KnowsTheWholeAlphabet) {
  const auto check = [](auto rule) {
    const std::string name = decltype(rule)::name;
    EXPECT_EQ(decltype(rule)::value(x).text(), name == "neg" ? "-x" : name + "(x)");
  };
  std::apply([&](auto... rules) { (check(rules), ...); }, UnaryRules());
}

// A derivative rule applies to formulas as well.
TEST(Expr, TakesDerivativeRules) {
  EXPECT_EQ(tanh_rule::slope(x, y).text(), "1 - y * y");
  EXPECT_EQ(softplus_rule::slope(x, y).text(), "sigmoid(x)");
}

}  // namespace
