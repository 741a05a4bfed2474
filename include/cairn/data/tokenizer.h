#pragma once
// From text to the numbers of tokens and back. Part of the optional component cairn::text.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/data/token_loader.h"
#include "cairn/data/vocabulary.h"

namespace cairn::data {

/// What is done with bytes that are no UTF-8.
enum class Malformed {
  error,    ///< ValueError that names the offset of the first such byte: the default, as it is damage that was not seen
  replace,  ///< each becomes U+FFFD, which WordPiece then drops, as BERT's own tokenizer drops the bytes
};

struct TokenizerOptions {
  Malformed malformed = Malformed::error;
  bool special_in_text = true;  ///< "[MASK]" and its kin in a text are those tokens; false for text of strangers
};

struct EncodeOptions {
  int64_t max_length = 0;  ///< of the whole, special tokens included; 0: no limit
};

/// Splits text into the tokens of a vocabulary. An immutable value: any number of threads may use one.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  const Vocabulary& vocabulary() const { return vocabulary_; }

  /// The tokens of a text, without [CLS] and [SEP]; by number, or as the vocabulary spells them.
  ///   throws  ValueError for text that is no UTF-8, see Malformed
  std::vector<int64_t> ids(std::string_view text) const;
  std::vector<std::string> tokenize(std::string_view text) const;

  /// [CLS] text [SEP]. What max_length leaves no room for is cut off at the end of the text.
  ///   throws  ValueError as ids, and for a max_length below 2
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// [CLS] a [SEP] b [SEP], of types 0 … 0 1 … 1 from b on. What max_length leaves no room for is cut off token by
  /// token from the longer text, from b when both are as long.
  ///   throws  ValueError as ids, and for a max_length below 3
  ///   source  Devlin et al. 2019, "BERT", arXiv:1810.04805, and its code
  Encoding encode(std::string_view a, std::string_view b, const EncodeOptions& options = {}) const;
  /// A long text as one sequence after another, each [CLS] … [SEP] and `length` long, the last one as long as it comes.
  ///   throws  ValueError as ids, and for a length below 3
  std::vector<Encoding> encode_pieces(std::string_view text, int64_t length) const;

  /// The text of tokens, as far as they tell it.
  ///   skip_special  leaves out the five special tokens
  ///   throws        IndexError for a number that is no token
  std::string decode(std::span<const int64_t> ids, bool skip_special = true) const;

 protected:
  Tokenizer(Vocabulary vocabulary, const TokenizerOptions& options);
  Tokenizer(const Tokenizer&) = default;
  Tokenizer(Tokenizer&&) = default;

 private:
  // Appends the tokens of well-formed text without special tokens.
  virtual void split(std::string_view text, std::vector<int64_t>& ids) const = 0;
  // Appends a token to text decoded so far.
  virtual void join(std::string& text, std::string_view token) const = 0;

  Vocabulary vocabulary_;
  TokenizerOptions options_;
};

/// A token a character (code point). What the vocabulary lacks is [UNK].
class CharTokenizer : public Tokenizer {
 public:
  ///   throws  ValueError for a token that is neither special nor one character
  explicit CharTokenizer(Vocabulary vocabulary, const TokenizerOptions& options = {});
  /// The special tokens, then these characters in this order.
  ///   throws  ValueError as Vocabulary, and for an item that is not one character
  explicit CharTokenizer(const std::vector<std::string>& characters, const TokenizerOptions& options = {});
  /// The special tokens, then each character of the text once, by code point.
  ///   throws  ValueError for text that is no UTF-8, unless that is replaced: then U+FFFD is one of the characters
  static CharTokenizer from_text(std::string_view text, const TokenizerOptions& options = {});
  /// Of a file that vocabulary().save wrote.
  ///   throws  FileError as Vocabulary::load, ValueError as the constructor
  static CharTokenizer load(const std::string& path, const TokenizerOptions& options = {});

 private:
  void split(std::string_view text, std::vector<int64_t>& ids) const override;
  void join(std::string& text, std::string_view token) const override;
};

}  // namespace cairn::data
