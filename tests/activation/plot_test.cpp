#include "cairn/activation/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "cairn/tensor/create.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t count(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  return static_cast<size_t>(std::distance(std::sregex_iterator(text.begin(), text.end(), expression), {}));
}
// Lines with a path of their own, without the samples of the legend.
size_t lines(const std::string& svg) { return count(svg, "<path class=\"line\" d="); }

TEST(Plot, ShowsAFunctionAndItsDerivatives) {
  const std::string svg = svg_plot({activation("gelu")}, {.title = "a < b & c"});
  EXPECT_EQ(lines(svg), 3u);
  EXPECT_THAT(svg, HasSubstr(">a &lt; b &amp; c</text>"));
  EXPECT_THAT(svg, HasSubstr(">f″</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("kink")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_EQ(lines(svg_plot({activation("gelu")}, {.derivatives = 0})), 1u);
  EXPECT_EQ(svg, svg_plot({activation("gelu")}, {.title = "a < b & c"}));
}

TEST(Plot, MarksKinksAndDoesNotCrossJumps) {
  const std::string svg = svg_plot({activation("hardshrink")}, {.derivatives = 0});
  EXPECT_EQ(count(svg, "class=\"kink"), 3u) << "two kinks and the legend";
  const std::string before = "<path class=\"line\" d=\"";
  const size_t begin = svg.find(before);
  ASSERT_NE(begin, std::string::npos);
  const std::string path =
      svg.substr(begin + before.size(), svg.find('"', begin + before.size()) - begin - before.size());
  EXPECT_EQ(std::count(path.begin(), path.end(), 'M'), 3);
}

TEST(Plot, SeveralFunctionsHaveAPanelForEveryOrder) {
  const std::string svg = svg_plot({activation("relu"), activation("x > 0 ? x : 0.5 * expm1(x)")});
  EXPECT_EQ(lines(svg), 6u);
  EXPECT_THAT(svg, HasSubstr(">x &gt; 0 ? x : 0.5 * expm1(x)</text>"));
}

// exp reaches 148 at 5: the upper part is cut off, or what is beside it would be flat.
TEST(Plot, CutsOffWhatIsTooSteep) {
  EXPECT_EQ(svg_plot({activation("exp"), activation("tanh")}).find(">100</text>"), std::string::npos);
  EXPECT_NE(svg_plot({activation("sin(30)")}).find(">500</text>"), std::string::npos) << "f″ is that large everywhere";
}

TEST(Plot, Errors) {
  EXPECT_THROW(svg_plot({}), ValueError);
  EXPECT_THROW(svg_plot(std::vector<Activation>(9, activation("relu"))), ValueError);
  EXPECT_THROW(svg_plot({activation("softmax")}), ValueError);
  EXPECT_THROW(svg_plot({activation("relu")}, {.low = 1, .high = 1}), ValueError);
  EXPECT_THROW(svg_plot({activation("relu")}, {.derivatives = 3}), ValueError);
  EXPECT_THROW(svg_lines({{"a", {1, 2}, {1}}}), ValueError);
  EXPECT_THROW(svg_lines({{"a", {1}, {NAN}}}), ValueError);
  EXPECT_THROW(svg_histogram({}), ValueError);
  EXPECT_THROW(svg_histogram({{"a", tensor({1, 2})}}), DtypeError);
}

TEST(Plot, LinesLeaveGaps) {
  const std::string svg = svg_lines({{"a", {1, 2, 3, 4}, {1, NAN, 0.01, 0}}}, {.y_name = "norm", .logarithmic = true});
  EXPECT_EQ(count(svg, "<circle"), 2u);
  EXPECT_THAT(svg, HasSubstr(">norm (logarithmic)</text>"));
}

TEST(Plot, HistogramsSayWhatIsInNoBin) {
  const std::string svg =
      svg_histogram({{"relu", tensor({0., 0., 1., 2.})}, {"bad", tensor({1., double(NAN)})}}, {.bins = 4});
  EXPECT_THAT(svg, HasSubstr(">relu, zeros 50 %</text>"));
  EXPECT_THAT(svg, HasSubstr(">bad, not finite 50 %</text>"));
}

}  // namespace
}  // namespace cairn
