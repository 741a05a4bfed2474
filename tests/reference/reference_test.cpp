// The library held to values, gradients and whole training runs computed with PyTorch; see README.md beside this file.
#include <gtest/gtest.h>

#include "cases.h"

namespace cairn::reference {
namespace {

TEST(Reference, Operations) {
  check("ops",
        {
            {"add_broadcast", [](const Case& c) { return c("a") + c("b"); }},
            {"mul_broadcast", [](const Case& c) { return c("a") * c("b"); }},
            {"div_broadcast", [](const Case& c) { return c("a") / c("b"); }},
            {"pow", [](const Case& c) { return pow(c("a"), c.params["exponent"].get<double>()); }},
            {"pow_tensor", [](const Case& c) { return pow(c("a"), c("b")); }},
            {"matmul", [](const Case& c) { return matmul(c("a"), c("b")); }},
            {"matmul_vector", [](const Case& c) { return matmul(c("a"), c("b")); }},
            {"matmul_batched", [](const Case& c) { return matmul(c("a"), c("b")); }},
            {"sum", [](const Case& c) { return sum(c("a"), c.dims()); }},
            {"mean_keepdim", [](const Case& c) { return mean(c("a"), c.dims(), true); }},
            {"var_unbiased", [](const Case& c) { return var(c("a"), c.dims()); }},
            {"permute", [](const Case& c) { return c("a").permute(c.dims()); }},
            {"slice", [](const Case& c) { return c("a").slice(c.dim(), c.params["start"], c.params["end"]); }},
            {"slice_step",
             [](const Case& c) { return c("a").slice(c.dim(), c.params["start"], c.params["end"], c.params["step"]); }},
            {"concat",
             [](const Case& c) {
               return cat({c("a"), c("b")}, c.dim());
             }},
            {"stack",
             [](const Case& c) {
               return stack({c("a"), c("b")}, c.dim());
             }},
            {"sqrt", [](const Case& c) { return sqrt(c("a")); }},
            {"log", [](const Case& c) { return log(c("a")); }},
            {"abs", [](const Case& c) { return abs(c("a")); }},
            {"maximum", [](const Case& c) { return maximum(c("a"), c("b")); }},
            {"clamp", [](const Case& c) { return clamp(c("a"), c.params["min"], c.params["max"]); }},
            {"cumsum", [](const Case& c) { return cumsum(c("a"), c.dim()); }},
            {"index_select", [](const Case& c) { return index_select(c("a"), c.dim(), c.integers.at("index")); }},
            {"gather", [](const Case& c) { return gather(c("a"), c.dim(), c.integers.at("index")); }},
            {"where", [](const Case& c) { return where(c.integers.at("mask").to(boolean), c("a"), c("b")); }},
        });
}

TEST(Reference, Folds) {
  check("folds", {
                     {"softmax", [](const Case& c) { return softmax(c("x"), c.dim()); }},
                     {"log_softmax", [](const Case& c) { return log_softmax(c("x"), c.dim()); }},
                     {"softmin", [](const Case& c) { return softmin(c("x"), c.dim()); }},
                     {"logsumexp", [](const Case& c) { return logsumexp(c("x"), {c.dim()}); }},
                     {"max", [](const Case& c) { return amax(c("x"), {c.dim()}); }},
                     {"min", [](const Case& c) { return amin(c("x"), {c.dim()}); }},
                     {"mean", [](const Case& c) { return mean(c("x"), {c.dim()}); }},
                     {"norm", [](const Case& c) { return norm(c("x"), c.params["p"].get<double>(), {c.dim()}); }},
                     {"glu", [](const Case& c) { return glu(c("x"), c.dim()); }},
                     {"geglu", [](const Case& c) { return geglu(c("x"), c.dim()); }},
                     {"swiglu", [](const Case& c) { return swiglu(c("x"), c.dim()); }},
                     {"maxout", [](const Case& c) { return maxout(c("x"), c.params["pieces"], c.dim()); }},
                     {"prelu", [](const Case& c) { return prelu(c("x"), c("weight")); }},
                 });
}

TEST(Reference, Layers) {
  const Operation apply_linear = [](const Case& c) { return linear(c("x"), c("weight"), c("bias")); };
  check("layers", {
                      {"linear", apply_linear},
                      {"linear_3d", apply_linear},
                      {"layer_norm",
                       [](const Case& c) {
                         return layer_norm(c("x"), c.dims("normalized_shape"), c("weight"), c("bias"),
                                           c.params["eps"].get<double>());
                       }},
                  });
}

TEST(Reference, Losses) {
  const auto target = [](const Case& c) { return c.integers.at("target"); };
  const auto float_target = [](const Case& c) { return tensor_of(c.params["target"]); };
  check("losses",
        {
            {"cross_entropy", [&](const Case& c) { return cross_entropy(c("logits"), target(c)); }},
            {"cross_entropy_sum",
             [&](const Case& c) { return cross_entropy(c("logits"), target(c), {.reduction = Reduction::sum}); }},
            {"cross_entropy_label_smoothing",
             [&](const Case& c) {
               return cross_entropy(c("logits"), target(c), {.label_smoothing = c.params["label_smoothing"]});
             }},
            {"cross_entropy_weight",
             [&](const Case& c) {
               return cross_entropy(c("logits"), target(c), {.weight = tensor_of(c.params["weight"])});
             }},
            {"cross_entropy_ignore_index",
             [&](const Case& c) {
               return cross_entropy(c("logits"), target(c), {.ignore_index = c.params["ignore_index"]});
             }},
            {"cross_entropy_soft_target", [&](const Case& c) { return cross_entropy(c("logits"), float_target(c)); }},
            {"nll_loss", [&](const Case& c) { return nll_loss(log_softmax(c("logits"), 1), target(c)); }},
            {"mse_loss", [](const Case& c) { return mse_loss(c("pred"), c("target")); }},
            {"l1_loss", [](const Case& c) { return l1_loss(c("pred"), c("target")); }},
            {"smooth_l1_loss",
             [](const Case& c) { return smooth_l1_loss(c("pred"), c("target"), {.beta = c.params["beta"]}); }},
            {"huber_loss",
             [](const Case& c) { return huber_loss(c("pred"), c("target"), {.delta = c.params["delta"]}); }},
            {"bce_with_logits", [&](const Case& c) { return bce_with_logits(c("logits"), float_target(c)); }},
            {"kl_div_batchmean",
             [&](const Case& c) {
               const Tensor logits = log_softmax(c("logits"), 1);
               return kl_div(logits, float_target(c), {.reduction = Reduction::sum}) /
                      static_cast<double>(logits.size(0));
             }},
        });
}

TEST(Reference, Activations) {
  const Json file = load("activations");
  ASSERT_FALSE(file["cases"].empty());
  for (const Json& c : file["cases"]) {
    const std::string name = c["activation"];
    SCOPED_TRACE(name);
    const Tensor x = tensor_of(c["x"]).requires_grad_();
    const Tensor y = activation(name)(x);
    expect_near(y, c["y"], activation_tolerance, "value");
    // The fused derivative, and the recorded one with its own.
    expect_near(grad({y}, {x}, {ones_like(y)}, true)[0], c["dy"], activation_tolerance, "derivative, fused");
    const Tensor dy = grad({y}, {x}, {ones_like(y)}, true, true)[0];
    expect_near(dy, c["dy"], activation_tolerance, "derivative, recorded");
    Tensor d2y = zeros_like(x);
    if (dy.requires_grad())
      if (const Tensor g = grad({dy}, {x}, {ones_like(dy)}, false, false, true)[0]; g.defined()) d2y = g;
    expect_near(d2y, c["d2y"], activation_tolerance, "second derivative");
  }
}

using OptimizerMaker = std::function<std::unique_ptr<optim::Optimizer>(const Tensor& w, const Json& params)>;

template <class T>
OptimizerMaker with(std::function<typename T::Options(const Json&)> options) {
  return [=](const Tensor& w, const Json& params) {
    typename T::Options o = options(params);
    o.lr = params["lr"];
    o.weight_decay = params.value("weight_decay", o.weight_decay);
    return std::make_unique<T>(std::vector<Tensor>{w}, o);
  };
}

TEST(Reference, Optimizers) {
  const auto sgd = with<optim::SGD>([](const Json& p) {
    return optim::SGDOptions{.momentum = p.value("momentum", 0.0),
                             .dampening = p.value("dampening", 0.0),
                             .nesterov = p.value("nesterov", false)};
  });
  const auto adam =
      with<optim::Adam>([](const Json& p) { return optim::AdamOptions{.amsgrad = p.value("amsgrad", false)}; });
  const auto rmsprop = with<optim::RMSprop>([](const Json& p) {
    return optim::RMSpropOptions{.momentum = p.value("momentum", 0.0), .centered = p.value("centered", false)};
  });
  const std::map<std::string, OptimizerMaker> makers{
      {"sgd", sgd},
      {"sgd_momentum", sgd},
      {"sgd_nesterov_wd", sgd},
      {"sgd_dampening", sgd},
      {"adam", adam},
      {"adam_wd", adam},
      {"adam_amsgrad", adam},
      {"adamw", with<optim::AdamW>([](const Json&) { return optim::AdamWOptions{}; })},
      {"rmsprop", rmsprop},
      {"rmsprop_momentum_centered", rmsprop},
      {"adagrad", with<optim::Adagrad>([](const Json&) { return optim::AdagradOptions{}; })},
      {"adadelta", with<optim::Adadelta>([](const Json&) { return optim::AdadeltaOptions{}; })},
      {"nadam", with<optim::NAdam>([](const Json&) { return optim::NAdamOptions{}; })},
      {"radam", with<optim::RAdam>([](const Json&) { return optim::RAdamOptions{}; })},
  };
  const Json file = load("optimizers");
  EXPECT_EQ(file["cases"].size(), makers.size());
  for (const Json& c : file["cases"]) {
    const std::string name = c["optimizer"];
    SCOPED_TRACE(name);
    const Tensor a = tensor_of(c["A"]), y = tensor_of(c["y"]);
    Tensor w = tensor_of(c["w0"]).requires_grad_();
    const auto optimizer = makers.at(name)(w, c["params"]);
    for (const Json& expected : c["trajectory"]) {
      optimizer->zero_grad();
      mean(square(matmul(a, w) - y)).backward();
      optimizer->step();
      expect_near(w, expected, optimizer_tolerance, "parameters");
    }
  }
}

TEST(Reference, Schedules) {
  namespace schedule = optim::schedule;
  const std::map<std::string, std::function<optim::Schedule(const Json&)>> makers{
      {"step", [](const Json& p) { return schedule::step({.step_size = p["step_size"], .gamma = p["gamma"]}); }},
      {"multistep",
       [](const Json& p) { return schedule::multistep({.milestones = p["milestones"], .gamma = p["gamma"]}); }},
      {"exponential", [](const Json& p) { return schedule::exponential({.gamma = p["gamma"]}); }},
      {"cosine", [](const Json& p) { return schedule::cosine({.t_max = p["t_max"], .eta_min = p["eta_min"]}); }},
      {"one_cycle",
       [](const Json& p) {
         EXPECT_EQ(p["anneal"], "cos");
         return schedule::one_cycle({.max_lr = p["max_lr"].get<double>(),
                                     .total_steps = p["total_steps"],
                                     .pct_start = p["pct_start"],
                                     .div_factor = p["div_factor"],
                                     .final_div_factor = p["final_div_factor"]});
       }},
      {"linear_warmup",
       [](const Json& p) {
         return schedule::linear_warmup({.start_factor = p["start_factor"], .total_iters = p["total_iters"]});
       }},
  };
  const Json file = load("optimizers");
  EXPECT_EQ(file["schedules"].size(), makers.size());
  for (const Json& c : file["schedules"]) {
    const std::string name = c["schedule"];
    optim::SGD optimizer({ones({1}).requires_grad_()}, {.lr = c["base_lr"]});
    optim::LRScheduler scheduler(optimizer, makers.at(name)(c["params"]));
    for (const double expected : c["lr"]) {
      EXPECT_NEAR(optimizer.lr(), expected, optimizer_tolerance) << name << " at step " << scheduler.last_step();
      scheduler.step();
    }
  }
}

TEST(Reference, ClipGradNorm) {
  const Json c = load("optimizers")["clip_grad_norm"];
  Tensor w = zeros(Shape(c["grad"]["shape"].get<std::vector<int64_t>>()), f64).requires_grad_();
  w.set_grad(tensor_of(c["grad"]));
  const double total = c["total_norm"];
  EXPECT_NEAR(optim::clip_grad_norm_({w}, c["max_norm"]), total, optimizer_tolerance * total);
  expect_near(w.grad(), c["clipped"], optimizer_tolerance, "clipped");
}

TEST(Reference, TrainingRuns) {
  int runs = 0;
  const Json file = load("training");
  ASSERT_FALSE(file["cases"].empty());
  for (const Json& c : file["cases"]) {
    if (c["run"] != "mlp") continue;
    SCOPED_TRACE(c["run"].get<std::string>() + " " + c.value("activation", ""));
    const Tensor x = tensor_of(c["x"]);
    const auto labels = c["y"].get<std::vector<int64_t>>();
    const Tensor y = from_vector(labels, {static_cast<int64_t>(labels.size())});
    nn::Sequential model(nn::Linear(5, 8), nn::Activation(c["activation"].get<std::string>()), nn::Linear(8, 3));
    model.to(f64);
    std::map<std::string, Tensor> state;
    for (const auto& [name, value] : c["state"].items()) state[name] = tensor_of(value);
    model.load_state_dict(state);
    optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
    for (const Json& expected : c["loss"]) {
      optimizer.zero_grad();
      const Tensor loss = cross_entropy(model(x), y);
      loss.backward();
      optimizer.step();
      EXPECT_NEAR(loss.item<double>(), expected.get<double>(), training_tolerance);
    }
    for (const auto& [name, value] : model.state_dict())
      expect_near(value, c["final_state"][name], training_tolerance, name);
    ++runs;
  }
  EXPECT_EQ(runs, 3);
}

}  // namespace
}  // namespace cairn::reference
