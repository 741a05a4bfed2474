// What layers of images are made of. Sizes are odd, strides pass over padding, and batches of one are among them.
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/conv.h"
#include "cairn/ops/norm.h"
#include "cairn/ops/pool.h"
#include "cairn/tensor/create.h"
#include "operations.h"

namespace cairn::cases {
namespace {

std::vector<Case> convolutions() {
  const Tensor x = spread({2, 4, 5, 3}), bias = spread({2});
  const auto conv = [](const Conv2dOptions& o) {
    return [o](const Inputs& in) { return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), o); };
  };
  const auto back = [](const ConvTranspose2dOptions& o) {
    return [o](const Inputs& in) { return conv_transpose2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), o); };
  };
  return {
      {"conv2d", conv({}), {x, spread({2, 4, 3, 2})}},
      {"conv2d with bias and padding", conv({.padding = 1}), {x, spread({2, 4, 3, 3}), bias}},
      {"conv2d, stride over padding", conv({.stride = {3, 2}, .padding = {2, 1}}), {x, spread({2, 4, 2, 3})}},
      {"conv2d, dilated", conv({.padding = "same", .dilation = {2, 1}}), {x, spread({2, 4, 2, 2}), bias}},
      {"conv2d, groups", conv({.padding = 1, .groups = 2}), {x, spread({2, 2, 3, 3}), bias}},
      {"conv2d, depthwise", conv({.stride = 2, .padding = 1, .groups = 4}), {x, spread({4, 1, 3, 3})}},
      {"conv2d, one pixel", conv({.padding = 1}), {spread({1, 3, 1, 1}), spread({2, 3, 3, 3}), bias}},
      {"conv2d, one image", conv({.stride = 2}), {spread({3, 5, 4}), spread({2, 3, 1, 1})}},
      {"conv1d",
       [](const Inputs& in) { return conv1d(in[0], in[1], in[2], {.stride = 2, .padding = 1, .dilation = 2}); },
       {spread({2, 3, 6}), spread({2, 3, 2}), bias}},
      {"conv_transpose2d", back({}), {x, spread({4, 2, 2, 3})}},
      {"conv_transpose2d, strides",
       back({.stride = {2, 3}, .padding = 1, .output_padding = {1, 2}}),
       {spread({2, 2, 3, 2}), spread({2, 2, 3, 3}), bias}},
      {"conv_transpose2d, groups",
       back({.stride = 2, .dilation = 2, .groups = 2}),
       {spread({1, 4, 2, 2}), spread({4, 1, 2, 3}), bias}},
  };
}

std::vector<Case> pools() {
  const Tensor x = spread({2, 3, 5, 4}), rows = spread({2, 3, 7});
  return {
      {"max_pool2d", [](const Inputs& in) { return max_pool2d(in[0], 2) * 2.0; }, {x}},
      {"max_pool2d, padded",
       [](const Inputs& in) {
         return max_pool2d(in[0], 3, {.stride = 2, .padding = 1, .ceil_mode = true}) *
                in[0].slice(2, 0, 3).slice(3, 0, 3);
       },
       {x}},
      {"max_pool2d, dilated",
       [](const Inputs& in) {
         return max_pool2d(in[0], 2, {.stride = {1, 2}, .dilation = 2});
       },
       {x}},
      {"max_pool2d, wide", [](const Inputs& in) { return max_pool2d(in[0], 17); }, {spread({1, 1, 17, 17})}},
      {"max_pool1d",
       [](const Inputs& in) { return max_pool1d(in[0], 3, {.stride = 2, .padding = 1, .dilation = 2}); },
       {rows}},
      {"avg_pool1d",
       [](const Inputs& in) { return avg_pool1d(in[0], 3, {.stride = 2, .padding = 1, .ceil_mode = true}); },
       {rows}},
      {"adaptive_avg_pool1d", [](const Inputs& in) { return adaptive_avg_pool1d(in[0], 4); }, {rows}},
      {"adaptive_max_pool1d", [](const Inputs& in) { return adaptive_max_pool1d(in[0], 4); }, {rows}},
      {"adaptive_max_pool2d",
       [](const Inputs& in) {
         return adaptive_max_pool2d(in[0], {3, 2});
       },
       {x}},
      {"avg_pool2d",
       [](const Inputs& in) {
         return avg_pool2d(in[0], {3, 2}, {.stride = 2, .padding = 1});
       },
       {x}},
      {"avg_pool2d, counted otherwise",
       [](const Inputs& in) {
         return avg_pool2d(in[0], 3, {.padding = 1, .ceil_mode = true, .count_include_pad = false});
       },
       {x}},
      {"adaptive_avg_pool2d",
       [](const Inputs& in) {
         return adaptive_avg_pool2d(in[0], {3, 2}) * 2.0;
       },
       {x}},
      {"lp_pool2d",
       [](const Inputs& in) { return lp_pool2d(in[0], 3, 2, {.stride = 1}); },
       {spread({2, 2, 3, 3}, 0.3, 2)}},
      {"lp_pool2d, smooth", [](const Inputs& in) { return lp_pool2d(in[0], 2, 3); }, {spread({2, 2, 3, 3})}},
  };
}

std::vector<Case> norms() {
  const Tensor x = spread({3, 4, 2, 3}), rows = spread({5, 3}), w = spread({4}, 0.5, 2), b = spread({4});
  const Tensor mean = tensor({0.1, -0.2, 0.3, 0.0}, f64), var = tensor({0.5, 1.5, 1.0, 2.0}, f64);
  return {
      {"batch_norm, training",
       [](const Inputs& in) { return batch_norm(in[0], Tensor(), Tensor(), in[1], in[2], true, 0.1, 1e-3); },
       {x, w, b}},
      {"batch_norm of rows",
       [](const Inputs& in) { return batch_norm(in[0], Tensor(), Tensor(), Tensor(), Tensor(), true, 0.1, 1e-2); },
       {rows}},
      {"batch_norm, evaluation",
       [mean, var](const Inputs& in) {
         const Dtype d = in[0].dtype();
         return batch_norm(in[0], mean.to(d), var.to(d), in[1], in[2], false, 0.1, 1e-3) * in[0];
       },
       {x, w, b}},
      {"group_norm", [](const Inputs& in) { return group_norm(in[0], 2, in[1], in[2], 1e-2); }, {x, w, b}},
      {"group_norm, a channel each",
       [](const Inputs& in) { return group_norm(in[0], 4, Tensor(), Tensor(), 1e-2); },
       {x}},
  };
}

}  // namespace

std::vector<Case> image_layers() {
  std::vector<Case> joined;
  for (auto part : {convolutions, pools, norms})
    for (Case& c : part()) joined.push_back(std::move(c));
  return joined;
}

}  // namespace cairn::cases
