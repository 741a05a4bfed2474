#pragma once
// Where formulas are put together from pieces.

#include <vector>

#include "cairn/math/expr.h"

namespace cairn {

/// The places in [-100, 100] where an expression in x changes sides: a condition, or the sign below an abs and the like.
/// Of more than some 500 those nearest to 0. Sorted; whether the function itself changes there is another question.
std::vector<double> find_changes(const Expr& expression);

}  // namespace cairn
