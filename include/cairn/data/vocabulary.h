#pragma once
// Tokens and their numbers. Part of the optional component cairn::text.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cairn::data {

/// The tokens of a model by number, the five special ones of BERT among them: [PAD] fills short rows, [UNK] stands for
/// what is not in the vocabulary, [CLS] begins a sequence, [SEP] ends each text of it, [MASK] hides a token.
class Vocabulary {
 public:
  static constexpr std::array<std::string_view, 5> special_tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

  /// Token i gets the number i.
  ///   throws  ValueError for an empty token, one that is no UTF-8, is there twice or fits no line of a file (it has a
  ///           line feed, say, and is not the line feed alone), and when a special one is missing
  explicit Vocabulary(std::vector<std::string> tokens);

  /// Reads a vocab.txt as it is published with BERT: UTF-8, one token a line. The tokens line feed and carriage return
  /// are written as \n and \r. A byte order mark at the beginning and carriage returns at the ends of lines are
  /// skipped.
  ///   throws  FileError as read_text, and as the constructor, naming file and line
  static Vocabulary load(const std::string& path);
  /// Writes what load reads, whole or not at all.
  ///   throws  FileError when the file cannot be written
  void save(const std::string& path) const;

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  /// throws  IndexError unless 0 ≤ id < size()
  const std::string& token(int64_t id) const;
  const std::vector<std::string>& tokens() const { return tokens_; }
  /// The number of a token, or −1.
  int64_t find(std::string_view token) const;
  /// throws  NameError for a token that is not there
  int64_t id(std::string_view token) const;

  int64_t pad() const { return special_[0]; }
  int64_t unk() const { return special_[1]; }
  int64_t cls() const { return special_[2]; }
  int64_t sep() const { return special_[3]; }
  int64_t mask() const { return special_[4]; }
  /// The five, in the order of special_tokens.
  std::vector<int64_t> special() const { return {special_.begin(), special_.end()}; }
  bool is_special(int64_t id) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Vocabulary() = default;
  // Fills the numbers in and tells what is wrong, or "". Lines and tokens are counted from different numbers.
  std::string index(const char* unit, size_t first);

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> numbers_;
  std::array<int64_t, 5> special_{};
};

}  // namespace cairn::data
