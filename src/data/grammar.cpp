#include "cairn/data/grammar.h"

#include <span>
#include <string_view>

#include "cairn/base/error.h"
#include "cairn/base/random.h"
#include "cairn/base/threads.h"

namespace cairn::data {
namespace {

// Forms for one and for several.
struct Forms {
  std::string_view one, several;
  std::string_view of(bool plural) const { return plural ? several : one; }
};
struct Noun {
  Forms forms;
  std::string_view self;  // the pronoun of one
};

constexpr Noun nouns[] = {
    {{"king", "kings"}, "himself"},     {{"man", "men"}, "himself"},           {{"boy", "boys"}, "himself"},
    {{"farmer", "farmers"}, "himself"}, {{"uncle", "uncles"}, "himself"},      {{"queen", "queens"}, "herself"},
    {{"woman", "women"}, "herself"},    {{"girl", "girls"}, "herself"},        {{"aunt", "aunts"}, "herself"},
    {{"nurse", "nurses"}, "herself"},   {{"dog", "dogs"}, "itself"},           {{"cat", "cats"}, "itself"},
    {{"mouse", "mice"}, "itself"},      {{"horse", "horses"}, "itself"},       {{"owl", "owls"}, "itself"},
    {{"fox", "foxes"}, "itself"},       {{"elephant", "elephants"}, "itself"}, {{"goose", "geese"}, "itself"}};
constexpr Forms determiners[] = {{"a", "two"}, {"this", "these"}, {"that", "those"}, {"every", "many"}, {"the", "the"}};
constexpr std::string_view adjectives[] = {"old",   "young", "small",  "big",   "happy",
                                           "quiet", "angry", "clever", "honest"};
constexpr Forms transitive[] = {{"sees", "see"},      {"hears", "hear"}, {"likes", "like"}, {"follows", "follow"},
                                {"watches", "watch"}, {"helps", "help"}, {"knows", "know"}, {"loves", "love"}};
constexpr Forms intransitive[] = {{"sleeps", "sleep"}, {"sings", "sing"},   {"waits", "wait"},
                                  {"laughs", "laugh"}, {"dances", "dance"}, {"runs", "run"}};
constexpr std::string_view prepositions[] = {"near", "behind", "beside", "with"};

class Writer {
 public:
  Writer(const GrammarOptions& options, const char* part, int64_t number)
      : random_(options.seed, part, 0, static_cast<uint64_t>(number)), wrong_(random_.uniform() < options.wrong) {}

  std::string write() {
    const Subject subject = noun_phrase(2);
    predicate(subject, subject.plural != wrong_);
    return text_ + ".";
  }
  bool wrong() const { return wrong_; }

 private:
  struct Subject {
    bool plural;
    std::string_view self;
  };

  bool chance(double p) { return random_.uniform() < p; }
  template <class T>
  const T& any(std::span<const T> list) {
    return list[static_cast<size_t>(random_.integer(static_cast<int64_t>(list.size())))];
  }
  template <class T, size_t n>
  const T& any(const T (&list)[n]) {
    return any(std::span<const T>(list));
  }
  void say(std::string_view word) { text_.append(word).append(" "); }

  // `depth` is how many phrases may hang on it, one on the other.
  Subject noun_phrase(int depth) {
    const bool plural = chance(0.5);
    const std::string_view determiner = any(determiners).of(plural);
    const std::string_view adjective = chance(0.4) ? any(adjectives) : "";
    const Noun& noun = any(nouns);
    const std::string_view name = noun.forms.of(plural);
    const char next = (adjective.empty() ? name : adjective).front();
    const bool vowel = std::string_view("aeiou").find(next) != std::string_view::npos || adjective == "honest";
    say(determiner == "a" && vowel ? "an" : determiner);
    if (!adjective.empty()) say(adjective);
    say(name);
    if (depth > 0 && chance(0.25)) {
      say(any(prepositions));
      noun_phrase(depth - 1);
    } else if (depth > 0 && chance(0.25)) {
      say("that");
      if (chance(0.5)) {  // the girl that sees a dog
        say(any(transitive).of(plural));
        noun_phrase(0);
      } else {  // the girl that a dog sees
        const bool other = noun_phrase(0).plural;
        say(any(transitive).of(other));
      }
    }
    return {plural, plural ? "themselves" : noun.self};
  }

  void predicate(const Subject& subject, bool plural) {
    const double kind = random_.uniform();
    if (kind < 0.5) {
      say(any(transitive).of(plural));
      noun_phrase(1);
    } else if (kind < 0.65) {
      say(any(transitive).of(plural));
      say(subject.self);
    } else if (kind < 0.8) {
      say(plural ? "are" : "is");
      say(any(adjectives));
    } else {
      say(any(intransitive).of(plural));
    }
  }

  Generator random_;
  bool wrong_;
  std::string text_;
};

Sentences write_all(const GrammarOptions& options, const char* part, int64_t n) {
  Sentences all{std::vector<std::string>(static_cast<size_t>(n)), std::vector<int64_t>(static_cast<size_t>(n))};
  parallel_for(n, 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Writer writer(options, part, i);
      all.texts[static_cast<size_t>(i)] = writer.write();
      all.labels[static_cast<size_t>(i)] = writer.wrong() ? 0 : 1;
    }
  });
  return all;
}

}  // namespace

GrammarText grammar(const GrammarOptions& options) {
  require<ValueError>(options.train >= 1 && options.test >= 1, "grammar", "needs at least one sentence of each part",
                      given("train", options.train), given("test", options.test));
  require<ValueError>(options.wrong >= 0 && options.wrong <= 1, "grammar", "wrong is a share from 0 to 1",
                      given("wrong", options.wrong));
  return {write_all(options, "grammar: train", options.train), write_all(options, "grammar: test", options.test)};
}

}  // namespace cairn::data
