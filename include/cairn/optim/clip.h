#pragma once
// Gradients kept within bounds, between backward() and step().

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

/// Scales all gradients by max_norm / (norm + 1e-6) where that is below 1, and leaves them alone elsewhere. The norm is
/// that of all gradients as one vector; with norm_type ∞ the largest magnitude. Parameters without a gradient do not
/// count, and it is 0 when there is none. An infinite max_norm only measures.
///   norm_type            p > 0 of (Σ|g|ᵖ)^(1/p)
///   error_if_nonfinite   otherwise an infinite norm makes finite gradients 0 and infinite ones NaN, and a norm of NaN
///                        makes all of them NaN
///   returns  the norm before
///   throws   ValueError for options out of range and, if asked for, a norm that is not finite: nothing is changed then
/// Source: torch.nn.utils.clip_grad_norm_; Pascanu et al. 2013.
double clip_grad_norm_(const ParameterList& parameters, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false);

/// Brings every number of every gradient into [−clip_value, clip_value]; NaN stays.
///   throws  ValueError unless clip_value ≥ 0
void clip_grad_value_(const ParameterList& parameters, double clip_value);

}  // namespace cairn::optim
