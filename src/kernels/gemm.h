#pragma once
// The product of two matrices, and the one tile it is made of.

#include <cstdint>

#include "kernels/packed.h"

namespace cairn::kernels {

/// Element (i, j) lies at data[i * row + j * col]; strides may be anything, so a transpose is a swap of two numbers.
template <class S>
struct Matrix {
  const S* data;
  int64_t row, col;
};

/// What is added to a product: nothing, a number for each column, or else what C held before.
template <class S>
struct Epilogue {
  const S* bias = nullptr;  // n numbers
  bool accumulate = false;
};

/// C (m, n) = A (m, k) · B (k, n) + the epilogue, C row-major with `c_row` elements from row to row. Without an inner
/// dimension (k = 0) the product is zero. A and B must not overlap C. S is float or double.
///   packed  where B is found again in the order in which the tiles read it; empty: it is packed anew
///   bits    the same for any number of threads, and with B packed before or anew; of one product, equal rows and columns
///           give equal results
template <class S>
void gemm(int64_t m, int64_t n, int64_t k, Matrix<S> a, Matrix<S> b, S* c, int64_t c_row, Epilogue<S> epilogue = {},
          const Packed& packed = {});

/// The same by the textbook, to test the fast one against.
template <class S>
void gemm_reference(int64_t m, int64_t n, int64_t k, Matrix<S> a, Matrix<S> b, S* c, int64_t c_row,
                    Epilogue<S> epilogue = {});

extern template void gemm(int64_t, int64_t, int64_t, Matrix<float>, Matrix<float>, float*, int64_t, Epilogue<float>,
                          const Packed&);
extern template void gemm(int64_t, int64_t, int64_t, Matrix<double>, Matrix<double>, double*, int64_t, Epilogue<double>,
                          const Packed&);

}  // namespace cairn::kernels
