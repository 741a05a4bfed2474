#include "cairn/io/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cairn/activation/activation.h"
#include "cairn/base/memory.h"
#include "cairn/graph/node.h"
#include "cairn/io/safetensors.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/fold.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"
#include "cairn/nn/radial.h"
#include "cairn/nn/registry.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/taylor.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "io/rows.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;

// A layer of a user, with every kind of state.
struct Scale : nn::Layer {
  double factor;
  nn::Linear& inner = add("inner", nn::Linear(3, 3));
  Tensor& weight = parameter("weight", randn({3}));
  Tensor& mean = buffer("mean", randn({3}));
  Tensor& count = buffer("count", tensor(7));  // i64
  explicit Scale(double factor) : factor(factor) {}
  Tensor forward(const Tensor& x) override { return (inner(x) * weight + mean) * factor; }
  Json options() const override { return {{"factor", factor}}; }
  static Scale from_options(const Json& options) {
    return Scale(nn::OptionReader("Scale", options, {"factor"}).number("factor"));
  }
};
const bool registered = (nn::register_layer<Scale>("user.Scale"), true);

struct Unregistered : nn::Layer {
  Tensor forward(const Tensor& x) override { return x; }
};

using testing::Row;

template <class... L>
nn::Sequential around(L... layers) {
  return nn::Sequential(nn::Linear(3, 3), std::move(layers)..., nn::Linear(3, 2));
}

