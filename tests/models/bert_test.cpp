#include "cairn/models/bert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cairn/base/file.h"
#include "cairn/graph/node.h"
#include "cairn/graph/record.h"
#include "cairn/io/model.h"
#include "cairn/io/safetensors.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adamw.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using models::BertConfig;
using models::BertInputs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string folder = std::string(CAIRN_REFERENCE_DIR) + "/";
// That of the published file (bert_reference.py).
const BertConfig small{.vocab_size = 13,
                       .hidden_size = 8,
                       .num_hidden_layers = 2,
                       .num_attention_heads = 2,
                       .intermediate_size = 16,
                       .max_position_embeddings = 7};

double difference(const Tensor& a, const Tensor& b) {
  const NoGrad off;
  EXPECT_EQ(a.shape(), b.shape());
  return max(abs(a.to(f64) - b.to(f64))).item<double>();
}

BertInputs inputs_of(const io::SafeTensors& file) {
  return {file.tensors.at("input_ids"), file.tensors.at("attention_mask"), file.tensors.at("token_type_ids")};
}

TEST(Bert, AFileInThePublishedLayoutGivesTheSameStates) {
  const io::SafeTensors expected = io::load_safetensors(folder + "bert_expected.safetensors");
  const NoGrad off;
  for (const Dtype dtype : {f32, f64}) {
    const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
    models::BertForMaskedLM lm(small);
    lm.to(dtype).eval();
    const nn::LoadReport report = io::load_into(lm, folder + "bert_published.safetensors", false);
    EXPECT_THAT(report.missing, ElementsAre());  // the decoder is tied to what the file has
    EXPECT_THAT(report.unexpected,
                ElementsAre("bert.embeddings.position_ids", "bert.pooler.dense.bias", "bert.pooler.dense.weight",
                            "cls.seq_relationship.bias", "cls.seq_relationship.weight"));
    EXPECT_THAT(report.misfits, ElementsAre());
    EXPECT_LE(difference(lm.bert(inputs_of(expected)).last_hidden_state, expected.tensors.at("last_hidden_state")),
              tolerance);
    EXPECT_LE(difference(lm(inputs_of(expected)), expected.tensors.at("logits")), tolerance);

    models::BertForSequenceClassification classifier(small, 3);
    classifier.to(dtype).eval();
    EXPECT_THAT(io::load_into(classifier, folder + "bert_published.safetensors", false).missing,
                ElementsAre("classifier.bias", "classifier.weight"));
    EXPECT_LE(difference(classifier.bert(inputs_of(expected)).pooler_output, expected.tensors.at("pooler_output")),
              tolerance);
    EXPECT_EQ(classifier(inputs_of(expected)).shape(), Shape({3, 3}));
  }
}

TEST(Bert, LoadsPublishedWeightsUnderOlderNamesToo) {
  const testing::Folder made;
  const io::SafeTensors expected = io::load_safetensors(folder + "bert_expected.safetensors"),
                        published = io::load_safetensors(folder + "bert_published.safetensors");
  const NoGrad off;
  nn::StateDict older, bare;
  for (const auto& [name, tensor] : published.tensors) {
    std::string old = name;
    if (const size_t at = old.find("LayerNorm."); at != old.npos)
      old = old.substr(0, at) + "LayerNorm." + (old.ends_with("weight") ? "gamma" : "beta");
    older[old] = tensor;
    if (name.starts_with("bert.")) bare[name.substr(5)] = tensor;
  }
  io::save_safetensors(made / "older", older);
  io::save_safetensors(made / "bare", bare);
  models::BertForMaskedLM lm(small);
  lm.eval();
  nn::LoadReport report = models::load_bert(lm, made / "older");
  EXPECT_THAT(report.missing, ElementsAre());
  EXPECT_THAT(report.unexpected, Contains("cls.seq_relationship.weight"));
  EXPECT_LE(difference(lm(inputs_of(expected)), expected.tensors.at("logits")), 1e-5);

  models::BertForSequenceClassification classifier(small, 3);
  classifier.eval();
  EXPECT_THAT(models::load_bert(classifier, made / "bare").missing,
              ElementsAre("classifier.bias", "classifier.weight"));
  EXPECT_LE(difference(classifier.bert(inputs_of(expected)).pooler_output, expected.tensors.at("pooler_output")), 1e-5);
  models::BertModel model(small);
  model.eval();
  EXPECT_THAT(models::load_bert(model, made / "older").missing, ElementsAre());
  EXPECT_LE(difference(model(inputs_of(expected)).last_hidden_state, expected.tensors.at("last_hidden_state")), 1e-5);

  BertConfig wider = small;
  wider.intermediate_size = 20;
  models::BertModel other(wider);
  const uint64_t before = nn::checksum(other);
  EXPECT_THAT(text_of<FileError>([&] { models::load_bert(other, made / "older"); }),
              HasSubstr("model (20,), file (16,)"));
  EXPECT_EQ(nn::checksum(other), before);
  nn::Linear stranger(2, 2);
  EXPECT_THROW(models::load_bert(stranger, made / "older"), FileError);
  EXPECT_THROW(models::load_bert(model, made / "none"), FileError);
}

