#include "cairn/data/wordpiece.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <utility>

#include "cairn/base/error.h"
#include "data/utf8.h"

namespace cairn::data {
namespace {

bool is_space(UChar32 c) { return c == '\t' || c == '\n' || c == '\r' || (U_GET_GC_MASK(c) & U_GC_Z_MASK) != 0; }

bool is_punctuation(UChar32 c) {
  if (c < 0x80) return c > ' ' && c < 0x7F && !u_isalnum(c);
  return (U_GET_GC_MASK(c) & U_GC_P_MASK) != 0;
}

// The blocks that BERT's code lists: neither Japanese nor Korean letters, nor the ideographs that Unicode added later.
bool is_cjk(UChar32 c) {
  switch (ublock_getCode(c)) {
    case UBLOCK_CJK_UNIFIED_IDEOGRAPHS:
    case UBLOCK_CJK_UNIFIED_IDEOGRAPHS_EXTENSION_A:
    case UBLOCK_CJK_UNIFIED_IDEOGRAPHS_EXTENSION_B:
    case UBLOCK_CJK_UNIFIED_IDEOGRAPHS_EXTENSION_C:
    case UBLOCK_CJK_UNIFIED_IDEOGRAPHS_EXTENSION_D:
    case UBLOCK_CJK_UNIFIED_IDEOGRAPHS_EXTENSION_E:
    case UBLOCK_CJK_COMPATIBILITY_IDEOGRAPHS:
    case UBLOCK_CJK_COMPATIBILITY_IDEOGRAPHS_SUPPLEMENT:
      return true;
    default:
      return false;
  }
}

template <class F>
void for_each_character(const icu::UnicodeString& text, F&& f) {
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) f(text.char32At(i));
}

icu::UnicodeString decomposed(const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(status);
  icu::UnicodeString result = U_SUCCESS(status) ? nfd->normalize(text, status) : text;
  if (U_FAILURE(status)) throw Error(std::string("basic_tokenize: ICU failed with ") + u_errorName(status));
  return result;
}

// Of a line, which white space surrounds: each can be looked at by itself.
void split_line(std::string_view line, const WordPieceOptions& options, std::vector<std::string>& words) {
  icu::UnicodeString text;
  for_each_character(icu::UnicodeString::fromUTF8(icu::StringPiece(line.data(), static_cast<int32_t>(line.size()))),
                     [&](UChar32 c) {
                       const auto kind = u_charType(c);
                       if (is_space(c))
                         text.append(' ');
                       else if (c == 0xFFFD || kind == U_CONTROL_CHAR || kind == U_FORMAT_CHAR)
                         return;
                       else if (options.space_cjk && is_cjk(c))
                         text.append(' ').append(c).append(' ');
                       else
                         text.append(c);
                     });
  const bool strips = options.strip_accents.value_or(options.lower_case);
  if (options.lower_case) text.toLower(icu::Locale::getRoot());
  if (strips) text = decomposed(text);

  icu::UnicodeString word;
  const auto finish = [&] {
    if (!word.isEmpty()) word.toUTF8String(words.emplace_back());
    word.remove();
  };
  for_each_character(text, [&](UChar32 c) {
    if (strips && u_charType(c) == U_NON_SPACING_MARK) return;
    const bool apart = is_punctuation(c);
    if (apart || c == ' ') finish();
    if (c != ' ') word.append(c);
    if (apart) finish();
  });
  finish();
}

std::vector<std::string> words_of(std::string_view text, const WordPieceOptions& options) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    require<ValueError>(end < size_t{1} << 29, "basic_tokenize", "a line must be shorter than 512 MiB",
                        given("bytes", end));
    split_line(text.substr(0, end), options, words);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

std::vector<std::string> basic_tokenize(std::string_view text, const WordPieceOptions& options) {
  return words_of(well_formed("basic_tokenize", text, options.malformed), options);
}

WordPieceTokenizer::WordPieceTokenizer(Vocabulary given_vocabulary, const WordPieceOptions& options)
    : Tokenizer(std::move(given_vocabulary), {options.malformed, options.special_in_text}), options_(options) {
  require<ValueError>(options.max_characters >= 1, "WordPieceTokenizer", "max_characters must be at least 1",
                      given("max_characters", options.max_characters));
  for (const std::string& token : vocabulary().tokens()) longest_ = std::max(longest_, token.size());
}

WordPieceTokenizer WordPieceTokenizer::load(const std::string& path, const WordPieceOptions& options) {
  return WordPieceTokenizer(Vocabulary::load(path), options);
}

void WordPieceTokenizer::split(std::string_view text, std::vector<int64_t>& ids) const {
  for (std::string& rest : words_of(text, options_)) {
    const auto characters = std::count_if(rest.begin(), rest.end(), [](char c) { return (c & 0xC0) != 0x80; });
    const auto find = [&](size_t length) { return vocabulary().find(std::string_view(rest).substr(0, length)); };
    const size_t before = ids.size();
    size_t mark = 0;  // bytes of ##, which stands in front of what is left from the second piece on
    bool known = characters <= options_.max_characters;
    while (known && rest.size() > mark) {
      size_t length = std::min(rest.size(), longest_);
      int64_t id = find(length);
      while (id < 0 && --length > mark) id = find(length);
      known = id >= 0;
      ids.push_back(id);
      rest.replace(0, length, "##");
      mark = 2;
    }
    if (known) continue;
    ids.resize(before);
    ids.push_back(vocabulary().unk());
  }
}

void WordPieceTokenizer::join(std::string& text, std::string_view token) const {
  if (token.starts_with("##") && token.size() > 2 && !text.empty())
    text += token.substr(2);
  else
    (text.empty() ? text : text += ' ') += token;
}

}  // namespace cairn::data
