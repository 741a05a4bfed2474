#include "cairn/autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

#include "autograd/differences.h"
#include "cairn/autograd/backward.h"
#include "cairn/base/random.h"
#include "cairn/graph/branches.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

using Values = std::vector<double>;

// The function under test; `record` asks for a result that can be differentiated.
using Tested = std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs, bool record)>;

Values elements(const std::vector<Tensor>& tensors) {
  Values all;
  for (const Tensor& t : tensors) {
    const Values v = t.to_vector<double>();
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

double distance(double a, double b) { return std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)}); }

// A leaf of its own with the same values and strides, so that its elements can be moved one by one.
Tensor private_copy(const Tensor& x) {
  int64_t span = x.numel() > 0 ? 1 : 0;
  for (int d = 0; d < x.dim() && span > 0; ++d) span += (x.shape()[d] - 1) * x.strides()[d];
  const Tensor block = empty({span}, f64);
  block.body()->storage->exposed = true;  // elements are moved through a pointer
  if (span > 0) std::memcpy(block.pointer<double>(), x.pointer<double>(), static_cast<size_t>(span) * sizeof(double));
  return as_strided(block, x.shape(), x.strides(), 0).requires_grad_();
}

// The elements of a tensor in memory, each with the row-major numbers of all logical elements that lie there.
std::map<int64_t, std::vector<int64_t>> places(const Tensor& x) {
  std::map<int64_t, std::vector<int64_t>> found;
  for (int64_t i = 0; i < x.numel(); ++i) {
    int64_t place = 0, rest = i;
    for (int d = x.dim() - 1; d >= 0; --d) {
      place += rest % x.shape()[d] * x.strides()[d];
      rest /= x.shape()[d];
    }
    found[place].push_back(i);
  }
  return found;
}

std::string index_text(int64_t i, const Shape& shape) {
  Shape at = shape;
  for (int d = shape.size() - 1; d >= 0; --d) {
    at[d] = i % shape[d];
    i /= shape[d];
  }
  return to_string(at);
}

std::string number_text(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", v);
  return text;
}

class Checker {
 public:
  Checker(const char* operation, Tested f, std::vector<Tensor> inputs, std::vector<std::string> input_names,
          std::string output_name, const GradcheckOptions& options)
      : operation_(operation),
        f_(std::move(f)),
        inputs_(std::move(inputs)),
        input_names_(std::move(input_names)),
        output_name_(std::move(output_name)),
        options_(options) {
    for (Tensor& x : inputs_)
      if (x.requires_grad()) x = private_copy(x);
  }

