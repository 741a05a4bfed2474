#pragma once
// Products of few rows: a sum along k for each element.

#include "kernels/gemm_task.h"

namespace cairn::kernels {
inline namespace CAIRN_ISA {

// A along k against columns of B along k: B is read once, as it lies. k is at least one vector.
template <class S>
void few_dots(const Task<S>& t);

}  // namespace CAIRN_ISA
}  // namespace cairn::kernels
