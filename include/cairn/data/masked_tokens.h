#pragma once
// Tokens hidden for a model to find: masked language modelling.

#include <vector>

#include "cairn/data/token_loader.h"

namespace cairn::data {

struct MaskingOptions {
  int64_t mask = -1;                  ///< the number of [MASK]: vocabulary.mask()
  int64_t vocabulary = 0;             ///< how many tokens there are: vocabulary.size()
  std::vector<int64_t> special = {};  ///< never hidden and never put in another's place: vocabulary.special()
  double probability = 0.15;          ///< the share of a sequence's other tokens that is chosen
  double masked = 0.8;                ///< the probability that a chosen token becomes [MASK]
  double random = 0.1;                ///< … and that it becomes a random one; else it stays as it is
  uint64_t seed = 0;
};

/// Chooses max(1, round(probability · k)) of the k tokens of each sequence that are not special (none where k is 0),
/// hides most of them, and makes labels (n, l) i64 of what they were, −100 everywhere else: what cross_entropy ignores.
///   cross_entropy(logits.reshape({-1, vocabulary.size()}), batch.labels.flatten())
/// What is drawn comes from (seed, epoch, number of the sample): it is the same in any batch and on any number of
/// threads, and different in every epoch. For an evaluation that can be compared, take the same epoch each time.
///   batch   is not changed; its own labels are dropped
///   throws  ValueError for probabilities outside [0, 1] or masked + random above 1, for numbers that are none of the
///           vocabulary's, and a vocabulary of special tokens alone; ShapeError for a batch of another form
///   source  Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers", arXiv:1810.04805, section
///           3.1; its code rounds the count as above
TokenBatch mask_tokens(const TokenBatch& batch, const MaskingOptions& options);

}  // namespace cairn::data