std::vector<Row> rows() {
  std::vector<Row> all = {
      {"Linear", [] { return around(nn::Linear(3, 5), nn::Linear(5, 3, {.bias = false})); }},
      {"Dropout", [] { return around(nn::Dropout(), nn::Dropout(0.3)); }},
      {"Flatten", [] { return around(nn::Flatten(), nn::Flatten(-1, 1)); }},
      {"Identity", [] { return around(nn::Identity()); }},
      {"Sequential",
       [] { return around(nn::Sequential(), nn::Sequential(nn::Linear(3, 3), nn::Sequential(nn::Identity()))); }},
      {"user.Scale", [] { return around(Scale(0.1)); }},
  };
  const Shape images = {5, 4, 6, 7}, sequences = {3, 4, 9};
  const auto add = [&](const char* type, const Shape& input, auto... layers) {
    all.push_back({type, [=] { return nn::Sequential(layers()...); }, input});
  };
  add("Conv1d", sequences, [] { return nn::Conv1d(4, 6, 3, {.stride = 2, .padding = 1, .groups = 2}); });
  add(
      "Conv2d", images,
      [] {
        return nn::Conv2d(4, 6, {3, 2}, {.padding = "same", .dilation = {1, 2}});
      },
      [] {
        return nn::Conv2d(6, 4, 3, {.stride = {2, 1}, .padding = {1, 0}, .groups = 2, .bias = false});
      });
  add("ConvTranspose2d", images,
      [] { return nn::ConvTranspose2d(4, 2, 3, {.stride = 2, .padding = 1, .output_padding = 1, .bias = false}); });
  add("MaxPool2d", images, [] { return nn::MaxPool2d({3, 2}, {.stride = 2, .padding = {1, 0}, .ceil_mode = true}); });
  add(
      "AvgPool2d", images, [] { return nn::AvgPool2d(3, {.padding = 1, .count_include_pad = false}); },
      [] { return nn::AvgPool2d(1, {.divisor_override = 3}); });
  add("AdaptiveAvgPool2d", images, [] { return nn::AdaptiveAvgPool2d({3, 2}); });
  add("AdaptiveMaxPool2d", images, [] { return nn::AdaptiveMaxPool2d(2); });
  add("MaxPool1d", sequences, [] { return nn::MaxPool1d(3, {.stride = 2, .padding = 1, .ceil_mode = true}); });
  add("AvgPool1d", sequences, [] { return nn::AvgPool1d(2, {.padding = 1, .count_include_pad = false}); });
  add("AdaptiveAvgPool1d", sequences, [] { return nn::AdaptiveAvgPool1d(5); });
  add("AdaptiveMaxPool1d", sequences, [] { return nn::AdaptiveMaxPool1d(2); });
  add("LPPool2d", images, [] { return nn::LPPool2d(2.5, 2, {.stride = 1}); });
  add("BatchNorm1d", {17, 3}, [] { return nn::BatchNorm1d(3, {.momentum = std::nullopt}); });
  add(
      "BatchNorm2d", images, [] { return nn::BatchNorm2d(4, {.eps = 1e-3, .momentum = 0.3}); },
      [] { return nn::BatchNorm2d(4, {.affine = false, .track_running_stats = false}); });
  add("LayerNorm", images, [] { return nn::LayerNorm({6, 7}, {.eps = 1e-3, .bias = false}); });
  add("GroupNorm", images, [] { return nn::GroupNorm(2, 4, {.eps = 1e-3, .affine = false}); });
  add("Softmax", images, [] { return nn::Softmax(1); });
  add("LogSoftmax", images, [] { return nn::LogSoftmax(-1); });
  add("Softmin", images, [] { return nn::Softmin(2); });
  add("Sparsemax", images, [] { return nn::Sparsemax(1); });
  add(
      "Taylor", images, [] { return nn::Taylor("tanh", 7, 1.5); },
      [] { return nn::Taylor("x * sigmoid(beta * x); beta = 2", 6, 1.25); },
      [] { return nn::Activation("taylor(swish(1.5), 4, 1)"); });
  add("GLU", images, [] { return nn::GLU(1); });
  add("ReGLU", images, [] { return nn::ReGLU(-3); });
  add("GeGLU", images, [] { return nn::GeGLU(2); });
  add("SwiGLU", images, [] { return nn::SwiGLU(1); });
  add("BilinearGLU", images, [] { return nn::BilinearGLU(1); });
  add("CReLU", images, [] { return nn::CReLU(); });
  add(
      "Maxout", images, [] { return nn::Maxout(2); }, [] { return nn::Maxout(7, -1); });
  add("Dropout2d", images, [] { return nn::Dropout2d(0.2); });
  add("StochasticDepth", images, [] { return nn::StochasticDepth(0.2, Drop::batch); });
  add(
      "Residual", images, [] { return nn::Residual(nn::Conv2d(4, 4, 3, {.padding = 1})); },
      [] { return nn::Residual(nn::Conv2d(4, 5, 1), nn::Conv2d(4, 5, 1, {.bias = false})); });
  add(
      "BasicBlock", images, [] { return nn::BasicBlock(4, 6, {.stride = 2, .activation = "gelu", .drop_path = 0.1}); },
      [] { return nn::BasicBlock(6, 8, {.norm = "none", .shortcut = nn::Shortcut::identity}); });
  add("Bottleneck", images, [] { return nn::Bottleneck(4, 2, {.norm = "group(2)"}); });
  for (const RadialFunctionInfo& info : radial_functions())
    all.push_back({"RadialBasis", [&info] {
                     return around(nn::RadialBasis(3, 5, info.name),
                                   nn::RadialBasis(
                                       5, 3, RadialFunction(info, info.k).text(),
                                       {.learn_centres = false, .learn_widths = false, .width = 2.5, .lr_scale = 0.5}));
                   }});
  for (const ActivationInfo& info : activations()) {
    if (!info.elementwise()) continue;
    std::vector<double> other;
    for (const auto& p : info.parameters) other.push_back(p.value * 0.7 + 0.05);
    all.push_back({"Activation", [&info, other] {
                     return around(nn::Activation(info.name), nn::Activation(cairn::Activation(info, other)));
                   }});
  }
  for (const Row& row : testing::transformer_rows()) all.push_back(row);
  add("RReLU", {5, 3}, [] { return nn::RReLU(0.1, 0.2); });
  all.push_back({"Activation", [] {
                   return around(nn::Activation("x * sigmoid(beta * x); beta = 1.5"),
                                 nn::Activation("max(x, a * x); a = 0.1", {.channels = 3}),
                                 nn::Activation("softmax(1)"));
                 }});
  return all;
}