TEST(Bert, WhatIsPaddingDoesNotMatter) {
  const NoGrad off;
  models::BertModel model(small);
  model.to(f64).eval();
  const Tensor ids = tensor({{2, 5, 3, 0, 0}}), other = tensor({{2, 5, 3, 9, 1}}), mask = tensor({{1, 1, 1, 0, 0}});
  const Tensor states = model({ids, mask}).last_hidden_state.slice(1, 0, 3);
  EXPECT_TRUE(equal(states, model({other, mask.to(boolean)}).last_hidden_state.slice(1, 0, 3)));
  EXPECT_LE(difference(states, model({ids.slice(1, 0, 3)}).last_hidden_state), 1e-13);
  EXPECT_TRUE(equal(model({ids, {}, zeros({1, 5}, i64)}).last_hidden_state, model({ids}).last_hidden_state));
}

TEST(Bert, AConfigIsReadAsPublished) {
  const testing::Folder made;
  const auto write = [&](const std::string& text) {
    io::write_text(made / "config.json", text);
    return models::load_bert_config(made / "config.json");
  };
  const BertConfig c = write(R"({
    "architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_act": "gelu_new", "hidden_size": 512,
    "intermediate_size": 2048, "num_attention_heads": 8, "num_hidden_layers": 4, "vocab_size": 99,
    "layer_norm_eps": 1e-05, "pad_token_id": 3, "position_embedding_type": "absolute", "classifier_dropout": null})");
  EXPECT_EQ(c.hidden_act, "gelu_tanh");
  EXPECT_EQ(c.hidden_size, 512);
  EXPECT_EQ(c.num_attention_heads, 8);
  EXPECT_EQ(c.max_position_embeddings, 512) << "what is not there is as published";
  EXPECT_EQ(c.layer_norm_eps, 1e-5);
  EXPECT_EQ(c.pad_token_id, 3);
  EXPECT_EQ(write(models::to_json(c).dump()).vocab_size, 99);
  EXPECT_EQ(models::to_json(models::parse_bert_config(models::to_json(small).dump())), models::to_json(small));

  const auto refused = [&](const std::string& text) { return text_of<FileError>([&] { write(text); }); };
  EXPECT_THAT(refused(R"({"model_type": "roberta"})"), AllOf(HasSubstr("'bert'"), HasSubstr("roberta")));
  EXPECT_THAT(refused(R"({"position_embedding_type": "relative_key"})"), HasSubstr("'absolute'"));
  EXPECT_THAT(refused(R"({"hidden_size": "wide"})"), HasSubstr("hidden_size must be a whole number; got '\"wide\"'"));
  for (const char* size : {"99.9", "1e300", "18446744073709551615", "null", "[8]"})
    EXPECT_THAT(refused(std::string(R"({"vocab_size": )") + size + "}"),
                HasSubstr("vocab_size must be a whole number"));
  EXPECT_THAT(refused(R"({"layer_norm_eps": true})"), HasSubstr("layer_norm_eps must be a number"));
  EXPECT_THAT(refused(R"({"model_type": null})"), HasSubstr("model_type must be a text; got 'null'"));
  EXPECT_EQ(write(R"({"pad_token_id": null})").pad_token_id, -1);
  EXPECT_EQ(write(R"({"hidden_act": "quick_gelu"})").hidden_act, "x * sigmoid(1.702 * x)");
  EXPECT_THAT(refused("[]"), AllOf(HasSubstr("no JSON object"), HasSubstr("config.json")));
  EXPECT_THROW(models::load_bert_config(made / "none"), FileError);
}

