#pragma once
// The largest of every `pieces` numbers that stand `block` apart: x[units][pieces][block] → y[units][block]. S is float
// or double.

#include <cstdint>

namespace cairn::kernels {

/// NaN where one of the numbers is.
template <class S>
void maxout(const S* x, S* y, int64_t units, int64_t pieces, int64_t block);

/// dx = g for the largest, shared evenly among ties; 0 for the others, NaN where one is NaN.
template <class S>
void maxout_gradient(const S* x, const S* g, S* dx, int64_t units, int64_t pieces, int64_t block);

}  // namespace cairn::kernels
