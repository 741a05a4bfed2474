#include <algorithm>

#include "kernels/conv.h"

namespace cairn::kernels {

// f(place in x, place in weight, place in y) for every product of the definition.
template <class F>
static void each_product(const Conv& g, F f) {
  const int64_t channels = g.c / g.groups, filters = g.o / g.groups;
  for (int64_t n = 0; n < g.n; ++n)
    for (int64_t i = 0; i < g.y_h; ++i)
      for (int64_t j = 0; j < g.y_w; ++j)
        for (int64_t o = 0; o < g.o; ++o)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t a = 0; a < g.k_h; ++a)
              for (int64_t b = 0; b < g.k_w; ++b) {
                const int64_t h = i * g.stride_h + a * g.dilation_h - g.padding_h;
                const int64_t w = j * g.stride_w + b * g.dilation_w - g.padding_w;
                if (h < 0 || h >= g.h || w < 0 || w >= g.w) continue;
                f(((n * g.h + h) * g.w + w) * g.c + o / filters * channels + c,
                  ((o * channels + c) * g.k_h + a) * g.k_w + b, ((n * g.y_h + i) * g.y_w + j) * g.o + o);
              }
}

template <class S>
static void fill(S* to, int64_t pixels, int64_t c, const S* bias) {
  for (int64_t i = 0; i < pixels * c; ++i) to[i] = bias ? bias[i % c] : S(0);
}

template <class S>
void conv_reference(const Conv& g, const S* x, const S* weight, const S* bias, S* y) {
  fill(y, g.n * g.y_h * g.y_w, g.o, bias);
  each_product(g, [&](int64_t at_x, int64_t at_weight, int64_t at_y) { y[at_y] += x[at_x] * weight[at_weight]; });
}

template <class S>
void conv_transpose_reference(const Conv& g, const S* y, const S* weight, const S* bias, S* x) {
  fill(x, g.n * g.h * g.w, g.c, bias);
  each_product(g, [&](int64_t at_x, int64_t at_weight, int64_t at_y) { x[at_x] += y[at_y] * weight[at_weight]; });
}

template <class S>
void conv_weight_reference(const Conv& g, const S* x, const S* y, S* weight) {
  std::fill_n(weight, g.o * (g.c / g.groups) * g.k_h * g.k_w, S(0));
  each_product(g, [&](int64_t at_x, int64_t at_weight, int64_t at_y) { weight[at_weight] += x[at_x] * y[at_y]; });
}

template void conv_reference(const Conv&, const float*, const float*, const float*, float*);
template void conv_reference(const Conv&, const double*, const double*, const double*, double*);
template void conv_transpose_reference(const Conv&, const float*, const float*, const float*, float*);
template void conv_transpose_reference(const Conv&, const double*, const double*, const double*, double*);
template void conv_weight_reference(const Conv&, const float*, const float*, float*);
template void conv_weight_reference(const Conv&, const double*, const double*, double*);

}  // namespace cairn::kernels
