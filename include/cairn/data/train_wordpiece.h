#pragma once
// A vocabulary of one's own. Part of the optional component cairn::text.

#include <string_view>

#include "cairn/data/wordpiece.h"

namespace cairn::data {

struct TrainWordPieceOptions {
  WordPieceOptions words = {};  ///< how the text is split in words: what the tokenizer will be given
  int64_t min_frequency = 2;    ///< a pair that is rarer is not merged
  int64_t alphabet = 1000;      ///< so many characters at most, the most frequent ones
};

/// A vocabulary for WordPieceTokenizer out of a text: the special tokens; its characters, each as a beginning and,
/// where it stands in words of several characters, as a ## piece; then again and again the two neighbouring pieces that
/// occur most often, as one, until there are `size` tokens or no pair is frequent enough. So the longest match finds
/// frequent words whole, and puts others together.
///   throws  ValueError as basic_tokenize; for a size that the special tokens and the alphabet do not leave room in;
///           for a min_frequency or an alphabet below 1
///   source  Sennrich, Haddow and Birch 2016, "Neural machine translation of rare words with subword units",
///           arXiv:1508.07909: pairs are scored by how often they occur. (What Google trained BERT's vocabulary with
///           was not published.)
Vocabulary train_wordpiece(std::string_view text, int64_t size, const TrainWordPieceOptions& options = {});

}  // namespace cairn::data
