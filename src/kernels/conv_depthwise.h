#pragma once
// Convolutions that keep each channel to itself: groups = c = o. Vectors hold channels there, not filters.

#include "kernels/conv.h"

namespace cairn::kernels {

inline bool is_depthwise(const Conv& g) { return g.groups > 1 && g.groups == g.c && g.groups == g.o; }

// As the functions of conv.h whose names they extend, for sizes that are depthwise.
template <class S>
void conv_depthwise(const Conv& g, const S* x, const S* weight, const S* bias, S* y);
template <class S>
void conv_transpose_depthwise(const Conv& g, const S* y, const S* weight, const S* bias, S* x);
template <class S>
void conv_weight_depthwise(const Conv& g, const S* x, const S* y, S* weight);

}  // namespace cairn::kernels
