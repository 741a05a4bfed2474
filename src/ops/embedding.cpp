#include "cairn/ops/embedding.h"

#include <algorithm>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "cairn/tensor/create.h"
#include "ops/indices.h"
#include "ops/layout.h"

namespace cairn {
namespace {

Tensor scattered(const Tensor& g, const Tensor& ids, int64_t num, int64_t padding);

// The rows of weight; with `skip` zeros for the padding. Its gradient leaves the padding out in both cases.
Tensor rows_of(const Tensor& weight, const Tensor& ids, int64_t padding, bool skip) {
  Shape shape = ids.shape();
  shape.push_back(weight.size(1));
  Tensor y = empty(shape, weight.dtype());
  const Tensor table = ops::row_major(weight);
  const int64_t dim = weight.size(1), *id = ids.pointer<int64_t>();
  visit_float("embedding", weight.dtype(), [&]<class S>() {
    parallel_for(ids.numel(), std::max<int64_t>(1, 32768 / std::max<int64_t>(1, dim)), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        S* to = y.pointer<S>() + i * dim;
        if (skip && id[i] == padding)
          std::fill_n(to, dim, S(0));
        else
          std::copy_n(table.pointer<S>() + id[i] * dim, dim, to);
      }
    });
  });
  return record("embedding", std::move(y), {weight, ids}, Keep::input(1), [padding](const Backward& s) -> Grads {
    return {scattered(s.grad, s.input(1), s.shape(0)[0], padding), none};
  });
}

// Zeros with the rows of g added at their ids. Columns are shared out, so that equal ids meet in order.
Tensor scattered(const Tensor& g, const Tensor& ids, int64_t num, int64_t padding) {
  const Tensor from = ops::row_major(g);
  const int64_t dim = g.size(-1), n = ids.numel(), *id = ids.pointer<int64_t>();
  Tensor y = zeros({num, dim}, g.dtype());
  visit_float("embedding", g.dtype(), [&]<class S>() {
    parallel_for(dim, std::max<int64_t>(16, 131072 / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < n; ++i) {
        if (id[i] == padding) continue;
        S* to = y.pointer<S>() + id[i] * dim;
        const S* add = from.pointer<S>() + i * dim;
        for (int64_t c = begin; c < end; ++c) to[c] += add[c];
      }
    });
  });
  return record("embedding_backward", std::move(y), {g, ids}, Keep::input(1), [padding](const Backward& s) -> Grads {
    return {rows_of(s.grad, s.input(1), padding, true), none};
  });
}

}  // namespace

Tensor embedding(const Tensor& ids, const Tensor& weight, int64_t padding_idx) {
  require(weight.dim() == 2, "embedding", "weight must be (num, dim)", given("weight", weight));
  require<DtypeError>(is_float(weight.dtype()), "embedding", "needs f32 or f64; convert with to(f32)",
                      given("weight", weight));
  require<ValueError>(padding_idx >= -1 && padding_idx < weight.size(0), "embedding",
                      "padding_idx must be a row of weight, or −1 for none", given("padding_idx", padding_idx),
                      given("weight", weight));
  return rows_of(weight, ops::checked_index("embedding", ids, weight.size(0)), padding_idx, false);
}

}  // namespace cairn
