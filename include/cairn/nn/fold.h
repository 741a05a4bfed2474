#pragma once
// Activations of many inputs at once, as layers: the operations of ops/softmax.h, activation/gated.h and
// activation/fold.h with their options.

#include "cairn/activation/fold.h"
#include "cairn/activation/gated.h"
#include "cairn/nn/module.h"
#include "cairn/ops/softmax.h"

namespace cairn::nn {

namespace detail {

class HasDim : public Layer {
 public:
  int64_t dim;
  explicit HasDim(int64_t dim) : dim(dim) {}
  Json options() const override;

 protected:
  void read(const Json& options);
};

/// What L shares with its siblings: f along a dimension.
template <class L, Tensor (*f)(const Tensor& x, int64_t dim)>
class Along : public HasDim {
 public:
  using HasDim::HasDim;
  Tensor forward(const Tensor& x) override { return f(x, dim); }
  static L from_options(const Json& options) {
    L layer(0);
    layer.read(options);
    return layer;
  }
};

}  // namespace detail

// The same shape; what stands along `dim` is positive (or its logarithm is taken) and adds up to 1. cross_entropy
// takes logits: no softmax belongs in front of it.
class Softmax : public detail::Along<Softmax, softmax> {
  using Along::Along;
};
class LogSoftmax : public detail::Along<LogSoftmax, log_softmax> {
  using Along::Along;
};
class Softmin : public detail::Along<Softmin, softmin> {
  using Along::Along;
};
class Sparsemax : public detail::Along<Sparsemax, sparsemax> {
  using Along::Along;
};

// Gates: (…, 2h, …) → (…, h, …) along `dim`. The layer before makes both halves: Linear(in, 2 * h) and then GLU().
class GLU : public detail::Along<GLU, glu> {
 public:
  explicit GLU(int64_t dim = -1) : Along(dim) {}
};
class ReGLU : public detail::Along<ReGLU, reglu> {
 public:
  explicit ReGLU(int64_t dim = -1) : Along(dim) {}
};
class GeGLU : public detail::Along<GeGLU, geglu> {
 public:
  explicit GeGLU(int64_t dim = -1) : Along(dim) {}
};
class SwiGLU : public detail::Along<SwiGLU, swiglu> {
 public:
  explicit SwiGLU(int64_t dim = -1) : Along(dim) {}
};
class BilinearGLU : public detail::Along<BilinearGLU, bilinear> {
 public:
  explicit BilinearGLU(int64_t dim = -1) : Along(dim) {}
};

/// (…, c, …) → (…, 2c, …) along `dim`.
class CReLU : public detail::Along<CReLU, crelu> {
 public:
  explicit CReLU(int64_t dim = 1) : Along(dim) {}
};

/// (…, k · pieces, …) → (…, k, …) along `dim`: Linear(in, k * pieces) and then Maxout(pieces) is a layer of k units, each
/// the largest of `pieces` linear functions.
///   throws  ValueError for pieces < 1
class Maxout : public Layer {
 public:
  int64_t pieces, dim;
  explicit Maxout(int64_t pieces, int64_t dim = 1);
  Tensor forward(const Tensor& x) override { return maxout(x, pieces, dim); }
  Json options() const override;
  static Maxout from_options(const Json& options);
};

}  // namespace cairn::nn
