#pragma once
// Attention in blocks of queries and keys: no more than a block of the matrix of scores exists at a time, so memory grows with the
// length and not with its square. S is float or double.
//   source  Dao, Fu, Ermon, Rudra and Ré 2022, arXiv:2205.14135; the running softmax: Milakov and Gimelshein 2018,
//           arXiv:1805.02867

#include <cstdint>

#include "cairn/base/random.h"

namespace cairn::kernels {

/// A tensor (n, heads, length, width) whose rows lie anywhere, but whole.
template <class S>
struct HeadRows {
  S* data;
  int64_t n, head, row;  // steps
};

/// A number for each score, or one for several (a step of 0): what is added, or else whether the key takes part.
template <class S>
struct ScoreMask {
  const S* added = nullptr;
  const bool* allowed = nullptr;
  int64_t n = 0, head = 0, row = 0, column = 0;  // steps
};

/// Whether a share stays is told by a random word of its place, so that the gradient finds the same.
template <class S>
struct ScoreDropout {
  RandomStream stream;
  uint64_t position;
  uint32_t threshold;  // of the words that stay
  S scale;             // of the shares that stay

  /// Blocks of random words for all scores: rows begin at multiples of 64 words.
  static int64_t blocks(int64_t rows, int64_t keys) { return rows * ((keys + 63) / 64 * 16); }
  /// factors[0 … 63]: by what to multiply the scores of a row from key `first` (a multiple of 64) on.
  void factors(int64_t row, int64_t keys, int64_t first, S* factors) const;
};

template <class S>
struct Attention {
  int64_t n, heads, queries, keys, width, value_width;
  S scale;
  bool causal;  // query i sees keys 0 … i
  ScoreMask<S> mask;
  ScoreDropout<S> dropout;
  bool dropped;  // whether there is dropout
};

/// y = softmax(scale · q kᵀ + mask) v; zeros where no key takes part. sums (n, heads, queries, 2) are for the gradient: the
/// share of a score s is exp(s − sums[0]) · sums[1]. Two numbers, as one, the logarithm of a row's sum, would be lost beside
/// large scores.
template <class S>
void attention(const Attention<S>& a, HeadRows<const S> q, HeadRows<const S> k, HeadRows<const S> v, HeadRows<S> y,
               S* sums);

/// The gradients for the gradient g of y.
template <class S>
void attention_gradient(const Attention<S>& a, HeadRows<const S> q, HeadRows<const S> k, HeadRows<const S> v,
                        HeadRows<const S> y, const S* sums, HeadRows<const S> g, HeadRows<S> dq, HeadRows<S> dk,
                        HeadRows<S> dv);

}  // namespace cairn::kernels
