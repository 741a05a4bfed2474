#include "support/language.h"

#include <cairn/data/grammar.h>
#include <cairn/data/mnist.h>
#include <cairn/data/text.h>
#include <cairn/data/train_wordpiece.h>
#include <cairn/data/wordpiece.h>
#include <cairn/graph/node.h>
#include <cairn/ops/compare.h>
#include <cairn/ops/index.h>
#include <cairn/ops/loss.h>
#include <cairn/ops/reduce.h>
#include <cairn/ops/softmax.h>
#include <cairn/ops/sort.h>
#include <cairn/tensor/create.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "support/masked_lm.h"

namespace support {

using namespace cairn;

Text find_text(const std::string& file, const std::string& folder, int64_t sentences) {
  if (!file.empty()) {
    data::TextParts parts = data::split_text(data::read_text(file));
    return {file, std::move(parts.train), std::move(parts.test)};
  }
  const std::string found =
      sentences > 0 ? "" : data::find_data("tiny-shakespeare", folder, CAIRN_SOURCE_DIR, data::has_tiny_shakespeare);
  if (!found.empty()) {
    data::TextParts parts = data::load_tiny_shakespeare(found);
    return {"Tiny Shakespeare in " + found, std::move(parts.train), std::move(parts.test)};
  }
  const int64_t count = sentences > 0 ? sentences : 20000;
  const data::GrammarText made = data::grammar({.train = count, .test = std::max<int64_t>(count / 10, 1)});
  const auto joined = [](const std::vector<std::string>& texts) {
    std::string text;
    for (const std::string& t : texts) text += t + "\n";
    return text;
  };
  return {std::to_string(count) + " sentences of a grammar" +
              (sentences > 0 ? "" : ", as there is no Tiny Shakespeare (data/fetch_tiny_shakespeare.sh fetches it)"),
          joined(made.train.texts), joined(made.test.texts)};
}

std::unique_ptr<data::Tokenizer> make_tokenizer(const std::string& kind, const std::string& vocabulary_file,
                                                const std::string& text, int64_t size) {
  if (kind == "char") {
    if (!vocabulary_file.empty())
      return std::make_unique<data::CharTokenizer>(data::CharTokenizer::load(vocabulary_file));
    return std::make_unique<data::CharTokenizer>(data::CharTokenizer::from_text(text));
  }
  if (kind != "wordpiece") fail_unknown("tokenizer", kind, {"wordpiece", "char"});
  if (!vocabulary_file.empty())
    return std::make_unique<data::WordPieceTokenizer>(data::WordPieceTokenizer::load(vocabulary_file));
  return std::make_unique<data::WordPieceTokenizer>(data::train_wordpiece(text, size));
}

// ---- what is learned -----------------------------------------------------------------------------------------------------

static data::TokenDataset full_pieces(const data::Tokenizer& tokenizer, const std::string& text, int64_t length) {
  std::vector<data::Encoding> pieces = tokenizer.encode_pieces(text, length);
  std::erase_if(pieces, [&](const data::Encoding& e) { return static_cast<int64_t>(e.ids.size()) != length; });
  require<ValueError>(!pieces.empty(), "text", "too short for a single piece; give a longer one or a smaller --length",
                      given("length", length));
  return data::TokenDataset(std::move(pieces));
}

MaskedText::MaskedText(const data::Tokenizer& tokenizer, const std::string& text, int64_t length, uint64_t seed)
    : pieces_(full_pieces(tokenizer, text, length)),
      masking_{.mask = tokenizer.vocabulary().mask(),
               .vocabulary = tokenizer.vocabulary().size(),
               .special = tokenizer.vocabulary().special(),
               .seed = seed},
      pad_(tokenizer.vocabulary().pad()),
      tokens_(pieces_.size() * (length - 2)) {}

data::Batch MaskedText::make_batch(std::span<const int64_t> numbers, int64_t epoch) const {
  const data::TokenBatch batch =
      data::mask_tokens(data::make_batch(pieces_, {numbers.begin(), numbers.end()}, pad_, epoch), masking_);
  return {batch.ids, batch.labels};
}

train::Step masked_step(models::BertForMaskedLM& model) {
  return [&model](const data::Batch& batch) -> train::StepOutput {
    const Tensor all = batch.y.flatten();
    const auto labels = all.to_vector<int64_t>();
    std::vector<int64_t> places;
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] >= 0) places.push_back(static_cast<int64_t>(i));
    const Tensor at = from_vector(places), targets = index_select(all, 0, at);
    Tensor logits = model({.input_ids = batch.x}, at);
    return {cross_entropy(logits, targets), logits, targets};
  };
}