TEST(SavedModel, EveryLayerAndActivationPredictsTheSameBits) {
  const Folder folder;
  const std::string file = folder / "model.safetensors";
  std::vector<std::string> covered;
  for (const Row& row : rows())
    for (const Dtype dtype : {f32, f64}) {
      nn::Sequential model = row.make();
      model.to(dtype).eval();
      std::ostringstream printed;
      printed << model;
      SCOPED_TRACE(printed.str() + " " + name_of(dtype));
      io::save(model, file);
      const io::SavedModel saved = io::load(file);
      const Tensor x = row.ids > 0 ? randint(row.ids, row.input) : randn(row.input, dtype);
      const Tensor expected = model(x), found = (*saved.model)(x);
      EXPECT_EQ(found.dtype(), dtype);
      EXPECT_TRUE(equal(found, expected));
      EXPECT_EQ(nn::checksum(*saved.model), nn::checksum(model));
      EXPECT_EQ(nn::summary(*saved.model), nn::summary(model));
      covered.push_back(row.type);
    }
  for (const std::string& type : nn::registered_layers())
    EXPECT_THAT(covered, ::testing::Contains(type)) << "no row for this layer";
}

TEST(SavedModel, ComesBackReadyToPredictAndToTrain) {
  const Folder folder;
  nn::Sequential model(nn::Linear(3, 4), nn::Dropout(0.5), nn::Linear(4, 2));
  const std::string file = folder / "model.safetensors";
  io::save(model, file);
  EXPECT_TRUE(model.training());  // saving changes nothing
  manual_seed(9);
  rand({5});
  const uint64_t position = default_generator().position();
  const io::SavedModel saved = io::load(file);
  EXPECT_EQ(default_generator().position(), position);
  EXPECT_FALSE(saved.model->training());
  EXPECT_FALSE((*saved.model).children()[1].second->training());
  EXPECT_EQ(saved.model->children()[0].second->path(), "0");
  for (const nn::Parameter& p : saved.model->parameters()) EXPECT_TRUE(p.tensor.requires_grad()) << p.name;
  const Tensor next = rand({5});
  manual_seed(9);
  rand({5});
  EXPECT_TRUE(equal(next, rand({5})));
}

TEST(SavedModel, EqualModelsGiveEqualFiles) {
  const Folder folder;
  const nn::Sequential model = around(nn::Activation("gelu"));
  io::save(model, folder / "a", {.classes = {"x"}});
  io::save(model, folder / "b", {.classes = {"x"}});
  const io::SavedModel saved = io::load(folder / "a");
  io::save(*saved.model, folder / "c", saved.info);
  EXPECT_EQ(bytes_of(folder / "a"), bytes_of(folder / "b"));
  EXPECT_EQ(bytes_of(folder / "a"), bytes_of(folder / "c"));
}

TEST(SavedModel, TheFileSaysWhatItHolds) {
  const Folder folder;
  io::save(nn::Sequential(nn::Linear(2, 1, {.bias = false}), nn::Activation("elu(0.5)")), folder / "m",
           {.normalization = {{0.1307}, {0.3081}}, .classes = {"zero"}, .input = {2}});
  const io::SafeTensors file = io::load_safetensors(folder / "m");
  EXPECT_THAT(file.metadata.at("cairn"),
              ::testing::MatchesRegex(R"(\{"format":1,"version":"[0-9.]+","checksum":"[0-9a-f]{16}"\})"));
  EXPECT_EQ(file.metadata.at("model"), R"j({"type":"Sequential","options":{"layers":[)j"
                                       R"j({"type":"Linear","options":{"in":2,"out":1,"bias":false}},)j"
                                       R"j({"type":"Activation","options":{"function":"elu(0.5)"}}]}})j");
  EXPECT_EQ(file.metadata.at("formulas"), R"j({"elu(0.5)":"where(x > 0, x, 0.5 * expm1(minimum(x, 0)))"})j");
  EXPECT_EQ(file.metadata.at("info"),
            R"({"normalization":{"mean":[0.1307],"deviation":[0.3081]},"classes":["zero"],"input":[2]})");
  EXPECT_EQ(file.metadata.size(), 4U);
  EXPECT_EQ(file.tensors.size(), 1U);
}

