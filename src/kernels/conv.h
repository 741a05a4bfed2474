#pragma once
// Two-dimensional convolution and its two transposes, on images with channels side by side (n, h, w, c in memory).

#include <cstdint>

#include "kernels/packed.h"

namespace cairn::kernels {

/// Sizes of the convolution of x (n, c, h, w) to y (n, o, y_h, y_w) with weight (o, c / groups, k_h, k_w). The padding is
/// what stands before the image; what stands behind follows from the sizes.
struct Conv {
  int64_t n, c, h, w, o, y_h, y_w, k_h, k_w;
  int64_t stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w, groups;
};

// x and y lie channels-last without gaps, weight (and its gradient) row-major; S is float or double. Bits are the same
// for any number of threads, and an image's result does not depend on the others of its batch.

/// y = x ∗ weight + bias; bias has o numbers or is null.
///   packed  where the weight is found again in the order in which the kernel reads it; empty: it is packed anew
template <class S>
void conv(const Conv& g, const S* x, const S* weight, const S* bias, S* y, const Packed& packed = {});

/// x = the transpose of that map, of y, + bias; bias has c numbers or is null.
template <class S>
void conv_transpose(const Conv& g, const S* y, const S* weight, const S* bias, S* x);

/// weight = Σ x · y over all images and places: the gradient of the weight, of x and dL/dy.
template <class S>
void conv_weight(const Conv& g, const S* x, const S* y, S* weight);

/// The same by the definition, to test the fast ones against.
template <class S>
void conv_reference(const Conv& g, const S* x, const S* weight, const S* bias, S* y);
template <class S>
void conv_transpose_reference(const Conv& g, const S* y, const S* weight, const S* bias, S* x);
template <class S>
void conv_weight_reference(const Conv& g, const S* x, const S* y, S* weight);

}  // namespace cairn::kernels
