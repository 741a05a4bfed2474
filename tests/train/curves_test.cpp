#include "cairn/train/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "cairn/base/error.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using train::EpochResult;
using train::Evaluation;
using train::History;
using train::svg_curves;

History training(const std::vector<double>& losses, bool with_validation = false) {
  History history;
  for (const double loss : losses) {
    EpochResult epoch{
        .epoch = static_cast<int64_t>(history.size()), .loss = loss, .accuracy = 1 - loss / 4, .validation = {}};
    if (with_validation) epoch.validation = Evaluation{.loss = loss + 0.1, .accuracy = 0.9 - loss / 4};
    history.push_back(epoch);
  }
  return history;
}

std::vector<std::string> all_of(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), expression), end; i != end; ++i) found.push_back((*i)[1]);
  return found;
}
// The line of a panel: what its path is drawn along.
std::vector<std::string> lines(const std::string& svg) {
  return all_of(svg, "<path class=\"line[^\"]*\" stroke=\"[^\"]*\" d=\"([^\"]*)\"");
}
std::vector<std::string> texts(const std::string& svg) { return all_of(svg, "<text [^>]*>([^<]*)</text>"); }

TEST(Curves, ALineGoesThroughItsNumbers) {
  // Loss 2, 1, 0 on an axis from 0 to 2 and epochs 1 to 3: three corners of the panel, which is 374 wide and 250 high.
  const std::string svg = svg_curves({{"", training({2, 1, 0})}});
  ASSERT_EQ(lines(svg).size(), 2u);
  EXPECT_EQ(lines(svg)[0], "M64 40L251 165L438 290");
  EXPECT_EQ(lines(svg)[1], "M508 290L695 165L882 40") << "accuracy 50 %, 75 %, 100 %";
  EXPECT_THAT(texts(svg), ElementsAre("0", "0.5", "1", "1.5", "2", "1", "2", "3", "epoch", "loss",                   //
                                      "50", "60", "70", "80", "90", "100", "1", "2", "3", "epoch", "accuracy in %",  //
                                      "training"));
  EXPECT_THAT(svg, HasSubstr("<title>training, epoch 2: 75 %</title>"));
}

TEST(Curves, TrainingIsDashedBesideAValidation) {
  const std::string svg = svg_curves({{"", training({2, 1}, true)}});
  EXPECT_EQ(all_of(svg, "(class=\"line dashed\" stroke)").size(), 3u) << "two panels and the legend";
  EXPECT_EQ(all_of(svg, "(class=\"line\" stroke)").size(), 3u) << "two panels and the legend";
  EXPECT_THAT(svg, HasSubstr(">training</text>"));
  EXPECT_THAT(svg, HasSubstr(">validation</text>"));
  EXPECT_THAT(svg_curves({{"", training({2, 1})}}), Not(HasSubstr("validation")));
}

TEST(Curves, SeveralTrainingsHaveColoursAndNames) {
  const std::string svg = svg_curves({{"relu", training({2, 1})}, {"elu(0.5)", training({2, 1, 0.5})}}, "Side by side");
  EXPECT_EQ(lines(svg).size(), 4u);
  const auto strokes = all_of(svg, "<path class=\"line\" stroke=\"(#[^\"]*)\" d=\"");
  EXPECT_NE(strokes[0], strokes[1]);
  EXPECT_THAT(svg, HasSubstr(">relu</text>"));
  EXPECT_THAT(svg, HasSubstr(">elu(0.5)</text>"));
  EXPECT_THAT(svg, HasSubstr(">Side by side</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>elu(0.5), training, epoch 3: 0.5</title>"));
  EXPECT_EQ(svg, svg_curves({{"relu", training({2, 1})}, {"elu(0.5)", training({2, 1, 0.5})}}, "Side by side"));
}

TEST(Curves, LossesFarApartAreLogarithmic) {
  EXPECT_THAT(svg_curves({{"", training({2, 0.11})}}), Not(HasSubstr("logarithmic")));
  const std::string svg = svg_curves({{"", training({2, 0.2, 0.02})}});
  EXPECT_THAT(svg, HasSubstr(">loss (logarithmic)</text>"));
  EXPECT_EQ(lines(svg)[0], "M64 40L251 165L438 290") << "equal factors are equal steps";
  EXPECT_THAT(svg_curves({{"", training({1e5, 1e-5})}}), HasSubstr(">1e-05</text>"));
}