// The catalogue may write a formula in another way than when the file was written; another function is refused (below).
TEST(SavedModel, AFormulaMayHaveBeenRewritten) {
  const Folder folder;
  io::save(nn::Sequential(nn::Linear(2, 2), nn::Activation("mish")), folder / "m");
  io::SafeTensors file = io::load_safetensors(folder / "m");
  file.metadata["formulas"] = R"j({"mish":"x * tanh(softplus(x))"})j";
  io::save_safetensors(folder / "m", file.tensors, file.metadata);
  EXPECT_NO_THROW(io::load(folder / "m"));
  for (const char* other : {R"j({"mish":"x * tanh(softplus(2 * x))"})j", R"j({"silu":"x * tanh(softplus(x))"})j"}) {
    file.metadata["formulas"] = other;
    io::save_safetensors(folder / "m", file.tensors, file.metadata);
    EXPECT_THROW(io::load(folder / "m"), FileError);
  }
}

TEST(SavedModel, InfoComesBack) {
  const Folder folder;
  const io::ModelInfo info{.normalization = {{0.1, 1.0 / 3, 1e-300}, {1, 2, 3}},
                           .classes = {"zero", "", "\"quoted\" \\ ü\n"},
                           .input = {3, 32, 32}};
  io::save(nn::Linear(2, 2), folder / "m", info);
  const io::ModelInfo back = io::load(folder / "m").info;
  EXPECT_EQ(back.normalization.mean, info.normalization.mean);
  EXPECT_EQ(back.normalization.deviation, info.normalization.deviation);
  EXPECT_EQ(back.classes, info.classes);
  EXPECT_EQ(back.input, info.input);
  io::save(nn::Linear(2, 2), folder / "m");
  const io::ModelInfo none = io::load(folder / "m").info;
  EXPECT_TRUE(none.normalization.mean.empty() && none.classes.empty() && none.input.empty());
}

TEST(SavedModel, TiedTensorsAreWrittenOnceAndStayTied) {
  const Folder folder;
  nn::Sequential model(nn::Linear(3, 3), nn::Linear(3, 3), nn::Linear(3, 3));
  dynamic_cast<nn::Linear&>(model[2]).weight = dynamic_cast<nn::Linear&>(model[0]).weight;
  io::save(model, folder / "m");
  EXPECT_EQ(io::load_safetensors(folder / "m").tensors.size(), 5U);
  const io::SavedModel saved = io::load(folder / "m");
  EXPECT_EQ(saved.model->parameters().size(), 5U);
  EXPECT_EQ(saved.model->named_parameters().size(), 6U);
  EXPECT_EQ(nn::checksum(*saved.model), nn::checksum(model));

  nn::Sequential loose(nn::Linear(3, 3), nn::Linear(3, 3), nn::Linear(3, 3));
  EXPECT_TRUE(io::load_into(loose, folder / "m").ok());
  EXPECT_EQ(loose.parameters().size(), 6U);  // values alone
  EXPECT_EQ(nn::checksum(loose), nn::checksum(model));
}

TEST(SavedModel, NestsDeeply) {
  const Folder folder;
  auto model = std::make_unique<nn::Sequential>(nn::Linear(2, 2));
  for (int i = 0; i < 90; ++i) {
    auto outer = std::make_unique<nn::Sequential>();
    outer->push_back(std::move(model));
    model = std::move(outer);
  }
  io::save(*model, folder / "m");
  EXPECT_EQ(nn::checksum(*io::load(folder / "m").model), nn::checksum(*model));
}

