#include "cairn/io/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <memory>
#include <set>

#include "cairn/activation/activation.h"
#include "cairn/models/models.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/fold.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/radial.h"
#include "cairn/nn/sequential.h"
#include "cairn/tensor/create.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

onnx::ModelProto read(const std::string& file) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes_of(file)));
  return model;
}

onnx::ModelProto exported(const nn::Layer& model, const Shape& input, const io::OnnxOptions& options = {}) {
  const Folder folder;
  io::save_onnx(model, folder / "m.onnx", input, options);
  return read(folder / "m.onnx");
}

std::vector<std::string> operators(const onnx::ModelProto& model) {
  std::vector<std::string> found;
  for (const auto& node : model.graph().node()) found.push_back(node.op_type());
  return found;
}

std::vector<std::string> initializers(const onnx::ModelProto& model) {
  std::vector<std::string> found;
  for (const auto& tensor : model.graph().initializer())
    if (!tensor.name().starts_with("constant")) found.push_back(tensor.name());
  return found;
}

// "input (n, 3, ?) of type 1"
std::string text_of_info(const onnx::ValueInfoProto& info) {
  std::string text = info.name() + " (";
  for (const auto& size : info.type().tensor_type().shape().dim())
    text += (text.ends_with("(") ? "" : ", ") + (size.has_dim_value()   ? std::to_string(size.dim_value())
                                                 : size.has_dim_param() ? size.dim_param()
                                                                        : "?");
  return text + ") of type " + std::to_string(info.type().tensor_type().elem_type());
}

TEST(Onnx, TheFileSaysWhatItHolds) {
  nn::Sequential model(nn::Linear(3, 4), nn::Activation("relu"), nn::Dropout(0.5), nn::Linear(4, 2));
  const onnx::ModelProto file = exported(
      model, {1, 3}, {.input = "pixels", .output = "scores", .name = "iris", .metadata = {{"classes", "a, b"}}});
  EXPECT_EQ(file.producer_name(), "cairn");
  ASSERT_EQ(file.opset_import_size(), 1);
  EXPECT_EQ(file.opset_import(0).version(), 17);
  ASSERT_EQ(file.metadata_props_size(), 1);
  EXPECT_EQ(file.metadata_props(0).key() + ": " + file.metadata_props(0).value(), "classes: a, b");
  const onnx::GraphProto& graph = file.graph();
  EXPECT_EQ(graph.name(), "iris");
  ASSERT_EQ(graph.input_size(), 1);  // initializers are none
  EXPECT_EQ(text_of_info(graph.input(0)), "pixels (n, 3) of type 1");
  ASSERT_EQ(graph.output_size(), 1);
  EXPECT_EQ(text_of_info(graph.output(0)), "scores (n, 2) of type 1");
  EXPECT_THAT(operators(file), ElementsAre("Gemm", "Relu", "Gemm"));
  EXPECT_THAT(initializers(file), ElementsAre("0.weight", "0.bias", "3.weight", "3.bias"));
  EXPECT_EQ(graph.node(0).name(), "0/Gemm");
  EXPECT_EQ(graph.node(2).output(0), "scores");
  const onnx::TensorProto& weight = graph.initializer(0);
  EXPECT_THAT(weight.dims(), ElementsAre(4, 3));
  const Tensor own = dynamic_cast<nn::Linear&>(model[0]).weight.detach();
  EXPECT_EQ(weight.raw_data(), std::string(reinterpret_cast<const char*>(own.data<float>()), 48));
}

TEST(Onnx, NetworksHaveTheOperatorsThatRuntimesFuse) {
  const onnx::ModelProto resnet = exported(models::resnet20(), {1, 3, 32, 32});
  const auto found = operators(resnet);
  EXPECT_THAT(std::set<std::string>(found.begin(), found.end()),
              ElementsAre("Add", "BatchNormalization", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "Relu"));
  EXPECT_EQ(found.size(), 3U + 9 * 7 + 2 * 2 + 3) << "the stem, nine blocks, two projections, and the end";
  EXPECT_EQ(resnet.graph().output(0).type().tensor_type().shape().dim(1).dim_value(), 10);
  const auto one = [](const char* text) {
    const auto list = operators(exported(nn::Activation(text), {1, 4, 4}));
    return list.size() == 1 ? list[0] : std::to_string(list.size()) + " nodes";
  };
  EXPECT_EQ(one("relu6"), "Clip");
  EXPECT_EQ(one("leaky_relu(0.2)"), "LeakyRelu");
  EXPECT_EQ(one("elu"), "Elu");
  EXPECT_EQ(one("hardsigmoid"), "HardSigmoid");
  EXPECT_EQ(one("prelu"), "PRelu");
  EXPECT_EQ(one("softmax(1)"), "Softmax");
  EXPECT_THAT(operators(exported(nn::Activation("silu"), {1, 4})), ElementsAre("Sigmoid", "Mul"));
  EXPECT_THAT(operators(exported(nn::Activation("gelu"), {1, 4})), ElementsAre("Div", "Erf", "Add", "Mul", "Mul"));
}