TEST(Curves, AccuracyIsShownWhereThereIsOne) {
  History history = training({2, 1});
  for (EpochResult& epoch : history) epoch.accuracy = NAN;
  const std::string svg = svg_curves({{"", history}});
  EXPECT_THAT(svg, Not(HasSubstr("accuracy")));
  EXPECT_EQ(lines(svg)[0], "M64 40L882 290") << "the loss has the whole width";
}

TEST(Curves, WhatIsNotFiniteLeavesAGap) {
  const std::string svg = svg_curves({{"", training({2, 1, NAN, 1, 0})}});
  EXPECT_EQ(lines(svg)[0], "M64 40L157.5 165M344.5 165L438 290");
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg_curves({{"", training({NAN, HUGE_VAL})}}), Not(::testing::ContainsRegex("nan|inf")));
}

TEST(Curves, OneEpochAndEqualNumbersHaveAPlace) {
  for (const std::vector<double>& losses : {std::vector<double>{0.5}, {0.5, 0.5}, {0}, {0, 0}, {1e-12, 1e-12}, {-3}}) {
    const std::string svg = svg_curves({{"", training(losses)}});
    EXPECT_THAT(svg, Not(::testing::ContainsRegex("nan|inf|\"-|>-0<")));
    EXPECT_EQ(all_of(svg, "(<circle)").size(), 2 * losses.size());
  }
}

TEST(Curves, EpochsAreWholeAndNotTooMany) {
  for (const int n : {2, 9, 17, 50, 160, 1000}) {
    const std::string svg = svg_curves({{"", training(std::vector<double>(static_cast<size_t>(n), 1.0))}});
    const auto ticks = all_of(svg, "<text x=\"[^\"]*\" y=\"310\" text-anchor=\"middle\">([^<]*)</text>");
    EXPECT_GE(ticks.size(), 4u) << n;
    EXPECT_LE(ticks.size(), 22u) << n << ": two panels";
    EXPECT_EQ(ticks[0], "1");
    for (const std::string& tick : ticks) EXPECT_TRUE(tick.find('.') == std::string::npos) << tick;
  }
}

TEST(Curves, NamesAreTextAndNotMarkup) {
  const std::string svg = svg_curves({{"<b>&\"\n", training({1})}}, "a < b");
  EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&amp;&quot; </text>"));
  EXPECT_THAT(svg, HasSubstr("aria-label=\"a &lt; b\""));
  EXPECT_THAT(svg, Not(HasSubstr("<b>")));
}

TEST(Curves, ManyNamesTakeSeveralRows) {
  std::vector<train::NamedHistory> runs;
  for (int i = 0; i < 8; ++i) runs.push_back({"an activation of some length", training({1, 0.5})});
  const std::string svg = svg_curves(runs);
  for (const std::string& x : all_of(svg, "<text x=\"([0-9.]+)\" y=\"[0-9.]+\" text-anchor=\"start\">an act"))
    EXPECT_LT(std::stod(x), 900 - 7 * 28) << "the name ends inside the picture";
  const double low = std::stod(all_of(svg, "y=\"([0-9.]+)\" text-anchor=\"start\">training<")[0]);
  EXPECT_LT(low, std::stod(all_of(svg, "viewBox=\"0 0 900 ([0-9.]+)\"")[0]));
}

TEST(Curves, AreRefusedWithoutNumbers) {
  const auto said = [](const std::vector<train::NamedHistory>& runs) {
    try {
      svg_curves(runs);
    } catch (const ValueError& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  EXPECT_EQ(said({}), "svg_curves: one picture tells 1 to 8 histories apart; got histories 0");
  EXPECT_EQ(said(std::vector<train::NamedHistory>(9, {"a", training({1})})),
            "svg_curves: one picture tells 1 to 8 histories apart; got histories 9");
  EXPECT_EQ(said({{"a", {}}, {"b", {}}}), "svg_curves: there is no epoch to show");
  EXPECT_EQ(said({{"a", {}}, {"b", training({1})}}), "nothing");
}

TEST(Curves, AreWrittenToAFile) {
  const auto file = std::filesystem::path(::testing::TempDir()) / "curves.svg";
  train::write_curves(file.string(), {{"", training({2, 1})}}, "title");
  std::ostringstream content;
  content << std::ifstream(file).rdbuf();
  EXPECT_EQ(content.str(), svg_curves({{"", training({2, 1})}}, "title"));
  std::filesystem::remove(file);
  EXPECT_THROW(train::write_curves((file / "below").string(), {{"", training({2, 1})}}), FileError);
}

}  // namespace
}  // namespace cairn