TEST(SavedModel, WhatCannotBeSavedLeavesTheOldFile) {
  const Folder folder;
  const std::string file = folder.write("m", "old");
  const std::string text =
      text_of<NameError>([&] { io::save(nn::Sequential(nn::Linear(1, 1), Unregistered()), file); });
  EXPECT_THAT(text, AllOf(HasSubstr("the layer '1' of type Unregistered is not registered"),
                          HasSubstr("nn::register_layer<Unregistered>(\"Unregistered\")"),
                          HasSubstr("io::save_safetensors(file, model.state_dict())")));
  const nn::Linear model(1, 1);
  EXPECT_THAT(text_of<ValueError>([&] {
                io::save(model, file, {.normalization = {{NAN}, {1}}});
              }),
              HasSubstr("finite"));
  EXPECT_THAT(text_of<ValueError>([&] { io::save(model, file, {.classes = {"\xff"}}); }), HasSubstr("not UTF-8"));
  EXPECT_THROW(io::save(model, folder / "none/m"), FileError);
  EXPECT_EQ(bytes_of(file), "old");
  EXPECT_THAT(folder.names(), ElementsAre("m"));
}

// ---- damaged files -------------------------------------------------------------------------------------------------------

using Damage = std::function<void(io::SafeTensors&)>;

Damage set(const std::string& name, const std::string& text) {
  return [=](io::SafeTensors& f) { f.metadata[name] = text; };
}
Damage model_of(const std::string& type, const std::string& options) {
  return set("model", R"({"type":")" + type + R"(","options":)" + options + "}");
}