  GradReport run() {
    differences_.emplace([this] { return evaluate(); }, options_.step);
    base_ = differences_->base().values;
    require<ValueError>(
        same_bits(base_, evaluate().values), operation_,
        "the function returned other numbers when it was called again; seed it, and let it keep no state");
    const std::vector<Tensor> outputs = call(true);
    compare_ways(elements(outputs), outputs);
    choose_targets();
    differentiate(outputs);
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].requires_grad())
        for (const auto& [place, logical] : places(inputs_[i])) check(i, place, logical);
    if (!twin_.empty()) complain(twin_);
    finish();
    return std::move(report_);
  }

 private:
  // What is compared for each element: the derivative of one output element, or of a weighted sum of all.
  struct Target {
    int64_t output = -1;           // counted through all outputs
    Values weights;                // when output < 0
    std::vector<Values> analytic;  // for each input, row-major; empty means zero
  };

  std::vector<Tensor> call(bool record) const {
    std::vector<uint32_t> versions;
    for (const Tensor& x : inputs_) versions.push_back(x.body()->storage->version);
    const GradMode mode(true);
    std::vector<Tensor> outputs = f_(inputs_, record);
    for (size_t i = 0; i < inputs_.size(); ++i)
      require<ValueError>(inputs_[i].body()->storage->version == versions[i], operation_,
                          "the function modified an input in place; let it work on a clone()", given("index", i),
                          inputs_[i]);
    require<ValueError>(!outputs.empty(), operation_, "the function returned no output");
    for (const Tensor& y : outputs) {
      require<ValueError>(y.defined(), operation_, "the function returned an undefined tensor");
      require<DtypeError>(y.dtype() == f64, operation_, "outputs must be f64", y);
    }
    return outputs;
  }

  Differences::Point evaluate() {
    const BranchTrace trace;
    const std::vector<Tensor> outputs = call(false);
    if (twin_.empty()) twin_ = trace.disagreement();
    return {elements(outputs), trace.fingerprint()};
  }

  // The values of both calls may differ only where there are two ways to the same gradient.
  void compare_ways(const Values& recorded, const std::vector<Tensor>& outputs) {
    for (size_t o = 0; o < recorded.size() && o < base_.size(); ++o) {
      const bool same = std::memcmp(&recorded[o], &base_[o], sizeof(double)) == 0;
      if (same || distance(recorded[o], base_[o]) <= options_.tolerance) continue;
      complain(output_text(static_cast<int64_t>(o), outputs) + " is " + number_text(base_[o]) + ", but " +
               number_text(recorded[o]) + " when recorded for gradients of gradients");
    }
  }

  void choose_targets() {
    const auto n = static_cast<int64_t>(base_.size());
    Generator random(options_.seed, "gradcheck");
    const bool full = n <= options_.full_jacobian;
    for (int64_t o = 0; full && o < n; ++o) targets_.push_back({o, {}, {}});
    for (int p = 0; p < (full ? 1 : 2); ++p) {
      Target t;
      for (int64_t o = 0; o < n; ++o) {
        const double u = 2 * random.uniform() - 1;
        t.weights.push_back(u < 0 ? u - 0.5 : u + 0.5);  // no weight so small that it hides its element
      }
      targets_.push_back(std::move(t));
    }
  }

  void differentiate(const std::vector<Tensor>& outputs) {
    std::vector<Tensor> wanted, recorded;
    for (const Tensor& x : inputs_)
      if (x.requires_grad()) wanted.push_back(x);
    for (const Tensor& y : outputs) {
      if (y.requires_grad()) recorded.push_back(y);
      output_shapes_.push_back(y.shape());
    }
    for (Target& t : targets_) {
      t.analytic.resize(inputs_.size());
      std::vector<Tensor> seeds;
      int64_t at = 0;
      for (const Tensor& y : outputs) {
        Values seed(static_cast<size_t>(y.numel()), 0.0);
        for (double& s : seed) {
          s = t.output < 0 ? t.weights[static_cast<size_t>(at)] : (t.output == at ? 1.0 : 0.0);
          ++at;
        }
        if (y.requires_grad()) seeds.push_back(from_vector(seed, y.shape()));
      }
      if (recorded.empty()) continue;  // a constant, or so it says: differences will tell
      const std::vector<Tensor> grads = grad(recorded, wanted, seeds, true, false, true);
      for (size_t i = 0, k = 0; i < inputs_.size(); ++i)
        if (inputs_[i].requires_grad()) {
          if (grads[k].defined()) t.analytic[i] = grads[k].to_vector<double>();
          ++k;
        }
    }
  }

  // One element: its derivative by differences, against what backward said.
  void check(size_t input, int64_t place, const std::vector<int64_t>& logical) {
    ++report_.checked;
    Values analytic;
    for (const Target& t : targets_) {
      double sum = 0;
      for (int64_t i : logical) sum += t.analytic[input].empty() ? 0.0 : t.analytic[input][static_cast<size_t>(i)];
      analytic.push_back(sum);
    }
    const auto good = [&](const Values& slope) { return agree(analytic, slope); };
    const Differences::Slopes slopes = differences_->along(inputs_[input].pointer<double>()[place], good);
    report_.stepped_around += slopes.kink;
    judge(input, logical[0], analytic, slopes);
  }

  double target_value(const Target& t, const Values& slope) const {
    if (t.output >= 0) return slope[static_cast<size_t>(t.output)];
    double sum = 0;
    for (size_t o = 0; o < slope.size(); ++o) sum += t.weights[o] * slope[o];
    return sum;
  }

  // How far the analytic value is from what the differences allow; NaN when either is.
  double miss(double analytic, double low, double high) const {
    if (low > high) std::swap(low, high);
    return analytic >= low && analytic <= high ? 0
           : analytic < low                    ? distance(analytic, low)
                                               : distance(analytic, high);
  }

  bool agree(const Values& analytic, const Values& slope) const {
    for (size_t t = 0; t < targets_.size(); ++t)
      if (!(distance(analytic[t], target_value(targets_[t], slope)) <= options_.tolerance)) return false;
    return true;
  }

  void judge(size_t input, int64_t element, const Values& analytic, const Differences::Slopes& slopes) {
    for (size_t t = 0; t < targets_.size(); ++t) {
      const double numeric = target_value(targets_[t], slopes.low), other = target_value(targets_[t], slopes.high);
      const double missed = miss(analytic[t], numeric, other);
      if (!std::isnan(report_.worst) && !(missed <= report_.worst)) report_.worst = missed;
      if (missed <= options_.tolerance) continue;
      complain(input_names_[input] + " at " + index_text(element, inputs_[input].shape()) + ": analytic " +
               number_text(analytic[t]) + ", numeric " + number_text(numeric) +
               (numeric == other || std::isnan(numeric) ? "" : " or " + number_text(other)) + " (" +
               (targets_[t].output < 0 ? "weighted sum of all outputs" : output_text(targets_[t].output, {})) + ")");
      break;  // one line an element
    }
  }

  std::string output_text(int64_t o, const std::vector<Tensor>& outputs) const {
    std::vector<Shape> shapes = output_shapes_;
    for (const Tensor& y : outputs) shapes.push_back(y.shape());
    for (size_t k = 0; k < shapes.size(); o -= shapes[k++].numel())
      if (o < shapes[k].numel()) return output_name_ + " " + std::to_string(k) + " at " + index_text(o, shapes[k]);
    return output_name_;
  }

  void complain(const std::string& line) {
    report_.ok = false;
    if (++complaints_ <= 5) report_.text += std::string(report_.text.empty() ? "" : "\n") + operation_ + ": " + line;
  }

  void finish() {
    if (complaints_ > 5) report_.text += "\n… and " + std::to_string(complaints_ - 5) + " more";
    if (100 * report_.stepped_around > report_.checked)
      complain(std::to_string(report_.stepped_around) + " of " + std::to_string(report_.checked) +
               " elements lie on a kink, more than 1 %; choose inputs away from kinks");
    if (report_.ok)
      report_.text = std::string(operation_) + ": " + std::to_string(report_.checked) + " elements agree to " +
                     number_text(report_.worst) + ", " + std::to_string(report_.stepped_around) + " beside a kink";
  }

  const char* operation_;
  Tested f_;
  std::vector<Tensor> inputs_;
  std::vector<std::string> input_names_;
  std::string output_name_;
  GradcheckOptions options_;

  std::optional<Differences> differences_;
  std::string twin_;  // of a fused operation that disagrees with it
  Values base_;       // all outputs, one after the other
  std::vector<Shape> output_shapes_;
  std::vector<Target> targets_;
  int complaints_ = 0;
  GradReport report_;
};