// Counts are linear in each size, so those of large models follow from small ones: nothing of bert_base is allocated.
TEST(Bert, SizesAreThePublishedOnes) {
  const auto count = [](BertConfig c) {
    const auto with = [&](int64_t vocab, int64_t positions, int64_t layers) {
      c.vocab_size = vocab, c.max_position_embeddings = positions, c.num_hidden_layers = layers;
      return models::BertModel(c).num_parameters();
    };
    const BertConfig whole = c;
    const int64_t least = with(1, 1, 1);
    return least + (whole.vocab_size - 1) * (with(2, 1, 1) - least) +
           (whole.max_position_embeddings - 1) * (with(1, 2, 1) - least) +
           (whole.num_hidden_layers - 1) * (with(1, 1, 2) - least);
  };
  EXPECT_EQ(count(models::bert_config("bert_base")), 109'482'240);
  EXPECT_EQ(count(models::bert_config("bert_tiny")), 4'385'920);
  EXPECT_EQ(count(models::bert_config("bert_mini")), 11'170'560);
  EXPECT_EQ(count(models::bert_config("bert_small")), 28'763'648);
  EXPECT_EQ(models::BertModel(models::bert_config("bert_tiny")).num_parameters(), 4'385'920);
  EXPECT_THAT(text_of<NameError>([] { models::bert_config("bert_huge"); }), HasSubstr("bert_base"));
}

TEST(Bert, NamesAreThePublishedOnes) {
  const models::BertForMaskedLM lm(small);
  std::set<std::string> ours;
  for (const auto& [name, tensor] : lm.state_dict()) ours.insert(name);
  for (const char* name :
       {"bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.bias",
        "bert.encoder.layer.1.attention.self.query.weight", "bert.encoder.layer.0.attention.output.LayerNorm.weight",
        "bert.encoder.layer.0.intermediate.dense.bias", "bert.encoder.layer.1.output.dense.weight",
        "cls.predictions.transform.LayerNorm.weight", "cls.predictions.decoder.weight"})
    EXPECT_THAT(ours, Contains(name));
}

TEST(Bert, BeginsWithSmallNumbersAndTiedWords) {
  manual_seed(1);
  models::BertForMaskedLM lm(models::bert_config("bert_tiny"));
  const nn::StateDict state = lm.state_dict();
  const NoGrad off;
  EXPECT_EQ(state.at("bert.embeddings.word_embeddings.weight").pointer<float>(),
            state.at("cls.predictions.decoder.weight").pointer<float>());
  EXPECT_EQ(state.at("cls.predictions.bias").pointer<float>(),
            state.at("cls.predictions.decoder.bias").pointer<float>());
  EXPECT_EQ(max(abs(state.at("bert.embeddings.word_embeddings.weight").detach()[0])).item<double>(), 0);
  for (const auto& [name, t] : state) {
    const Tensor x = t.detach();
    if (name.find("LayerNorm.weight") != std::string::npos)
      EXPECT_TRUE(equal(x, ones_like(x))) << name;
    else if (name.ends_with("bias"))
      EXPECT_TRUE(equal(x, zeros_like(x))) << name;
    else  // deviations of 256 numbers and more, to five times their own
      EXPECT_NEAR(std::sqrt(mean(x * x).item<double>()), 0.02, 0.0045) << name;
  }
}

TEST(Bert, LearnsToFillAGap) {
  manual_seed(3);
  BertConfig config = small;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
  config.hidden_size = 16;
  models::BertForMaskedLM lm(config);
  const Tensor ids = tensor({{1, 5, 1, 7}, {1, 6, 1, 8}, {2, 5, 1, 7}, {2, 6, 1, 8}}),
               wanted = tensor(
                   {{-100, -100, 9, -100}, {-100, -100, 10, -100}, {-100, -100, 11, -100}, {-100, -100, 12, -100}});
  optim::AdamW optimizer(lm.parameters(), {.lr = 1e-2});
  double loss = 0;
  for (int i = 0; i < 120; ++i) {
    optimizer.zero_grad();
    const Tensor l = cross_entropy(lm({ids}).flatten(0, 1), wanted.reshape({-1}), {.ignore_index = -100});
    l.backward();
    optimizer.step();
    loss = l.item<double>();
  }
  EXPECT_LT(loss, 0.05);
}

TEST(Bert, SomePlacesAreSomeOfAllPlaces) {
  manual_seed(3);
  models::BertForMaskedLM model(small);
  model.eval();
  const Tensor ids = randint(1, 13, {2, 5});
  const Tensor all = model({ids}).reshape({10, 13}), some = model({ids}, tensor({7, 0, 7}));
  EXPECT_TRUE(allclose(some, index_select(all, 0, tensor({7, 0, 7})), 1e-6, 1e-6));
  EXPECT_THROW(model({ids}, tensor({10})), IndexError);
}