TEST(SavedModel, DamagedFilesAreRefusedWithAReason) {
  const Folder folder;
  const std::string file = folder / "m", linear = R"({"type":"Linear","options":{"in":3,"out":2,"bias":true}})";
  io::save(nn::Sequential(nn::Linear(3, 2), nn::Activation("elu(0.5)")), file);
  const io::SafeTensors good = io::load_safetensors(file);
  std::string many;  // each within the limit, all of them not
  for (int i = 0; i < 100; ++i)
    many += std::string(i ? "," : "") + R"({"type":"Linear","options":{"in":1000,"out":1000}})";
  const struct {
    const char* name;
    Damage damage;
    std::string text;
  } cases[] = {
      {"tensors alone", [](auto& f) { f.metadata.clear(); },
       "these are tensors without a model; load_into(model, file)"},
      {"a newer format", set("cairn", R"({"format":2,"version":"9.1"})"),
       "of format 2, written by version 9.1; this version reads format 1"},
      {"no format", set("cairn", "{}"), "metadata are damaged"},
      {"format is no number", set("cairn", R"({"format":"1"})"), "metadata are damaged"},
      {"no JSON", set("cairn", "hello"), "metadata are damaged"},
      {"no model", [](auto& f) { f.metadata.erase("model"); }, "the metadata 'model' is missing"},
      {"no info", [](auto& f) { f.metadata.erase("info"); }, "the metadata 'info' is missing"},
      {"no formulas", [](auto& f) { f.metadata.erase("formulas"); }, "the metadata 'formulas' is missing"},
      {"model is no JSON", set("model", "{"), "metadata are damaged"},
      {"model is null", set("model", "null"), "a layer is described as"},
      {"model has a member twice", set("model", R"({"type":"Identity","type":"Linear","options":{}})"),
       "has 'type' twice"},
      {"zero byte", set("model", std::string("{}\0x", 4)), "has a zero byte"},
      {"JSON nested too deep", set("model", std::string(1000, '[')), "'model' is nested too deep"},
      {"JSON too long", set("model", std::string(5 << 20, ' ')), "is longer than"},
      {"layers nested too deep",
       [&](auto& f) {
         std::string text = linear;
         for (int i = 0; i < 120; ++i) text.insert(0, R"({"type":"Sequential","options":{"layers":[)").append("]}}");
         f.metadata["model"] = text;
       },
       "layers are nested too deep"},
      {"unknown layer", model_of("Linaer", "{}"), "unknown name 'Linaer'; did you mean 'Linear'?"},
      {"missing option", model_of("Linear", R"({"in":3})"), "Linear: the option 'out' is missing"},
      {"wrong option", model_of("Dropout", R"({"p":7})"), "Dropout: the probability must be from 0 to 1"},
      {"a size of nothing", model_of("Linear", R"({"in":0,"out":2})"), "Linear: sizes must be at least 1"},
      {"sizes beyond the file", model_of("Linear", R"({"in":1000000,"out":1000000})"),
       "larger than the limit set here allows; got bytes 4000000000000"},
      {"sizes that overflow", model_of("Linear", R"({"in":1000000000000,"out":1000000000000})"), "got '" + file},
      {"many layers beyond the file", model_of("Sequential", R"({"layers":[)" + many + "]}"),
       "larger than the limit set here allows"},
      {"unknown activation", model_of("Activation", R"({"function":"gleu"})"), "did you mean 'gelu'?"},
      {"another formula", set("formulas", R"j({"elu(0.5)":"x + 1"})j"),
       "the activation 'elu(0.5)' was another function when the file was written: x + 1, and is now where(x > 0, x, "
       "0.5 * expm1(minimum(x, 0)))"},
      {"formula of none", set("formulas", R"({"gleu":"x"})"), "did you mean 'gelu'?"},
      {"formula is no text", set("formulas", R"({"gelu":3})"), "metadata are damaged"},
      {"formulas are a text", set("formulas", R"("gelu")"), "got '" + file},
      {"info of another form", set("info", R"({"normalization":[]})"), "metadata are damaged"},
      {"class is a number", set("info", R"({"normalization":{"mean":[],"deviation":[]},"classes":[3],"input":[]})"),
       "metadata are damaged"},
      {"negative size", set("info", R"({"normalization":{"mean":[],"deviation":[]},"classes":[],"input":[-3]})"),
       "a size is negative"},
      {"nine sizes",
       set("info", R"({"normalization":{"mean":[],"deviation":[]},"classes":[],"input":[1,1,1,1,1,1,1,1,1]})"),
       "got '" + file},
      {"tied to nothing", set("tied", R"({"1.weight":"7.weight"})"), "'tied' do not fit the tensors: '1.weight'"},
      {"tied over a tensor", set("tied", R"({"0.bias":"0.weight"})"), "'tied' do not fit the tensors: '0.bias'"},
      {"missing tensor", [](auto& f) { f.tensors.erase("0.bias"); }, "Sequential: missing 0.bias;"},
      {"unexpected tensor", [](auto& f) { f.tensors["more"] = ones({1}); }, "Sequential: unexpected more;"},
      {"mis-shaped tensor",
       [](auto& f) {
         f.tensors["0.weight"] = ones({3, 3});
       },
       "Sequential: 0.weight is (2, 3) f32, the state holds (3, 3) f32"},
      {"one weight of another value", [](auto& f) { f.tensors["0.bias"] = f.tensors["0.bias"] + 1e-6; },
       "the weights are damaged: their checksum is another than when the file was written"},
      {"integers for a weight", [](auto& f) { f.tensors["0.bias"] = ones({2}, i64); },
       "Sequential: 0.bias is (2,) f32, the state holds (2,) i64"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    io::SafeTensors content = good;
    c.damage(content);
    io::save_safetensors(file, content.tensors, content.metadata);
    memory::reset_peak();
    const int64_t before = memory::stats().in_use;
    const uint64_t position = default_generator().position();
    EXPECT_THAT(text_of<FileError>([&] { io::load(file); }),
                AllOf(HasSubstr(c.text), HasSubstr("load"), HasSubstr(file)));
    EXPECT_LE(memory::stats().peak - before, 20 << 20);
    EXPECT_EQ(default_generator().position(), position);
  }
  EXPECT_GE(std::size(cases), 30U);
  EXPECT_NO_THROW(ones({3000, 3000}));  // the limit has gone with the load
}

TEST(SavedModel, AFileCutAnywhereIsRefused) {
  const Folder folder;
  io::save(nn::Linear(2, 2), folder / "m");
  const std::string whole = bytes_of(folder / "m");
  for (size_t length = 0; length < whole.size(); length += 7)
    EXPECT_THROW(io::load(folder.write("cut", whole.substr(0, length))), FileError) << length;
  EXPECT_THROW(io::load(folder / "none"), FileError);
}

}  // namespace
}  // namespace cairn
