#include "cairn/data/train_wordpiece.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

#include "cairn/base/error.h"
#include "data/utf8.h"

namespace cairn::data {
namespace {

using Pair = std::pair<size_t, size_t>;  // numbers of tokens

struct Word {
  std::vector<size_t> pieces;
  int64_t count;
};

struct Occurrence {
  int64_t count = 0;
  std::vector<size_t> words = {};  // where it is or was, some twice
};

class Trainer {
 public:
  Trainer(const std::map<std::string, int64_t>& counts, int64_t size, const TrainWordPieceOptions& options)
      : size_(static_cast<size_t>(size)), least_(options.min_frequency) {
    for (const std::string_view s : Vocabulary::special_tokens) number(std::string(s));
    add_alphabet(counts, options.alphabet);
    require<ValueError>(tokens_.size() <= size_, "train_wordpiece",
                        "size must hold the special tokens and the alphabet; take a larger size or a smaller alphabet",
                        given("size", size), given("needed", tokens_.size()));
    for (const auto& [text, count] : counts) add_word(text, count);
  }

  std::vector<std::string> run() {
    for (const auto& [pair, there] : pairs_) queue_.emplace(there.count, pair);
    while (tokens_.size() < size_ && !queue_.empty()) {
      const auto [count, pair] = queue_.top();
      queue_.pop();
      const int64_t now = pairs_[pair].count;
      if (now < count)
        queue_.emplace(now, pair);  // it was counted before others were merged
      else if (now < least_)
        break;
      else if (now == count)  // else it was queued again when it became more frequent
        merge(pair);
    }
    return std::move(tokens_);
  }

 private:
  // Pairs that occur equally often go in the order of their numbers.
  struct Later {
    bool operator()(const std::pair<int64_t, Pair>& a, const std::pair<int64_t, Pair>& b) const {
      return a.first != b.first ? a.first < b.first : a.second > b.second;
    }
  };

  size_t number(const std::string& token) {
    const auto [at, fresh] = numbers_.emplace(token, tokens_.size());
    if (fresh) tokens_.push_back(token);
    return at->second;
  }

  void add_alphabet(const std::map<std::string, int64_t>& counts, int64_t most) {
    std::map<std::string_view, int64_t> characters;
    std::set<std::string_view> inside;  // those in words of several
    for (const auto& [text, count] : counts)
      for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(character_bytes(rest))) {
        const std::string_view c = rest.substr(0, character_bytes(rest));
        characters[c] += count;
        if (c.size() < text.size()) inside.insert(c);
      }
    std::vector<std::pair<int64_t, std::string_view>> order;
    for (const auto& [c, count] : characters) order.emplace_back(-count, c);
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), static_cast<size_t>(most)));
    std::set<std::string_view> kept;
    for (const auto& [count, c] : order) kept.insert(c);
    for (const std::string_view c : kept) number(std::string(c));
    for (const std::string_view c : kept)
      if (inside.contains(c)) number("##" + std::string(c));
  }

  // A word with a character that was not kept will be [UNK], so it teaches nothing.
  void add_word(const std::string& text, int64_t count) {
    Word word{{}, count};
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(character_bytes(rest))) {
      const auto found =
          numbers_.find((word.pieces.empty() ? "" : "##") + std::string(rest.substr(0, character_bytes(rest))));
      if (found == numbers_.end()) return;
      word.pieces.push_back(found->second);
    }
    words_.push_back(std::move(word));
    count_pairs(words_.size() - 1, 1);
  }

  // Adds the pairs of a word to the counts, or takes them away again.
  void count_pairs(size_t w, int64_t sign) {
    const Word& word = words_[w];
    for (size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      Occurrence& there = pairs_[{word.pieces[i], word.pieces[i + 1]}];
      there.count += sign * word.count;
      if (sign > 0) there.words.push_back(w);
    }
  }

  void merge(const Pair& pair) {
    const size_t merged = number(tokens_[pair.first] + tokens_[pair.second].substr(2));
    std::set<Pair> changed;
    for (const size_t w : std::exchange(pairs_[pair].words, {})) {
      std::vector<size_t> pieces;
      const std::vector<size_t>& old = words_[w].pieces;
      for (size_t i = 0; i < old.size(); ++i) {
        const bool here = i + 1 < old.size() && Pair(old[i], old[i + 1]) == pair;
        pieces.push_back(here ? merged : old[i]);
        i += here;
      }
      if (pieces.size() == old.size()) continue;
      count_pairs(w, -1);
      words_[w].pieces = std::move(pieces);
      count_pairs(w, 1);
      for (size_t i = 0; i + 1 < words_[w].pieces.size(); ++i)
        changed.emplace(words_[w].pieces[i], words_[w].pieces[i + 1]);
    }
    for (const Pair& p : changed) queue_.emplace(pairs_[p].count, p);
  }

  size_t size_;
  int64_t least_;
  std::vector<std::string> tokens_;
  std::map<std::string, size_t> numbers_;
  std::vector<Word> words_;
  std::map<Pair, Occurrence> pairs_;
  std::priority_queue<std::pair<int64_t, Pair>, std::vector<std::pair<int64_t, Pair>>, Later> queue_;
};

}  // namespace

Vocabulary train_wordpiece(std::string_view text, int64_t size, const TrainWordPieceOptions& options) {
  require<ValueError>(size >= 1 && options.min_frequency >= 1 && options.alphabet >= 1, "train_wordpiece",
                      "size, min_frequency and alphabet must be at least 1", given("size", size),
                      given("min_frequency", options.min_frequency), given("alphabet", options.alphabet));
  std::map<std::string, int64_t> counts;
  for (std::string& word : basic_tokenize(text, options.words)) ++counts[std::move(word)];
  return Vocabulary(Trainer(counts, size, options).run());
}

}  // namespace cairn::data