TEST(Bert, DropoutIsForTraining) {
  const NoGrad off;
  models::BertForSequenceClassification model(small, 2);
  const Tensor ids = tensor({{1, 2, 3}});
  EXPECT_FALSE(equal(model({ids}), model({ids})));
  model.eval();
  EXPECT_TRUE(equal(model({ids}), model({ids})));
}

TEST(Bert, ObserversSeeInWhichLayerAnOperationRan) {
  std::set<std::string> seen;
  const auto see = [&](const Operation& o) { seen.insert(std::string(o.scope) + ":" + o.name); };
  const BertInputs inputs{tensor({{1, 2, 3}}), ones({1, 3}, i64)};
  models::BertForMaskedLM lm(small);
  models::BertForSequenceClassification classifier(small, 2);
  {
    const Observer observer(see);
    lm(inputs);
    const NoGrad off;
    classifier.bert(inputs);
  }
  for (const char* operation :
       {"bert.embeddings:add", "bert.embeddings.position_embeddings:embedding",
        "bert.encoder.layer.1.attention.self.key:linear",
        "bert.encoder.layer.0.attention.self:scaled_dot_product_attention", "bert.encoder.layer.1.attention.output:add",
        "bert.encoder.layer.0.attention.output:dropout", "bert.encoder.layer.1.output:add",
        "bert.encoder.layer.0.intermediate.intermediate_act_fn:gelu", "cls.predictions.transform.LayerNorm:layer_norm",
        "cls.predictions.decoder:linear", "bert.pooler:tanh"})
    EXPECT_THAT(seen, Contains(operation));
  EXPECT_THAT(seen, Not(Contains(StartsWith(":"))));  // nothing runs outside of any layer
}

TEST(Bert, WeightsThatAreAssignedAreTrained) {
  models::BertModel model(small);
  const auto at = [&](const std::vector<std::string>& names) {
    nn::Module* m = &model;
    for (const std::string& name : names)
      for (const auto& [own, child] : m->children())
        if (own == name) m = child;
    return m;
  };
  Tensor& query = dynamic_cast<nn::Linear&>(*at({"encoder", "layer", "0", "attention", "self", "query"})).weight;
  Tensor& position = dynamic_cast<nn::Embedding&>(*at({"embeddings", "position_embeddings"})).weight;
  query = ones({8, 8}), position = ones({7, 8});
  sum(model({tensor({{1, 2, 3}})}).last_hidden_state).backward();
  EXPECT_TRUE(query.grad().defined());
  EXPECT_TRUE(position.grad().defined());
}

TEST(Bert, Errors) {
  models::BertModel model(small);
  EXPECT_THAT(text_of<IndexError>([&] {
                model({tensor({{1, 13}})});
              }),
              HasSubstr("index 13, position (0, 1), size 13"));
  EXPECT_THAT(text_of<IndexError>([&] { model({tensor({{1, 1}}), {}, tensor({{0, 2}})}); }), HasSubstr("index 2"));
  EXPECT_THAT(
      text_of<ShapeError>([&] {
        model({zeros({1, 8}, i64)});
      }),
      HasSubstr(
          "the sequence is longer than there are positions; got input_ids (1, 8) i64, max_position_embeddings 7"));
  EXPECT_THROW(model({zeros({8}, i64)}), ShapeError);
  EXPECT_THROW(model({zeros({1, 3})}), DtypeError);
  EXPECT_THAT(text_of<ShapeError>([&] {
                model({zeros({1, 3}, i64), zeros({1, 4}, i64)});
              }),
              HasSubstr("attention_mask (1, 4) i64"));
  EXPECT_THROW(model({zeros({1, 3}, i64), zeros({1, 3})}), DtypeError);
  EXPECT_THROW(model({zeros({1, 3}, i64), {}, zeros({1, 4}, i64)}), ShapeError);
  const auto with = [](auto change) {
    BertConfig c = small;
    change(c);
    return text_of<ValueError>([&] { models::BertModel m(c); });
  };
  EXPECT_THAT(with([](auto& c) { c.num_attention_heads = 3; }),
              HasSubstr("must divide hidden_size; got hidden_size 8"));
  EXPECT_THAT(with([](auto& c) { c.num_hidden_layers = 0; }), HasSubstr("num_hidden_layers 0"));
  EXPECT_THAT(with([](auto& c) { c.pad_token_id = 13; }), HasSubstr("padding_idx 13"));
  EXPECT_THAT(with([](auto& c) { c.hidden_dropout_prob = 1.5; }), HasSubstr("probability"));
}

}  // namespace
}  // namespace cairn
