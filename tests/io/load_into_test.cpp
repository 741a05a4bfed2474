// Weights by name, out of files of whoever wrote them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/graph/node.h"
#include "cairn/io/model.h"
#include "cairn/io/safetensors.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "io/files.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::run_script;

TEST(LoadInto, GoesByNames) {
  const Folder folder;
  const std::string file = folder / "state";
  const nn::Sequential source(nn::Linear(3, 2), nn::Linear(2, 2));
  io::save_safetensors(file, source.state_dict());  // with no model in it
  nn::Sequential model(nn::Linear(3, 2), nn::Linear(2, 2));
  EXPECT_TRUE(io::load_into(model, file).ok());
  EXPECT_EQ(nn::checksum(model), nn::checksum(source));
  EXPECT_TRUE(model.training());

  model.to(f64);
  io::load_into(model, file);  // the model's dtype stays
  EXPECT_EQ(model.parameters()[0].tensor.dtype(), f64);
  EXPECT_TRUE(equal(model.parameters()[0].tensor.detach().to(f32), source.parameters()[0].tensor.detach()));

  nn::Sequential other(nn::Linear(3, 4), nn::Linear(4, 2, {.bias = false}), nn::Linear(2, 2));
  const uint64_t before = nn::checksum(other);
  EXPECT_THAT(text_of<FileError>([&] { io::load_into(other, file); }),
              AllOf(HasSubstr("missing 2.bias, 2.weight; "), HasSubstr("unexpected 1.bias; "),
                    HasSubstr("0.weight is (4, 3) f32, the state holds (2, 3) f32; "), HasSubstr(file)));
  EXPECT_EQ(nn::checksum(other), before);
  nn::Sequential longer(nn::Linear(3, 2), nn::Identity());
  const nn::LoadReport report = io::load_into(longer, file, {.strict = false});
  EXPECT_THAT(report.unexpected, ElementsAre("1.bias", "1.weight"));
  EXPECT_EQ(io::load_into(longer, file, false).unexpected, report.unexpected);
  EXPECT_TRUE(equal(longer.parameters()[0].tensor.detach(), source.parameters()[0].tensor.detach()));
}

TEST(LoadInto, APrefixIsTakenOffAndOffered) {
  const Folder folder;
  const std::string file = folder / "state";
  const nn::Sequential source(nn::Linear(3, 2), nn::BatchNorm1d(2));
  nn::StateDict state;
  for (const auto& [name, tensor] : source.state_dict()) state["module.net." + name] = tensor;
  state["head.weight"] = ones({2});
  io::save_safetensors(file, state);
  nn::Sequential model(nn::Linear(3, 2), nn::BatchNorm1d(2));
  const uint64_t before = nn::checksum(model);
  EXPECT_THAT(text_of<FileError>([&] { io::load_into(model, file); }),
              AllOf(HasSubstr("missing 0.bias, 0.weight"), HasSubstr("unexpected head.weight, module.net.0.bias"),
                    HasSubstr("the file has all of them behind 'module.net.': load_into(model, file, {.prefix = "
                              "\"module.net.\"})")));
  EXPECT_THAT(text_of<FileError>([&] { io::load_into(model, file, {.prefix = "module."}); }),
              HasSubstr("behind 'net.': load_into(model, file, {.prefix = \"module.net.\"})"));
  EXPECT_THAT(text_of<FileError>([&] { io::load_into(model, file, {.prefix = "mod"}); }),
              AllOf(HasSubstr("unexpected ule.net.0.bias"), HasSubstr("{.prefix = \"module.net.\"}")));
  EXPECT_THAT(text_of<FileError>([&] { io::load_into(model, file, {.prefix = "other."}); }),
              AllOf(HasSubstr("missing"), Not(HasSubstr("prefix"))));
  EXPECT_EQ(nn::checksum(model), before);
  EXPECT_TRUE(io::load_into(model, file, {.prefix = "module.net."}).ok());
  EXPECT_EQ(nn::checksum(model), nn::checksum(source));
  // Without strictness nothing is guessed.
  EXPECT_THAT(io::load_into(model, file, {.strict = false, .prefix = "module."}).missing, Not(IsEmpty()));
}

TEST(LoadInto, HalvesFillWeights) {
  const Folder folder;
  const nn::Linear source(3, 2);
  io::save_safetensors(folder / "half", source.state_dict(), {}, io::Floats::bf16);
  nn::Linear model(3, 2);
  EXPECT_TRUE(io::load_into(model, folder / "half").ok());
  EXPECT_TRUE(allclose(model.weight, source.weight, 1.0 / 256, 0));  // half of the last of 8 bits
}

// The twin of the model in pytorch.py.
struct Net : nn::Layer {
  nn::Conv2d& conv1 = add("conv1", nn::Conv2d(3, 4, 3, {.padding = 1, .bias = false}));
  nn::BatchNorm2d& bn1 = add("bn1", nn::BatchNorm2d(4));
  nn::Sequential& layer1 = add("layer1", nn::Sequential(nn::BasicBlock(4, 4)));
  nn::Sequential& layer2 = add("layer2", nn::Sequential(nn::BasicBlock(4, 8, {.stride = 2})));
  nn::Activation& act = add("act", nn::PReLU(8));
  nn::GroupNorm& gn = add("gn", nn::GroupNorm(2, 8));
  nn::ConvTranspose2d& up = add("up", nn::ConvTranspose2d(8, 6, 2, {.stride = 2, .groups = 2}));
  nn::LayerNorm& ln = add("ln", nn::LayerNorm({6, 12, 12}));
  nn::Sequential& seq = add("seq", nn::Sequential(nn::Conv1d(6, 6, 3, {.groups = 2}), nn::BatchNorm1d(6)));
  nn::Linear& fc = add("fc", nn::Linear(6, 5));
  Tensor forward(const Tensor& x) override {
    const Tensor y = layer2(layer1(relu(bn1(conv1(x)))));
    return fc(mean(seq(ln(up(gn(act(y)))).flatten(2)), {2}));
  }
};

TEST(LoadInto, NamesAndShapesArePyTorchs) {
  const Folder folder;
  const int status = run_script("pytorch.py", "'" + folder / "names" + "' names");
  if (status == 77) GTEST_SKIP() << "skipped: Python is absent";
  ASSERT_EQ(status, 0);
  Net model;
  EXPECT_TRUE(io::load_into(model, folder / "names", {.prefix = "module."}).ok());
  EXPECT_EQ(model.bn1.num_batches_tracked.item<int64_t>(), 3);
  EXPECT_TRUE(equal(model.fc.weight.detach(), full({5, 6}, 0.5)));
}

TEST(LoadInto, AModelOfPyTorchGivesTheSameOutput) {
  const Folder folder;
  const int status = run_script("pytorch.py", "'" + folder / "torch" + "'");
  if (status == 77) GTEST_SKIP() << "skipped: PyTorch is absent";
  ASSERT_EQ(status, 0);
  Net model;
  io::load_into(model, folder / "torch", {.prefix = "module."});
  model.eval();
  const NoGrad no_grad;
  const nn::StateDict all = io::load_safetensors(folder / "torch").tensors;
  // Sums of at most some hundred products of the size of 1, in another order.
  EXPECT_TRUE(allclose(model(all.at("x")), all.at("y"), 1e-5, 1e-5));
}

}  // namespace
}  // namespace cairn
