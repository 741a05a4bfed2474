#pragma once
// Tensors seen as Eigen matrices and Eigen matrices as tensors, without copying.

#include <Eigen/Core>
#include <memory>
#include <utility>

#include "cairn/tensor/create.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using EigenVector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

namespace detail {
inline void require_rank(const Tensor& x, int rank) {
  require(x.dim() == rank, "eigen map",
          rank == 2 ? "a matrix map needs two dimensions" : "a vector map needs one dimension", x);
}
}  // namespace detail

/// The elements of a matrix as an Eigen matrix, without copying: `auto m = matrix_map<float>(x)`. The map is valid
/// while a tensor on the storage lives. A tensor that is not const gives a mutable map, which counts as one in-place
/// modification.
///   throws  ShapeError unless x has two dimensions and is row-major (call contiguous() first), DtypeError
///           unless T is its dtype; for the mutable map, GraphError when a graph is being recorded for x
template <class T>
Eigen::Map<const EigenMatrix<T>> matrix_map(const Tensor& x) {
  detail::require_rank(x, 2);
  return {x.data<T>(), x.size(0), x.size(1)};
}
template <class T>
Eigen::Map<EigenMatrix<T>> matrix_map(Tensor& x) {
  detail::require_rank(x, 2);
  return {x.data<T>(), x.size(0), x.size(1)};
}

/// The same for a vector.
template <class T>
Eigen::Map<const EigenVector<T>> vector_map(const Tensor& x) {
  detail::require_rank(x, 1);
  return {x.data<T>(), x.size(0)};
}
template <class T>
Eigen::Map<EigenVector<T>> vector_map(Tensor& x) {
  detail::require_rank(x, 1);
  return {x.data<T>(), x.size(0)};
}

namespace detail {
// The tensor on elements that lie as those of `m` do; `finished` as in from_blob.
template <class M>
Tensor on_eigen(M& m, std::function<void()> finished) {
  static_assert((M::Flags & Eigen::DirectAccessBit) != 0,
                "an Eigen expression has no memory of its own: use from_eigen");
  using T = typename M::Scalar;
  const auto rows = static_cast<int64_t>(m.rows()), columns = static_cast<int64_t>(m.cols());
  const int64_t down = m.rowStride(), across = m.colStride();
  // A strided block reaches further than rows × columns elements.
  const int64_t reach = m.size() == 0 ? 0 : (rows - 1) * down + (columns - 1) * across + 1;
  const Tensor all = cairn::from_blob(const_cast<T*>(m.data()), {reach}, std::move(finished));
  if constexpr (M::IsVectorAtCompileTime)
    return as_strided(all, {m.size()}, {static_cast<int64_t>(m.innerStride())}, 0);
  return as_strided(all, {rows, columns}, {down, across}, 0);
}
}  // namespace detail

/// A tensor on the memory of an Eigen matrix, vector, map or block, without copying. It must outlive every tensor on it
/// (use from_eigen(std::move(m)) to hand it over). A column-major matrix gives a tensor with strides (1, rows):
/// contiguous() copies it where row-major order is needed.
///   shape   a vector type gives (n,), all others (rows, columns)
template <class Derived>
Tensor on_eigen(Eigen::DenseBase<Derived>& m) {
  return detail::on_eigen(m.derived(), {});
}

/// A row-major copy of an Eigen expression.
template <class Derived>
Tensor from_eigen(const Eigen::DenseBase<Derived>& m) {
  using T = typename Derived::Scalar;
  Tensor y = empty({static_cast<int64_t>(m.rows()), static_cast<int64_t>(m.cols())}, dtype_of<T>);
  Eigen::Map<EigenMatrix<T>>(y.template pointer<T>(), m.rows(), m.cols()) = m.derived();
  if constexpr (Derived::IsVectorAtCompileTime) return as_strided(y, {y.numel()}, {1}, 0);
  return y;
}

/// A tensor that takes over an Eigen matrix, without copying its elements.
template <class T, int R, int C, int O, int MR, int MC>
Tensor from_eigen(Eigen::Matrix<T, R, C, O, MR, MC>&& m) {
  auto owner = std::make_shared<Eigen::Matrix<T, R, C, O, MR, MC>>(std::move(m));
  return detail::on_eigen(*owner, [owner] {});
}

}  // namespace cairn
