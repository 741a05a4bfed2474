#include "activation/apply.h"

#include "cairn/math/program.h"
#include "cairn/tensor/create.h"
#include "ops/loops.h"

namespace cairn {
namespace {

std::vector<std::string> names_of(const std::vector<std::string>& parameters) {
  std::vector<std::string> names = {"x"};
  names.insert(names.end(), parameters.begin(), parameters.end());
  return names;
}

// G times every derivative.
std::vector<Expr> slopes(const Expr& f, const std::vector<std::string>& names) {
  std::vector<Expr> list;
  for (const Expr& d : derivatives(f, names)) list.push_back(Expr::variable("gradient of the result") * d);
  return list;
}
std::vector<std::string> with_gradient(std::vector<std::string> names) {
  names.push_back("gradient of the result");
  return names;
}

// Runs a program over dense tensors of one layout; those of one element are single numbers.
std::vector<Tensor> run(const Program& program, const std::vector<Tensor>& inputs, const char* name) {
  const Tensor& like = inputs[0];
  std::vector<Tensor> results;
  for (size_t k = 0; k < program.outputs(); ++k) results.push_back(empty_like(like));
  visit_float(name, like.dtype(), [&]<class S>() {
    std::vector<bool> single;
    for (size_t j = 0; j < inputs.size(); ++j) single.push_back(j > 0 && inputs[j].numel() == 1 && like.numel() != 1);
    parallel_for(like.numel(), map_grain, [&](int64_t begin, int64_t end) {
      std::vector<const S*> in;
      std::vector<S*> out;
      for (size_t j = 0; j < inputs.size(); ++j)
        in.push_back(inputs[j].template pointer<S>() + (single[j] ? 0 : begin));
      for (const Tensor& y : results) out.push_back(y.template pointer<S>() + begin);
      program.run<S>(end - begin, in, single, out);
    });
  });
  return results;
}

}  // namespace

struct FormulaOperation::Programs {
  Program value, backward;
  Programs(const Expr& f, const std::vector<std::string>& names)
      : value({f}, names), backward(slopes(f, names), with_gradient(names), Program::Rules::derivative) {}
};

FormulaOperation::FormulaOperation(const char* name, const Expr& expression, const std::vector<std::string>& parameters)
    : name_(name), programs_(std::make_shared<const Programs>(expression, names_of(parameters))) {}

Tensor FormulaOperation::operator()(const Tensor& x, std::span<const Tensor> parameters) const {
  // One number each, or one a channel, which then lies below the channels of x.
  std::vector<Tensor> inputs = {x};
  for (const Tensor& p : parameters) {
    ops::require_same_dtype(name_, x, p);
    const bool channels = p.numel() != 1;
    require<ShapeError>(!channels || (p.dim() == 1 && x.dim() >= 2 && p.size(0) == x.size(1)), name_,
                        "a parameter has one element, or one for each channel of x", x, given("parameter", p));
    Shape below = Shape::filled(channels ? x.dim() - 1 : 0, 1);
    if (channels) below[0] = p.numel();
    inputs.push_back(p.shape() == below ? p : p.reshape(below));
  }
  // What the programs read: x dense, and channel parameters spread over its layout.
  const auto laid_out = [](const Tensor& dense, std::span<const Tensor> rest) {
    std::vector<Tensor> list = {dense};
    for (const Tensor& p : rest)
      list.push_back(p.numel() == 1 ? p : ops::in_layout_of(dense, p.detach().expand(dense.shape())));
    return list;
  };
  const Tensor dense = detail::elementwise_input(name_, x);
  const std::span<const Tensor> rest = std::span(inputs).subspan(1);
  Tensor y = run(programs_->value, laid_out(dense.detach(), rest), name_)[0];
  const auto backward = [programs = programs_, name = name_, laid_out](const Backward& s) -> Grads {
    const Tensor in = ops::dense(s.input(0)).detach();
    std::vector<Tensor> saved;
    for (int i = 1; i < s.input_count(); ++i) saved.push_back(s.input(i));
    std::vector<Tensor> all = laid_out(in, saved);
    all.push_back(ops::in_layout_of(in, s.grad));
    return run(programs->backward, all, name);
  };
  const auto twin = [programs = programs_](std::span<const Tensor> in) {
    const Dtype dtype = in[0].dtype();
    return programs->value.on<Tensor>(in, [dtype](double c) { return full({}, c, dtype); })[0];
  };
  return record_fused(name_, std::move(y), std::span<const Tensor>(inputs), Keep::inputs(), backward, twin);
}

Tensor FormulaOperation::operator()(const Tensor& x, std::span<const double> parameters) const {
  std::vector<Tensor> numbers;
  for (const double p : parameters) numbers.push_back(full({}, p, x.dtype()));
  return (*this)(x, numbers);
}

}  // namespace cairn