TEST(Onnx, EqualPartsOfAFormulaAreOneNode) {
  const auto found = operators(exported(nn::Activation("tanh(x) * tanh(x) + exp(tanh(x))"), {1, 4}));
  EXPECT_THAT(found, ElementsAre("Tanh", "Exp", "Mul", "Add"));
}

TEST(Onnx, LearnedParametersKeepTheirNames) {
  const onnx::ModelProto file =
      exported(nn::Sequential(nn::Activation("x * sigmoid(beta * x); beta = 2"), nn::PReLU(3),
                              nn::BatchNorm2d(3, {.affine = false}), nn::Flatten(), nn::RadialBasis(12, 2)),
               {1, 3, 2, 2});
  EXPECT_THAT(initializers(file),
              ElementsAre("0.beta", "1.weight", "2.running_mean", "2.running_var", "4.log_width", "4.centres"));
}

TEST(Onnx, TiedTensorsStandThereOnce) {
  nn::Sequential model(nn::Linear(3, 3), nn::Linear(3, 3));
  dynamic_cast<nn::Linear&>(model[1]).weight = dynamic_cast<nn::Linear&>(model[0]).weight;
  const onnx::ModelProto file = exported(model, {1, 3});
  EXPECT_THAT(initializers(file), ElementsAre("0.weight", "0.bias", "1.bias"));
  EXPECT_EQ(file.graph().node(1).input(1), "0.weight");
}

TEST(Onnx, OpsetsFrom13To17) {
  const nn::Sequential model(nn::Linear(3, 4), nn::LayerNorm({4}), nn::Activation("mish"), nn::Sparsemax(1), nn::GLU());
  for (int64_t opset = 13; opset <= 17; ++opset)
    EXPECT_EQ(exported(model, {2, 3}, {.opset = opset}).opset_import(0).version(), opset);
  for (const int64_t opset : {0, 12, 18})
    EXPECT_THAT(text_of<ValueError>([&] {
                  exported(model, {2, 3}, {.opset = opset});
                }),
                HasSubstr("the opset must be from 13 to 17; got opset " + std::to_string(opset)));
}

TEST(Onnx, SizesThatChangeWithTheBatchAreOpen) {
  EXPECT_EQ(text_of_info(exported(nn::Flatten(0, 1), {2, 3, 4}).graph().output(0)), "output (3n, 4) of type 1");
  EXPECT_EQ(text_of_info(exported(nn::Activation("max(0)"), {2, 3}).graph().output(0)), "output (3) of type 1");
  EXPECT_EQ(text_of_info(exported(nn::Flatten(), {2, 3, 4}, {.dynamic_batch = false}).graph().output(0)),
            "output (2, 12) of type 1");
  // What takes one number of samples alone says so, and can be had.
  const nn::Sequential fixed(nn::Flatten(0), nn::Linear(6, 2));
  EXPECT_THAT(text_of<ValueError>([&] {
                exported(fixed, {2, 3});
              }),
              AllOf(HasSubstr("the layer '1' (Linear) does not take another number of samples than the given one; give "
                              ".dynamic_batch = false"),
                    HasSubstr("x (9,) f32")));
  EXPECT_EQ(text_of_info(exported(fixed, {2, 3}, {.dynamic_batch = false}).graph().output(0)), "output (2) of type 1");
  EXPECT_THAT(text_of<ValueError>([] {
                exported(nn::Sparsemax(0), {2, 3});
              }),
              HasSubstr("a layer needs a size that changes with the number of samples"));
  EXPECT_NO_THROW(exported(nn::Sparsemax(0), {2, 3}, {.dynamic_batch = false}));
}

