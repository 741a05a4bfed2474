#pragma once
// Convolutions of 3 × 3 with stride 1 in a quarter of the multiplications: Winograd's F(4 × 4, 3 × 3). Source: Lavin &
// Gray 2016, "Fast algorithms for convolutional neural networks", arXiv:1509.09308.
//
// A tile of 6 × 6 inputs d and a kernel g of 3 × 3 give 4 × 4 outputs, Aᵀ ((G g Gᵀ) ⊙ (Bᵀ d B)) A: a product of polynomials
// by their values at six places, 0, ±√½, ±√2 and ∞. The sum over channels is taken between the transformations, where it
// is 36 matrix products. The price is rounding: errors were up to 4e-6 of the largest output over some hundred channels,
// and 1e-5 is what tests hold it to. Every output of a tile is made from all of its inputs, so that what is infinite or
// NaN spreads over the tile.

#include <cstdint>

namespace cairn::kernels {

// Multiplications of a convolution from which on it is shared: 10 to 15 µs of work. Of less, the half that a second
// thread would do costs as much to hand over where cores share no cache.
inline constexpr double worth_sharing = 1e6;

/// The convolution of x (n, h, w, c in memory) to y (n, y_h, y_w, o) with kernels of 3 × 3; `padding` zeros stand above
/// and left of x, as many as needed below and right.
struct Winograd {
  int64_t n, c, h, w, o, y_h, y_w, padding_h, padding_w;

  /// Whether it is the faster way. This does not depend on n.
  bool serves() const;
};

/// The weight transformed, which all images have in common: winograd_numbers(g) numbers.
///   panels  the weight as [panel of filters][tap][channel][filters of the panel], taps from the first row to the last
int64_t winograd_numbers(const Winograd& g);
void winograd_transform(const Winograd& g, const float* panels, float* transformed);

/// y = x ∗ weight + bias; bias has o numbers or is null.
void winograd(const Winograd& g, const float* x, const float* transformed, const float* bias, float* y);

/// The gradient of the weight, as [tap][channel][filter] with the filters padded to whole vectors: Σ x · y over all
/// images and places.
void winograd_weight(const Winograd& g, const float* x, const float* y, float* weight);

}  // namespace cairn::kernels