Unigrams unigrams(const data::Tokenizer& tokenizer, const std::string& train, const MaskedText& test) {
  std::vector<double> counts(static_cast<size_t>(tokenizer.vocabulary().size()), 1);  // so that none is impossible
  double total = static_cast<double>(counts.size());
  for (const int64_t id : tokenizer.ids(train)) ++counts[static_cast<size_t>(id)], ++total;
  const auto best = std::max_element(counts.begin(), counts.end()) - counts.begin();
  double right = 0, loss = 0, hidden = 0;
  std::vector<int64_t> all(static_cast<size_t>(test.size()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  for (const int64_t label : test.gather(all).y.flatten().to_vector<int64_t>()) {
    if (label < 0) continue;
    right += label == best, ++hidden;
    loss -= std::log(counts[static_cast<size_t>(label)] / total);
  }
  return {right / hidden, std::exp(loss / hidden)};
}

// ---- files ---------------------------------------------------------------------------------------------------------------

void save(const Language& l, const std::string& file) {
  save_masked_lm(*l.model, file,
                 {{"tokenizer", l.tokenizer_kind}, {"vocabulary", Json(l.tokenizer->vocabulary().tokens()).dump()}});
}

Language load_language(const std::string& file) {
  SavedMaskedLm saved = load_masked_lm(file);
  const auto wrong = [&](const std::string& problem) { return FileError(problem + "; got '" + file + "'"); };
  try {
    data::Vocabulary vocabulary(Json::parse(saved.metadata.at("vocabulary")).get<std::vector<std::string>>());
    if (const int64_t sized = saved.model->bert.config.vocab_size; vocabulary.size() != sized)
      throw wrong("the vocabulary has " + std::to_string(vocabulary.size()) + " tokens, the model " +
                  std::to_string(sized));
    Language l{.tokenizer_kind = saved.metadata.at("tokenizer"), .tokenizer = {}, .model = std::move(saved.model)};
    if (l.tokenizer_kind == "char")
      l.tokenizer = std::make_unique<data::CharTokenizer>(std::move(vocabulary));
    else if (l.tokenizer_kind == "wordpiece")
      l.tokenizer = std::make_unique<data::WordPieceTokenizer>(std::move(vocabulary));
    else
      fail_unknown("tokenizer", l.tokenizer_kind, {"wordpiece", "char"});
    return l;
  } catch (const FileError&) {
    throw;
  } catch (const std::out_of_range&) {
    throw wrong("this is no file of `bert --save`");
  } catch (const Json::exception& e) {
    throw wrong("the vocabulary is damaged (" + std::string(e.what()) + ")");
  } catch (const Error& e) {
    throw wrong(e.what());
  }
}

// ---- questions -------------------------------------------------------------------------------------------------------------

std::vector<int64_t> question(const data::Tokenizer& tokenizer, const std::string& text, int64_t longest) {
  std::vector<int64_t> ids = tokenizer.encode(text).ids;
  require<ValueError>(std::find(ids.begin(), ids.end(), tokenizer.vocabulary().mask()) != ids.end(), "ask",
                      "write [MASK] where a word is missing", text);
  require<ValueError>(static_cast<int64_t>(ids.size()) <= longest, "ask", "the text is longer than the model takes",
                      given("tokens", ids.size()), given("at most", longest));
  return ids;
}

std::string fill(const Language& l, const std::string& text) {
  const data::Vocabulary& v = l.tokenizer->vocabulary();
  std::vector<int64_t> ids = question(*l.tokenizer, text, l.model->bert.config.max_position_embeddings);
  std::vector<int64_t> places;
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] == v.mask()) places.push_back(static_cast<int64_t>(i));
  const NoGrad no_grad;
  const Tensor probabilities =
      softmax((*l.model)({.input_ids = from_vector(ids).unsqueeze(0)}, from_vector(places)), 1);
  require<ValueError>(all(isfinite(probabilities)).item<bool>(), "ask",
                      "the weights of the model do not give numbers (NaN or infinite)");
  const ValuesIndices best = topk(probabilities, std::min<int64_t>(5, v.size()), 1);
  std::string more;
  for (size_t k = 0; k < places.size(); ++k) {
    const auto row = static_cast<int64_t>(k);
    const auto tokens = best.indices[row].to_vector<int64_t>();
    const auto shares = best.values[row].to_vector<float>();
    ids[static_cast<size_t>(places[k])] = tokens[0];
    for (size_t i = 0; i < tokens.size(); ++i) {
      char share[32];
      std::snprintf(share, sizeof share, " %.1f %%", 100 * static_cast<double>(shares[i]));
      more += (i == 0 ? "\n  " : ", ") + v.token(tokens[i]) + share;
    }
  }
  return l.tokenizer->decode(ids) + more;
}

}  // namespace support
