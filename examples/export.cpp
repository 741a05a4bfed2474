// A saved model as an ONNX file: `export --help` lists the options.
#include <cairn/cairn.h>
#include <cairn/io/onnx.h>
#include <cairn/models/bert_onnx.h>

#include <cinttypes>
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/command.h"
#include "support/masked_lm.h"
#include "support/options.h"
#include "support/output.h"

using namespace cairn;

namespace {

struct Options {
  std::string model, out;
  std::vector<int64_t> input;
  int64_t opset, batch;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all(
      "export",
      "Writes a model that --save wrote as an ONNX file, as it computes in evaluation. What else the file "
      "says of it (classes, mean and deviation of the pixels; the vocabulary of a BERT) goes along as metadata.");
  const auto text = [] { return cxxopts::value<std::string>(); };
  // clang-format off
  all.add_options()
    ("model", "written by mnist, fashion, cifar10 or bert with --save", text(), "FILE")
    ("out", "the file to write", text(), "FILE.onnx")
    ("input", "sizes of one sample, as in 3,32,32; without it those that the model says it takes. Not of a BERT, "
              "whose sizes stay open", text(), "SIZES")
    ("opset", "version of ONNX's operators, 13 to 17", text()->default_value("17"), "N")
    ("batch", "samples at a time; 0 leaves that open", text()->default_value("0"), "N")
    ("h,help", "this text");
  // clang-format on
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("help") > 0) {
    std::printf("%s", all.help().c_str());
    std::exit(0);
  }
  require<ValueError>(found.count("model") > 0, "options", "--model FILE is missing: a model that --save wrote");
  require<ValueError>(found.count("out") > 0, "options", "--out FILE.onnx is missing: the file to write");
  support::require_different_files(
      {{"model", found["model"].as<std::string>()}, {"out", found["out"].as<std::string>()}});
  return {.model = found["model"].as<std::string>(),
          .out = found["out"].as<std::string>(),
          .input = support::numbers<int64_t>("input", found.count("input") > 0 ? found["input"].as<std::string>() : "",
                                             1, 1'000'000),
          .opset = support::number<int64_t>("opset", found["opset"].as<std::string>(), 13, 17),
          .batch = support::number<int64_t>("batch", found["batch"].as<std::string>(), 0, 1'000'000)};
}

void report(const Options& o, const std::string& input, int64_t parameters) {
  std::printf("%s: opset %" PRId64 ", input %s, %s parameters, %s bytes\n", o.out.c_str(), o.opset, input.c_str(),
              nn::with_commas(parameters).c_str(),
              nn::with_commas(static_cast<int64_t>(std::filesystem::file_size(o.out))).c_str());
}

void write_bert(const Options& o) {
  require<ValueError>(
      o.input.empty() && o.batch == 0, "options",
      "the sizes of a BERT stay open: any number of texts, up to as long as it has positions; leave out --input "
      "and --batch");
  const support::SavedMaskedLm saved = support::load_masked_lm(o.model);
  std::map<std::string, std::string> metadata = saved.metadata;
  metadata.erase("checksum");  // of the other file
  models::save_onnx(*saved.model, o.out, {.opset = o.opset, .metadata = metadata});
  report(o, "(n, length)", saved.model->num_parameters());
}

void write_layer(const Options& o) {
  const io::SavedModel saved = io::load(o.model);
  Shape input = o.input.empty() ? saved.info.input : Shape(o.input);
  require<FileError>(!input.empty(), "export", "this model does not say what it takes; give --input", o.model);
  input.insert(0, std::max<int64_t>(o.batch, 1));
  saved.model->to(f32);  // runtimes know many operators for nothing else

  io::OnnxOptions options{.opset = o.opset, .dynamic_batch = o.batch == 0};
  if (!saved.info.classes.empty()) options.metadata["classes"] = Json(saved.info.classes).dump();
  if (!saved.info.normalization.mean.empty()) {
    options.metadata["mean"] = Json(saved.info.normalization.mean).dump();
    options.metadata["deviation"] = Json(saved.info.normalization.deviation).dump();
  }
  io::save_onnx(*saved.model, o.out, input, options);
  report(o, to_string(input).replace(1, o.batch == 0 ? 1 : 0, o.batch == 0 ? "n" : ""), saved.model->num_parameters());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options o = read_options(argc, argv);
    support::is_masked_lm(o.model) ? write_bert(o) : write_layer(o);
    support::finish_output();
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "export: %s\n", e.what());
    return 2;
  }
}
