#include "cairn/ops/join.h"

#include "cairn/graph/record.h"
#include "ops/copy.h"

namespace cairn {

static Tensor joined(const char* operation, const std::vector<Tensor>& tensors, int64_t dim) {
  require<ValueError>(!tensors.empty(), operation, "needs at least one tensor");
  const Tensor& first = tensors[0];
  const int at = wrap_dim(operation, dim, first.dim());
  Shape shape = first.shape();
  for (size_t i = 1; i < tensors.size(); ++i) {
    Shape other = tensors[i].shape();
    require<DtypeError>(tensors[i].dtype() == first.dtype(), operation, "dtypes must be equal; convert one with to(…)",
                        given("tensor 0", first), given("position", i), tensors[i]);
    const int64_t n = other.size() == shape.size() ? other[at] : -1;
    if (n >= 0) other[at] = shape[at];
    require(n >= 0 && other == shape, operation, "sizes must be equal but for the dimension joined", given("dim", dim),
            given("tensor 0", first), given("position", i), tensors[i]);
    shape[at] += n;
  }
  Tensor y = ops::empty_ordered(first, shape);
  int64_t start = 0;
  for (const Tensor& x : tensors) {
    const int64_t n = x.shape()[at];
    ops::copy_elements(x, ops::part(y, at, start, n));
    start += n;
  }
  std::vector<int64_t> sizes;
  for (const Tensor& x : tensors) sizes.push_back(x.shape()[at]);
  return record("cat", y, std::span<const Tensor>(tensors), Keep::nothing(),
                [at, sizes = std::move(sizes)](const Backward& s) -> Grads {
                  std::vector<Tensor> grads(sizes.size());
                  int64_t begin = 0;
                  for (size_t i = 0; i < sizes.size(); begin += sizes[i++])
                    if (s.needs(static_cast<int>(i))) grads[i] = s.grad.narrow(at, begin, sizes[i]);
                  return grads;
                });
}

Tensor cat(const std::vector<Tensor>& tensors, int64_t dim) { return joined("cat", tensors, dim); }

Tensor stack(const std::vector<Tensor>& tensors, int64_t dim) {
  std::vector<Tensor> rows;
  for (size_t i = 0; i < tensors.size(); ++i) {
    require(tensors[i].shape() == tensors[0].shape(), "stack", "all tensors must have one shape",
            given("tensor 0", tensors[0]), given("position", i), tensors[i]);
    rows.push_back(tensors[i].unsqueeze(dim));
  }
  return joined("stack", rows, dim);
}

Tensor flip(const Tensor& x, const Dims& dims) {
  Dims turned;  // an empty list turns nothing round
  if (!dims.empty()) turned = wrap_dims("flip", dims, x.dim());
  Strides strides = x.strides();
  int64_t last = ops::offset_of(x);
  for (int64_t d : turned) {
    const int i = static_cast<int>(d);
    last += std::max<int64_t>(x.shape()[i] - 1, 0) * strides[i];
    strides[i] = -strides[i];
  }
  Tensor y = empty_like(x);
  ops::copy_elements(as_strided(x, x.shape(), strides, last), y);
  return record("flip", y, {x}, Keep::nothing(),
                [turned](const Backward& s) -> Grads { return {flip(s.grad, turned)}; });
}

Tensor pad(const Tensor& x, const std::vector<int64_t>& pads, double value) {
  require(pads.size() % 2 == 0 && pads.size() <= 2 * static_cast<size_t>(x.dim()), "pad",
          "needs (before, after) for the last dimensions", x, given("numbers", pads.size()));
  Shape shape = x.shape(), common = x.shape();  // common: what x and the result share
  int64_t from = ops::offset_of(x), to = 0;
  for (size_t i = 0; i < pads.size(); i += 2) {
    const int d = x.dim() - 1 - static_cast<int>(i / 2);
    for (const int64_t p : {pads[i], pads[i + 1]})
      require<ValueError>(p >= -max_numel && p <= max_numel, "pad", "a pad is out of range", x, given("dim", d),
                          given("pad", p));
    shape[d] += pads[i] + pads[i + 1];
    require(shape[d] >= 0, "pad", "negative pads crop more than there is", x, given("dim", d), given("before", pads[i]),
            given("after", pads[i + 1]));
    common[d] = std::max<int64_t>(0, x.shape()[d] + std::min<int64_t>(pads[i], 0) + std::min<int64_t>(pads[i + 1], 0));
  }
  Tensor y = ops::empty_ordered(x, shape);
  if (common != shape) y.fill_(value);
  if (common.numel() > 0) {  // so that the pads in front lie within x and y
    for (size_t i = 0; i < pads.size(); i += 2) {
      const int d = x.dim() - 1 - static_cast<int>(i / 2);
      from += std::max<int64_t>(-pads[i], 0) * x.strides()[d];
      to += std::max<int64_t>(pads[i], 0) * y.strides()[d];
    }
    ops::copy_elements(as_strided(x, common, x.strides(), from), as_strided(y, common, y.strides(), to));
  }
  return record("pad", y, {x}, Keep::nothing(), [pads](const Backward& s) -> Grads {
    std::vector<int64_t> back = pads;
    for (int64_t& p : back) p = -p;
    return {pad(s.grad, back)};
  });
}

}  // namespace cairn
