// Convolutions and pools as nodes. What ONNX means by ceil_mode and by counting padding has changed from version to
// version; here sizes are known, so all is said in explicit padding.
#include <algorithm>
#include <cmath>

#include "cairn/nn/conv.h"
#include "cairn/nn/pool.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"
#include "io/onnx_export.h"

namespace cairn::io::detail {
namespace {

Integers list(IntPair p, int dims) { return dims == 1 ? Integers{p.w} : Integers{p.h, p.w}; }

Integers joined(Integers a, const Integers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// throws  ShapeError unless there is a batch of images, or sequences
void require_batch(const Value& x, int dims) {
  require(x.rank() == dims + 2, "save_onnx", "an input needs the number of samples as its first size",
          given("x", x.shape));
}

// ---- convolutions ---------------------------------------------------------------------------------------------------

std::string conv(OnnxExport& e, const Tensor& weight, const Tensor& bias, IntPair kernel_size, const nn::ConvOptions& o,
                 const Value& x) {
  const int dims = weight.dim() - 2;
  require_batch(x, dims);
  const Integers kernel = list(kernel_size, dims), dilation = list(o.dilation, dims);
  Integers begin = list(o.padding.size, dims), end = begin;
  for (size_t i = 0; o.padding.same && i < kernel.size(); ++i) {
    const int64_t all = dilation[i] * (kernel[i] - 1);
    begin[i] = all / 2, end[i] = all - all / 2;
  }
  Names inputs = {x.name, e.parameter(weight)};
  if (bias.defined()) inputs.push_back(e.parameter(bias));
  return e.graph.node("Conv", inputs,
                      {{"kernel_shape", kernel},
                       {"strides", list(o.stride, dims)},
                       {"pads", joined(begin, end)},
                       {"dilations", dilation},
                       {"group", o.groups}});
}

std::string conv1d(OnnxExport& e, const nn::Conv1d& l, const Value& x, const Value&) {
  return conv(e, l.weight, l.bias, l.kernel_size, l.settings, x);
}

std::string conv2d(OnnxExport& e, const nn::Conv2d& l, const Value& x, const Value&) {
  return conv(e, l.weight, l.bias, l.kernel_size, l.settings, x);
}

std::string conv_transpose2d(OnnxExport& e, const nn::ConvTranspose2d& l, const Value& x, const Value&) {
  require_batch(x, 2);
  const nn::ConvTransposeOptions& o = l.settings;
  Names inputs = {x.name, e.parameter(l.weight)};
  if (l.bias.defined()) inputs.push_back(e.parameter(l.bias));
  const Integers padding = list(o.padding, 2);
  return e.graph.node("ConvTranspose", inputs,
                      {{"kernel_shape", list(l.kernel_size, 2)},
                       {"strides", list(o.stride, 2)},
                       {"pads", joined(padding, padding)},
                       {"output_padding", list(o.output_padding, 2)},
                       {"dilations", list(o.dilation, 2)},
                       {"group", o.groups}});
}

// ---- pools ----------------------------------------------------------------------------------------------------------

// The windows of a pool. `end` is the padding that the last window of each dimension needs, whatever ceil_mode says.
struct Windows {
  Integers kernel, stride, begin, end, dilation;

  Windows(const Value& x, const Value& y, IntPair kernel_size, IntPair strides, IntPair padding, IntPair dilations) {
    const int dims = x.rank() - 2;
    kernel = list(kernel_size, dims), stride = list(strides == IntPair(0) ? kernel_size : strides, dims);
    begin = end = list(padding, dims), dilation = list(dilations, dims);
    for (int i = 0; i < dims; ++i) {
      const auto k = static_cast<size_t>(i);
      const int64_t last = (y.size(i + 2) - 1) * stride[k] - begin[k];
      end[k] = std::max<int64_t>(0, last + dilation[k] * (kernel[k] - 1) + 1 - x.size(i + 2));
    }
  }
  Attributes attributes() const {
    return {{"kernel_shape", kernel}, {"strides", stride}, {"pads", joined(begin, end)}};
  }
  int64_t area() const {
    int64_t n = 1;
    for (const int64_t k : kernel) n *= k;
    return n;
  }
};

std::string max_pool(OnnxExport& e, IntPair kernel, const MaxPool2dOptions& o, const Value& x, const Value& y) {
  Windows w(x, y, kernel, o.stride, o.padding, o.dilation);
  std::string in = x.name;
  // Dilated windows may need more padding than the operator takes.
  if (!std::equal(w.end.begin(), w.end.end(), w.kernel.begin(), std::less<>())) {
    in = e.graph.node("Pad", {in, e.graph.integers(joined(joined({0, 0}, w.begin), joined({0, 0}, w.end))),
                              e.graph.number(-INFINITY)});
    std::fill(w.begin.begin(), w.begin.end(), 0), std::fill(w.end.begin(), w.end.end(), 0);
  }
  Attributes attributes = w.attributes();
  attributes.push_back({"dilations", w.dilation});
  return e.graph.node("MaxPool", {in}, attributes);
}

// The sum of each window over the number of its places, padding included, times what makes it the sum over `divisors`.
std::string scaled_average(OnnxExport& e, const Windows& w, const std::string& x, const Tensor& divisors) {
  Attributes attributes = w.attributes();
  attributes.push_back({"count_include_pad", int64_t{1}});
  std::string mean = e.graph.node("AveragePool", {x}, attributes);
  const Tensor factors = static_cast<double>(w.area()) / divisors;
  const std::vector<double> all = factors.to_vector<double>();
  if (std::all_of(all.begin(), all.end(), [](double f) { return f == 1; })) return mean;
  return e.graph.node("Mul", {mean, e.graph.constant(factors)});
}

std::string avg_pool(OnnxExport& e, IntPair kernel, const AvgPool2dOptions& o, const Value& x, const Value& y) {
  const Windows w(x, y, kernel, o.stride, o.padding, 1);
  if (o.divisor_override) return scaled_average(e, w, x.name, full({1}, static_cast<double>(*o.divisor_override), f64));
  if (!o.count_include_pad) return e.graph.node("AveragePool", {x.name}, w.attributes());
  Tensor divisors = ones({1}, f64);  // of the places of a window that lie in the image or its padding
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    std::vector<double> counts;
    const int64_t size = x.size(static_cast<int>(i) + 2) + w.begin[i];
    for (int64_t k = 0; k < y.size(static_cast<int>(i) + 2); ++k) {
      const int64_t from = k * w.stride[i] - w.begin[i];
      counts.push_back(static_cast<double>(std::min(from + w.kernel[i], size) - from));
    }
    divisors = divisors.unsqueeze(-1) * from_vector(counts);
  }
  return scaled_average(e, w, x.name, divisors);
}

std::string max_pool1d(OnnxExport& e, const nn::MaxPool1d& l, const Value& x, const Value& y) {
  require_batch(x, 1);
  const MaxPool1dOptions& o = l.settings;
  return max_pool(e, l.kernel_size, {o.stride, o.padding, o.dilation, o.ceil_mode}, x, y);
}

std::string max_pool2d(OnnxExport& e, const nn::MaxPool2d& l, const Value& x, const Value& y) {
  require_batch(x, 2);
  return max_pool(e, l.kernel_size, l.settings, x, y);
}

std::string avg_pool1d(OnnxExport& e, const nn::AvgPool1d& l, const Value& x, const Value& y) {
  require_batch(x, 1);
  const AvgPool1dOptions& o = l.settings;
  return avg_pool(e, l.kernel_size, {o.stride, o.padding, o.ceil_mode, o.count_include_pad}, x, y);
}

std::string avg_pool2d(OnnxExport& e, const nn::AvgPool2d& l, const Value& x, const Value& y) {
  require_batch(x, 2);
  return avg_pool(e, l.kernel_size, l.settings, x, y);
}

std::string lp_pool2d(OnnxExport& e, const nn::LPPool2d& l, const Value& x, const Value& y) {
  require_batch(x, 2);
  OnnxGraph& g = e.graph;
  const std::string powers = g.node("Pow", {g.node("Abs", {x.name}), g.number(l.p)});
  const Windows w(x, y, l.kernel_size, l.settings.stride, 0, 1);
  return g.node("Pow", {scaled_average(e, w, powers, ones({1}, f64)), g.number(1 / l.p)});
}

// ---- adaptive pools -------------------------------------------------------------------------------------------------

// Window i of `count` goes from ⌊i·size/count⌋ to ⌈(i + 1)·size/count⌉.
struct Even {
  int64_t size, count;
  int64_t begin(int64_t i) const { return i * size / count; }
  int64_t end(int64_t i) const { return ((i + 1) * size + count - 1) / count; }
};

// The mean as a matrix (size, count).
Tensor averaging(const Even& w) {
  Tensor matrix = zeros({w.size, w.count}, f64);
  for (int64_t i = 0; i < w.count; ++i)
    matrix.narrow(0, w.begin(i), w.end(i) - w.begin(i))
        .select(1, i)
        .fill_(1.0 / static_cast<double>(w.end(i) - w.begin(i)));
  return matrix;
}

// The places that each window sees (count, widest), the last of narrower ones once more.
Tensor places(const Even& w) {
  int64_t widest = 0;
  for (int64_t i = 0; i < w.count; ++i) widest = std::max(widest, w.end(i) - w.begin(i));
  std::vector<int64_t> all;
  for (int64_t i = 0; i < w.count; ++i)
    for (int64_t k = 0; k < widest; ++k) all.push_back(std::min(w.begin(i) + k, w.end(i) - 1));
  return from_vector(all, {w.count, widest});
}

template <bool largest, int dims>
std::string adaptive(OnnxExport& e, const Value& x, const Value& y) {
  require_batch(x, dims);
  OnnxGraph& g = e.graph;
  bool one = true, even = true;
  Integers kernel;
  for (int d = 2; d < x.rank(); ++d) {
    one = one && y.size(d) == 1;
    even = even && x.size(d) % y.size(d) == 0;
    kernel.push_back(x.size(d) / y.size(d));
  }
  if (one) return g.node(largest ? "GlobalMaxPool" : "GlobalAveragePool", {x.name});
  if (even)
    return g.node(largest ? "MaxPool" : "AveragePool", {x.name}, {{"kernel_shape", kernel}, {"strides", kernel}});
  std::string result = x.name;
  for (int d = 2; d < x.rank(); ++d) {  // one dimension after the other
    const Even w{x.size(d), y.size(d)};
    if constexpr (largest) {
      result = g.node("Gather", {result, g.constant(places(w))}, {{"axis", int64_t{d}}});
      result = g.node("ReduceMax", {result}, {{"axes", Integers{d + 1}}, {"keepdims", int64_t{0}}});
    } else {
      const bool last = d == x.rank() - 1;
      const std::string matrix = g.constant(last ? averaging(w) : averaging(w).t());
      result = g.node("MatMul", last ? Names{result, matrix} : Names{matrix, result});
    }
  }
  return result;
}

template <class L, bool largest, int dims>
std::pair<const std::type_index, Row> adaptive_row() {
  return leaf<L>(
      [](OnnxExport& e, const L&, const Value& x, const Value& y) { return adaptive<largest, dims>(e, x, y); });
}

}  // namespace

Table image_rows() {
  return {leaf<nn::Conv1d>(conv1d),
          leaf<nn::Conv2d>(conv2d),
          leaf<nn::ConvTranspose2d>(conv_transpose2d),
          leaf<nn::MaxPool1d>(max_pool1d),
          leaf<nn::MaxPool2d>(max_pool2d),
          leaf<nn::AvgPool1d>(avg_pool1d),
          leaf<nn::AvgPool2d>(avg_pool2d),
          leaf<nn::LPPool2d>(lp_pool2d),
          adaptive_row<nn::AdaptiveAvgPool1d, false, 1>(),
          adaptive_row<nn::AdaptiveMaxPool1d, true, 1>(),
          adaptive_row<nn::AdaptiveAvgPool2d, false, 2>(),
          adaptive_row<nn::AdaptiveMaxPool2d, true, 2>()};
}

}  // namespace cairn::io::detail
