// A training run of residual blocks held to PyTorch's: losses, weights and running statistics.
#include "cases.h"

namespace cairn::reference {
namespace {

// Names of the run's own blocks, as ours.
std::string our_name(std::string name) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  };
  replace("proj.", "downsample.0.");
  replace("bnp.", "downsample.1.");
  return name;
}

nn::StateDict state_of(const Json& j) {
  nn::StateDict state;
  for (const auto& [name, value] : j.items()) {
    const Tensor t = tensor_of(value);
    state[our_name(name)] = name.ends_with("num_batches_tracked") ? t.to(i64) : t;
  }
  return state;
}

TEST(Reference, ResidualBlocks) {
  int runs = 0;
  const Json file = load("training");
  for (const Json& c : file["cases"]) {
    if (c["run"] != "residual_blocks") continue;
    ++runs;
    const Tensor x = tensor_of(c["x"]);
    const auto labels = c["y"].get<std::vector<int64_t>>();
    const Tensor y = from_vector(labels, {static_cast<int64_t>(labels.size())});
    nn::Sequential model;
    model.push_back("b1", nn::BasicBlock(3, 4, {.stride = 1}));
    model.push_back("b2", nn::BasicBlock(4, 6, {.stride = 2}));
    model.push_back("pool", nn::AdaptiveAvgPool2d(1));
    model.push_back("flatten", nn::Flatten());
    model.push_back("fc", nn::Linear(6, 3));
    model.to(f64);
    model.load_state_dict(state_of(c["state"]));
    optim::AdamW optimizer(model.parameters(), {.lr = 0.01, .weight_decay = 0.05});
    for (const Json& expected : c["loss"]) {
      optimizer.zero_grad();
      const Tensor loss = cross_entropy(model(x), y);
      loss.backward();
      optimizer.step();
      EXPECT_NEAR(loss.item<double>(), expected.get<double>(), training_tolerance);
    }
    model.eval();
    expect_near(model(x), c["eval_logits"], training_tolerance, "logits in evaluation");
    for (const auto& [name, value] : c["final_state"].items())
      expect_near(model.state_dict().at(our_name(name)), value, training_tolerance, name);
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace cairn::reference
