#include "cairn/data/tokenizer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cairn/base/error.h"
#include "data/utf8.h"

namespace cairn::data {

Tokenizer::Tokenizer(Vocabulary vocabulary, const TokenizerOptions& options)
    : vocabulary_(std::move(vocabulary)), options_(options) {}

// The special token that begins here, or "".
static std::string_view special_at(std::string_view text) {
  for (const std::string_view s : Vocabulary::special_tokens)
    if (text.starts_with(s)) return s;
  return "";
}

std::vector<int64_t> Tokenizer::ids(std::string_view given_text) const {
  const std::string checked = well_formed("Tokenizer", given_text, options_.malformed);
  std::vector<int64_t> found;
  std::string_view text = checked;
  size_t at = options_.special_in_text ? text.find('[') : std::string_view::npos;
  for (; at != std::string_view::npos; at = text.find('[', at)) {
    const std::string_view special = special_at(text.substr(at));
    if (special.empty()) {
      ++at;
      continue;
    }
    split(text.substr(0, at), found);
    found.push_back(vocabulary_.id(special));
    text.remove_prefix(at + special.size());
    at = 0;
  }
  split(text, found);
  return found;
}

std::vector<std::string> Tokenizer::tokenize(std::string_view text) const {
  std::vector<std::string> tokens;
  for (const int64_t id : ids(text)) tokens.push_back(vocabulary_.token(id));
  return tokens;
}

// How many tokens of a text have room beside `special` special ones.
static size_t room(int64_t max_length, int64_t special) {
  if (max_length == 0) return SIZE_MAX;
  require<ValueError>(max_length >= special, "Tokenizer", "max_length must leave room for the special tokens",
                      given("max_length", max_length), given("special tokens", special));
  return static_cast<size_t>(max_length - special);
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const size_t most = room(options.max_length, 2);
  Encoding e{ids(text), {}};
  e.ids.resize(std::min(e.ids.size(), most));
  e.ids.insert(e.ids.begin(), vocabulary_.cls());
  e.ids.push_back(vocabulary_.sep());
  e.types.resize(e.ids.size(), 0);
  return e;
}

Encoding Tokenizer::encode(std::string_view a, std::string_view b, const EncodeOptions& options) const {
  const size_t most = room(options.max_length, 3);
  std::vector<int64_t> first = ids(a), second = ids(b);
  if (most < SIZE_MAX)
    while (first.size() + second.size() > most) (first.size() > second.size() ? first : second).pop_back();
  Encoding e;
  e.ids.push_back(vocabulary_.cls());
  e.ids.insert(e.ids.end(), first.begin(), first.end());
  e.ids.push_back(vocabulary_.sep());
  e.types.resize(e.ids.size(), 0);
  e.ids.insert(e.ids.end(), second.begin(), second.end());
  e.ids.push_back(vocabulary_.sep());
  e.types.resize(e.ids.size(), 1);
  return e;
}

std::vector<Encoding> Tokenizer::encode_pieces(std::string_view text, int64_t length) const {
  require<ValueError>(length >= 3, "Tokenizer", "a piece must hold a token beside [CLS] and [SEP]",
                      given("length", length));
  const std::vector<int64_t> all = ids(text);
  const size_t step = static_cast<size_t>(length) - 2;
  std::vector<Encoding> pieces;
  for (size_t begin = 0; begin < all.size(); begin += step) {
    const size_t end = std::min(begin + step, all.size());
    Encoding& e = pieces.emplace_back();
    e.ids.reserve(end - begin + 2);
    e.ids.push_back(vocabulary_.cls());
    e.ids.insert(e.ids.end(), all.begin() + static_cast<int64_t>(begin), all.begin() + static_cast<int64_t>(end));
    e.ids.push_back(vocabulary_.sep());
    e.types.resize(e.ids.size(), 0);
  }
  return pieces;
}

std::string Tokenizer::decode(std::span<const int64_t> ids, bool skip_special) const {
  std::string text;
  for (const int64_t id : ids) {
    const std::string& token = vocabulary_.token(id);
    if (!skip_special || !vocabulary_.is_special(id)) join(text, token);
  }
  return text;
}

// ---- characters -----------------------------------------------------------------------------------------------------

CharTokenizer::CharTokenizer(Vocabulary given_vocabulary, const TokenizerOptions& options)
    : Tokenizer(std::move(given_vocabulary), options) {
  for (const std::string& token : vocabulary().tokens())
    require<ValueError>(character_bytes(token) == token.size() || special_at(token) == token, "CharTokenizer",
                        "a token must be one character, or a special one", given("token", token),
                        given("number", vocabulary().find(token)));
}

static std::vector<std::string> with_special_tokens(const std::vector<std::string>& characters) {
  std::vector<std::string> tokens(Vocabulary::special_tokens.begin(), Vocabulary::special_tokens.end());
  tokens.insert(tokens.end(), characters.begin(), characters.end());
  return tokens;
}

CharTokenizer::CharTokenizer(const std::vector<std::string>& characters, const TokenizerOptions& options)
    : CharTokenizer(Vocabulary(with_special_tokens(characters)), options) {}

CharTokenizer CharTokenizer::from_text(std::string_view text, const TokenizerOptions& options) {
  const std::string checked = well_formed("CharTokenizer", text, options.malformed);
  std::set<std::string_view> characters;  // bytes of UTF-8 sort as code points do
  for (std::string_view rest = checked; !rest.empty(); rest.remove_prefix(character_bytes(rest)))
    characters.insert(rest.substr(0, character_bytes(rest)));
  return CharTokenizer(std::vector<std::string>(characters.begin(), characters.end()), options);
}

CharTokenizer CharTokenizer::load(const std::string& path, const TokenizerOptions& options) {
  return CharTokenizer(Vocabulary::load(path), options);
}

void CharTokenizer::split(std::string_view text, std::vector<int64_t>& ids) const {
  while (!text.empty()) {
    const size_t bytes = character_bytes(text);
    const int64_t id = vocabulary().find(text.substr(0, bytes));
    ids.push_back(id < 0 ? vocabulary().unk() : id);
    text.remove_prefix(bytes);
  }
}

void CharTokenizer::join(std::string& text, std::string_view token) const { text += token; }

}  // namespace cairn::data