TEST(Onnx, AModelThatDoesNothingIsAGraphAllTheSame) {
  const onnx::ModelProto file = exported(nn::Sequential(nn::Identity(), nn::Dropout()), {1, 3});
  EXPECT_THAT(operators(file), ElementsAre("Identity"));
  EXPECT_THAT(initializers(file), IsEmpty());
  EXPECT_EQ(text_of_info(file.graph().output(0)), "output (n, 3) of type 1");
}

TEST(Onnx, TheModelStaysAsItIsAndEqualModelsGiveEqualFiles) {
  const Folder folder;
  nn::Sequential model(nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Dropout(0.5), nn::RReLU());
  model[2].eval();  // a part in another mode
  const uint64_t before = nn::checksum(model);
  io::save_onnx(model, folder / "a", {2, 3});
  EXPECT_EQ(nn::checksum(model), before);
  EXPECT_TRUE(model.training() && model[1].training() && !model[2].training());
  EXPECT_TRUE(model.parameters()[0].tensor.requires_grad());
  model.eval();
  io::save_onnx(model, folder / "b", {2, 3});
  EXPECT_EQ(bytes_of(folder / "a"), bytes_of(folder / "b"));
}

TEST(Onnx, F64IsExportedAsSuch) {
  nn::Sequential model(nn::Linear(3, 2), nn::Activation("mish"));
  model.to(f64);
  EXPECT_EQ(text_of_info(exported(model, {1, 3}).graph().input(0)), "input (n, 3) of type 11");
  // Everything that the formulas need is there for it too.
  for (const ActivationInfo& info : activations()) {
    nn::Sequential one(nn::Linear(4, 4), nn::Activation(info.name));
    one.to(f64);
    EXPECT_NO_THROW(exported(one, {2, 4})) << info.name;
  }
  dynamic_cast<nn::Linear&>(model[0]).bias = zeros({2});
  EXPECT_THAT(text_of<Error>([&] { exported(model, {1, 3}); }), HasSubstr("f64"));
}

struct Unknown : nn::Layer {
  Tensor forward(const Tensor& x) override { return x; }
};

TEST(Onnx, WhatCannotBeExportedLeavesTheOldFile) {
  const Folder folder;
  const std::string file = folder.write("m", "old");
  const auto save = [&](const nn::Layer& model, const Shape& input, const io::OnnxOptions& options = {}) {
    io::save_onnx(model, file, input, options);
  };
  EXPECT_THAT(text_of<NameError>([&] {
                save(nn::Sequential(nn::Linear(1, 1), Unknown()), {1, 1});
              }),
              HasSubstr("the layer '1' of type Unknown is not known to the export to ONNX"));
  const nn::Sequential model(nn::Linear(3, 2), nn::BatchNorm1d(2));
  EXPECT_THAT(text_of<ShapeError>([&] {
                save(model, {1, 4});
              }),
              AllOf(HasSubstr("the layer '0' (Linear) does not take what comes to it"), HasSubstr("(1, 4) f32")));
  EXPECT_THAT(text_of<ShapeError>([&] { save(nn::BatchNorm1d(2), {1, 3}); }), HasSubstr("num_features"));
  for (const Shape& input : {Shape{}, Shape{0, 3}, Shape{2, -1}}) EXPECT_THROW(save(model, input), ShapeError) << input;
  for (const io::OnnxOptions& o : std::vector<io::OnnxOptions>{
           {.input = ""}, {.output = ""}, {.output = "input"}, {.input = "0.weight"}, {.output = "1.running_mean"}})
    EXPECT_THAT(text_of<ValueError>([&] { save(model, {1, 3}, o); }), HasSubstr("must differ and not be empty"));
  EXPECT_THROW(save(model, {1, 3}, {.name = ""}), ValueError);
  EXPECT_THROW(io::save_onnx(model, folder / "none/m", {1, 3}), FileError);
  EXPECT_EQ(bytes_of(file), "old");
  EXPECT_THAT(folder.names(), ElementsAre("m"));
}

TEST(Onnx, MoreThanTheFormatHoldsIsRefused) {
  nn::Sequential model(nn::Linear(1, 1));
  // Sizes alone: one number stands for all of them.
  dynamic_cast<nn::Linear&>(model[0]).weight = zeros({1, 1}).expand({30'000, 20'000});
  EXPECT_THAT(text_of<ValueError>([&] {
                exported(model, {1, 20'000});
              }),
              AllOf(HasSubstr("the format ends at 2 GB"), HasSubstr("2400000004")));
}

}  // namespace
}  // namespace cairn
