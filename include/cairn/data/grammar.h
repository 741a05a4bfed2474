#pragma once
// English without files or network: sentences made up by a small grammar, in which most words tell something of others.

#include <cstdint>
#include <string>
#include <vector>

namespace cairn::data {

struct GrammarOptions {
  int64_t train = 20000, test = 2000;  ///< sentences of each part
  double wrong = 0;                    ///< the share whose main verb has the wrong number
  uint64_t seed = 1;                   ///< every seed gives other sentences
};

struct Sentences {
  std::vector<std::string> texts;
  std::vector<int64_t> labels;  ///< 1: grammatical; 0: the main verb has the wrong number
};

struct GrammarText {
  Sentences train, test;
};

/// Sentences such as "the farmer near two old horses sees himself ." and "every child that likes dogs sings .":
/// subject, verb and object, in lower case, words and the full stop between blanks. Articles agree with their nouns
/// ("a", "an", "these"), verbs with their subjects, also where other nouns stand between, reflexive pronouns with what
/// they mean: so a hidden word can often be told from the others, and whether a sentence is right needs its structure.
/// A sentence depends on (seed, part, its number) alone: it is the same on any number of threads, and when more are
/// asked for.
///   throws  ValueError unless both counts are at least 1 and 0 ≤ wrong ≤ 1
GrammarText grammar(const GrammarOptions& options = {});

}  // namespace cairn::data
