#pragma once
// BERT's tokenizer. Part of the optional component cairn::text.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/data/tokenizer.h"

namespace cairn::data {

struct WordPieceOptions {
  bool lower_case = true;                  ///< false for "cased" vocabularies
  std::optional<bool> strip_accents = {};  ///< é becomes e; not given: as lower_case
  bool space_cjk = true;                   ///< each Chinese character is a word
  int64_t max_characters = 100;            ///< longer words are [UNK]
  Malformed malformed = Malformed::error;  ///< as TokenizerOptions
  bool special_in_text = true;             ///< as TokenizerOptions
};

/// The words of a text, as BERT sees them before it looks into its vocabulary: control and format characters, U+0000
/// and U+FFFD dropped; split at white space (Z*, tab, line feed, carriage return), around ideographs of the CJK blocks,
/// and around punctuation (P* and all of ASCII that is neither letter nor digit); lower case by the rules of the whole
/// of Unicode (the Greek final sigma too); canonically decomposed (NFD) and without non-spacing marks (Mn), where
/// accents are stripped.
///   throws  ValueError for text that is no UTF-8, see Malformed
///   source  the BasicTokenizer of BERT's code (tokenization.py, Google 2018)
std::vector<std::string> basic_tokenize(std::string_view text, const WordPieceOptions& options = {});

/// basic_tokenize, and then each word in pieces of a vocabulary, from its beginning the longest there is; all but the
/// first are written with ## in front: "unaffable" is un ##aff ##able. A word that cannot be put together is [UNK].
/// decode() joins pieces to words and words with blanks. Reads the vocab.txt of published models:
///   const auto tokenizer = WordPieceTokenizer::load("bert-base-uncased/vocab.txt");
///   source  Wu et al. 2016, "Google's neural machine translation system", arXiv:1609.08144; Devlin et al. 2019,
///           arXiv:1810.04805
class WordPieceTokenizer : public Tokenizer {
 public:
  ///   throws  ValueError for a max_characters below 1
  explicit WordPieceTokenizer(Vocabulary vocabulary, const WordPieceOptions& options = {});
  /// throws  FileError as Vocabulary::load
  static WordPieceTokenizer load(const std::string& path, const WordPieceOptions& options = {});

 private:
  void split(std::string_view text, std::vector<int64_t>& ids) const override;
  void join(std::string& text, std::string_view token) const override;

  WordPieceOptions options_;
  size_t longest_ = 0;  // bytes of a token
};

}  // namespace cairn::data