void check_inputs(const char* operation, const std::vector<Tensor>& inputs) {
  bool any = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    require<ValueError>(inputs[i].defined(), operation, "an input is undefined", given("index", i));
    if (!inputs[i].requires_grad()) continue;
    any = true;
    require<DtypeError>(inputs[i].dtype() == f64, operation,
                        "differences need f64; give inputs that require a gradient as to(f64)", given("index", i),
                        inputs[i]);
  }
  require<ValueError>(any, operation, "no input requires a gradient; call requires_grad_() on those to be checked");
}

std::vector<std::string> names(size_t count, const char* what) {
  std::vector<std::string> all;
  for (size_t i = 0; i < count; ++i) all.push_back(what + std::to_string(i));
  return all;
}

TensorsFunction as_list(const TensorFunction& f) {
  return [f](const std::vector<Tensor>& inputs) { return std::vector<Tensor>{f(inputs)}; };
}

}  // namespace

GradReport gradcheck(const TensorsFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  check_inputs("gradcheck", inputs);
  const Tested tested = [&f](const std::vector<Tensor>& in, bool) { return f(in); };
  return Checker("gradcheck", tested, inputs, names(inputs.size(), "input "), "output", options).run();
}

GradReport gradgradcheck(const TensorsFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  check_inputs("gradgradcheck", inputs);
  // The outputs once, for their shapes; their weights become inputs.
  std::vector<Tensor> all = inputs;
  std::vector<std::string> input_names = names(inputs.size(), "input ");
  Generator random(options.seed, "gradgradcheck");
  for (const Tensor& y : f(inputs)) {
    require<ValueError>(y.defined(), "gradgradcheck", "the function returned an undefined tensor");
    require<DtypeError>(y.dtype() == f64, "gradgradcheck", "outputs must be f64", y);
    Values weights(static_cast<size_t>(y.numel()));
    for (double& w : weights) w = 2 * random.uniform() - 1;
    all.push_back(from_vector(weights, y.shape()).requires_grad_());
    input_names.push_back("weight of output " + std::to_string(all.size() - inputs.size() - 1));
  }
  const Tested gradients = [&f, n = inputs.size()](const std::vector<Tensor>& in, bool record) {
    const std::vector<Tensor> own(in.begin(), in.begin() + static_cast<int64_t>(n));
    std::vector<Tensor> wanted, recorded, weights;
    for (const Tensor& x : own)
      if (x.requires_grad()) wanted.push_back(x);
    const std::vector<Tensor> outputs = f(own);
    for (size_t k = 0; k < outputs.size(); ++k)
      if (outputs[k].requires_grad()) recorded.push_back(outputs[k]), weights.push_back(in[n + k]);
    std::vector<Tensor> grads(wanted.size());
    if (!recorded.empty()) grads = grad(recorded, wanted, weights, false, record, true);
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) grads[i] = zeros(wanted[i].shape(), f64);
    return grads;
  };
  return Checker("gradgradcheck", gradients, all, input_names, "gradient", options).run();
}

GradReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  return gradcheck(as_list(f), inputs, options);
}

GradReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  return gradgradcheck(as_list(f), inputs, options);
}

}  // namespace cairn
