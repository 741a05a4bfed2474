#pragma once
// Texts, and a BERT that learns to fill the gaps in them.

#include <cairn/data/masked_tokens.h>
#include <cairn/data/tokenizer.h>
#include <cairn/models/bert.h>
#include <cairn/train/trainer.h>

#include <memory>
#include <string>
#include <vector>

namespace support {

struct Text {
  std::string source;  ///< "Tiny Shakespeare in data/tiny-shakespeare": for the screen
  std::string train, test;
};

/// The text of `file`; without one Tiny Shakespeare from `folder`, $CAIRN_DATA or data/; and where that is not to be had,
/// or sentences > 0, sentences made up by a grammar.
///   throws  FileError
Text find_text(const std::string& file, const std::string& folder, int64_t sentences);

/// "wordpiece", with the vocabulary of a file or else one made from the text, or "char".
std::unique_ptr<cairn::data::Tokenizer> make_tokenizer(const std::string& kind, const std::string& vocabulary_file,
                                                       const std::string& text, int64_t size);

/// A text in pieces of one length, a share of the tokens of each hidden anew in every epoch: x (n, length) i64, and y of
/// that size with the hidden tokens and −100 elsewhere. A last piece that is not full is left out.
class MaskedText : public cairn::data::Dataset {
 public:
  MaskedText(const cairn::data::Tokenizer& tokenizer, const std::string& text, int64_t length, uint64_t seed);
  int64_t size() const override { return pieces_.size(); }
  int64_t tokens() const { return tokens_; }

 private:
  cairn::data::Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override;

  cairn::data::TokenDataset pieces_;
  cairn::data::MaskingOptions masking_;
  int64_t pad_, tokens_;
};

/// Cross entropy at the hidden places.
cairn::train::Step masked_step(cairn::models::BertForMaskedLM& model);

/// What knowing nothing but how often each token occurs comes to on hidden tokens.
struct Unigrams {
  double accuracy, perplexity;
};
Unigrams unigrams(const cairn::data::Tokenizer& tokenizer, const std::string& train, const MaskedText& test);

/// A model and its tokenizer as one safetensors file.
struct Language {
  std::string tokenizer_kind;
  std::unique_ptr<cairn::data::Tokenizer> tokenizer;
  std::unique_ptr<cairn::models::BertForMaskedLM> model;
};
void save(const Language& language, const std::string& file);
///   throws  FileError
Language load_language(const std::string& file);

/// The tokens of a text with [MASK] in it.
///   throws  ValueError for a text without, or one longer than the model takes
std::vector<int64_t> question(const cairn::data::Tokenizer& tokenizer, const std::string& text, int64_t longest);

/// The text with its gaps filled, and below what else each [MASK] might be.
///   throws  as question
std::string fill(const Language& language, const std::string& text);

}  // namespace support
