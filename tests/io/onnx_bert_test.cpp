// BERT in ONNX Runtime, whole and with padding, and what its file says.
#include <gmock/gmock.h>
#include <onnx/onnx_pb.h>

#include "cairn/models/bert_onnx.h"
#include "io/onnx_runs.h"

namespace cairn {
namespace {

using models::BertConfig;
using models::BertInputs;
using testing::bytes_of;
using testing::Folder;
using ::testing::HasSubstr;

const BertConfig small{.vocab_size = 30,
                       .hidden_size = 12,
                       .num_hidden_layers = 2,
                       .num_attention_heads = 3,
                       .intermediate_size = 20,
                       .max_position_embeddings = 9};

struct Named {
  std::string name;
  BertInputs inputs;
};

// Of several sizes, with all tokens there, with some missing on either side, and with a text that has none.
std::vector<Named> questions() {
  std::vector<Named> all;
  for (const auto& [n, length] : {std::pair<int64_t, int64_t>(1, 1), {1, 9}, {0, 5}, {3, 6}, {4, 9}}) {
    const Tensor ids = randint(30, {n, length}), types = randint(2, {n, length});
    const std::string size = std::to_string(n) + " × " + std::to_string(length);
    Tensor mask = ones({n, length}, i64);
    all.push_back({size, {ids, mask, types}});
    if (n < 3) continue;
    mask = mask.clone();
    mask[0].slice(0, 2).fill_(0);
    mask[1].slice(0, 0, 3).fill_(0);
    mask[2].fill_(0);
    all.push_back({size + ", padded", {ids, mask, types}});
  }
  return all;
}

template <class Bert, class Outputs>
void add(testing::Runs& runs, const std::string& name, Bert& bert, const Outputs& outputs) {
  SCOPED_TRACE(name);
  const NoGrad off;
  testing::Runs::disturb(bert);
  bert.train();
  const std::string file = runs.next_file();
  models::save_onnx(bert, runs / file, {.opset = runs.opset()});
  EXPECT_TRUE(bert.training());
  bert.eval();
  for (const Named& q : questions())
    runs.add(name + ", " + q.name, file, {q.inputs.input_ids, q.inputs.attention_mask, q.inputs.token_type_ids},
             outputs(q.inputs));
}

TEST(OnnxRuntime, Bert) {
  manual_seed(4);
  testing::Runs runs;
  for (const char* activation : {"gelu", "relu", "x * sigmoid(1.702 * x)"}) {
    BertConfig config = small;
    config.hidden_act = activation;
    models::BertForMaskedLM masked(config);
    add(runs, std::string("masked, ") + activation, masked,
        [&](const BertInputs& in) { return std::vector{masked(in)}; });
  }
  models::BertModel pooled(small), bare(small, false);
  add(runs, "states", bare, [&](const BertInputs& in) { return std::vector{bare(in).last_hidden_state}; });
  add(runs, "states and pooler", pooled, [&](const BertInputs& in) {
    const models::BertOutput out = pooled(in);
    return std::vector{out.last_hidden_state, out.pooler_output};
  });
  models::BertForSequenceClassification classes(small, 5);
  add(runs, "classes", classes, [&](const BertInputs& in) { return std::vector{classes(in)}; });
  models::BertForMaskedLM tiny(models::bert_config("bert_tiny"));
  add(runs, "bert_tiny", tiny, [&](const BertInputs& in) { return std::vector{tiny(in)}; });
  runs.compare();
}

TEST(OnnxRuntime, ABertTakesNoTextLongerThanItHasPlaces) {
  testing::Runs runs;
  models::BertModel bert(small, false);
  const std::string file = runs.next_file();
  models::save_onnx(bert, runs / file);
  const Tensor ids = zeros({1, small.max_position_embeddings + 1}, i64);
  runs.add("too long", file, {ids, ids, ids}, {ids});
  const auto found = runs.run();
  if (!found) GTEST_SKIP() << "skipped: onnxruntime-node is absent";
  EXPECT_THAT((*found)[0]["error"].dump(), HasSubstr("broadcast"));
}

TEST(Onnx, ABertSaysWhatItTakesAndGives) {
  const Folder folder;
  const models::BertForMaskedLM bert(small);
  models::save_onnx(bert, folder / "bert.onnx", {.metadata = {{"vocabulary", "[PAD] the"}}});
  onnx::ModelProto file;
  ASSERT_TRUE(file.ParseFromString(bytes_of(folder / "bert.onnx")));
  EXPECT_EQ(file.metadata_props(0).value(), "[PAD] the");
  const onnx::GraphProto& graph = file.graph();
  std::string text;
  const auto add = [&](const onnx::ValueInfoProto& info) {
    text += info.name() + ":";
    for (const auto& size : info.type().tensor_type().shape().dim())
      text += " " + (size.has_dim_value() ? std::to_string(size.dim_value()) : size.dim_param());
    text += "; ";
  };
  for (const auto& info : graph.input()) add(info);
  for (const auto& info : graph.output()) add(info);
  EXPECT_EQ(text, "input_ids: n length; attention_mask: n length; token_type_ids: n length; logits: n length 30; ");
  int64_t numbers = 0;  // the words are there once, as embeddings and as the last product
  bool named = false;
  for (const auto& tensor : graph.initializer()) {
    named = named || tensor.name() == "bert.encoder.layer.1.attention.self.query.weight";
    if (tensor.name().starts_with("constant")) continue;
    int64_t count = 1;
    for (const int64_t size : tensor.dims()) count *= size;
    numbers += count;
  }
  EXPECT_TRUE(named);
  EXPECT_EQ(numbers, bert.num_parameters());
}

TEST(Onnx, ABertThatCannotBeWrittenIsRefused) {
  const Folder folder;
  const models::BertModel bert(small);
  EXPECT_THROW(models::save_onnx(bert, folder / "b.onnx", {.opset = 18}), ValueError);
  EXPECT_THROW(models::save_onnx(bert, folder / "b.onnx", {.name = ""}), ValueError);
  EXPECT_THROW(models::save_onnx(bert, folder / "none/b.onnx"), FileError);
  EXPECT_FALSE(std::filesystem::exists(folder / "b.onnx"));
}

}  // namespace
}  // namespace cairn
