#include "cairn/data/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <sstream>

#include "support.h"

namespace cairn {
namespace {

using data::grammar;
using data::Sentences;

std::vector<std::string> words_of(const std::string& sentence) {
  std::istringstream in(sentence);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST(Grammar, DependsOnSeedPartAndNumberAlone) {
  const auto a = grammar({.train = 300, .test = 100}), more = grammar({.train = 400, .test = 50}),
             other = grammar({.train = 300, .test = 100, .seed = 2});
  EXPECT_TRUE(std::equal(a.train.texts.begin(), a.train.texts.end(), more.train.texts.begin()));
  EXPECT_TRUE(std::equal(more.test.texts.begin(), more.test.texts.end(), a.test.texts.begin()));
  EXPECT_NE(a.train.texts, other.train.texts);
  EXPECT_NE(std::vector(a.train.texts.begin(), a.train.texts.begin() + 100), a.test.texts);
  expect_same_on_any_threads([] { return grammar({.train = 2000, .test = 1}).train.texts; });
}

TEST(Grammar, WritesThisToday) {  // who trains on it compares with earlier runs: a change shall be seen
  const auto text = grammar({.train = 4, .test = 1});
  EXPECT_THAT(text.train.texts,
              ::testing::ElementsAre("this boy that these clever kings watch is old .",
                                     "those happy elephants with a clever horse see that honest owl behind two girls .",
                                     "these foxes know the angry elephants .",
                                     "that man helps two small women that love the quiet cat ."));
}

TEST(Grammar, SentencesVaryAndAreWellFormed) {
  const Sentences& s = grammar({.train = 20000, .test = 1}).train;
  std::set<std::string> different, vocabulary;
  for (const std::string& text : s.texts) {
    different.insert(text);
    const auto words = words_of(text);
    EXPECT_GE(words.size(), 4U) << text;
    EXPECT_EQ(words.back(), ".") << text;
    vocabulary.insert(words.begin(), words.end());
    for (size_t i = 0; i + 1 < words.size(); ++i)
      if (words[i] == "a" || words[i] == "an") {
        const bool vowel = std::string("aeiou").find(words[i + 1][0]) != std::string::npos || words[i + 1] == "honest";
        EXPECT_EQ(words[i] == "an", vowel) << text;
      }
  }
  EXPECT_GT(different.size(), 18000U);
  EXPECT_EQ(vocabulary.size(), 94U);  // all words that the grammar has
  EXPECT_THAT(s.labels, ::testing::Each(1));
}

// In sentences of subject and verb alone the number of both can be read off.
TEST(Grammar, VerbsAgreeWithTheirSubjectsUnlessWrong) {
  const std::set<std::string> one = {"a", "an", "this", "that", "every"}, several = {"two", "these", "those", "many"};
  const auto check = [&](double wrong) {
    const Sentences s = grammar({.train = 20000, .test = 1, .wrong = wrong}).train;
    int64_t found = 0, labelled_wrong = 0;
    for (size_t i = 0; i < s.texts.size(); ++i) {
      labelled_wrong += s.labels[i] == 0;
      const auto words = words_of(s.texts[i]);
      if (words.size() != 4 || words[0] == "the") continue;  // these horses sleep .
      ++found;
      const bool verb_of_one = words[2].ends_with("s") || words[2] == "is";
      EXPECT_TRUE(one.contains(words[0]) || several.contains(words[0])) << s.texts[i];
      EXPECT_EQ(one.contains(words[0]) == verb_of_one, s.labels[i] == 1) << s.texts[i];
    }
    EXPECT_GT(found, 200);
    EXPECT_NEAR(static_cast<double>(labelled_wrong), 20000 * wrong, 5 * std::sqrt(20000 * wrong * (1 - wrong)));
  };
  check(0);
  check(0.3);
  check(1);
}

TEST(Grammar, Misuse) {
  EXPECT_THROW(grammar({.train = 0}), ValueError);
  EXPECT_THROW(grammar({.test = 0}), ValueError);
  EXPECT_EQ(text_of<ValueError>([] { grammar({.wrong = 1.5}); }),
            "grammar: wrong is a share from 0 to 1; got wrong 1.5");
}

}  // namespace
}  // namespace cairn
