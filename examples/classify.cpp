// A saved model says what it sees in pictures: `classify --help` lists the options.
#include <cairn/cairn.h>
#include <cairn/data/image.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cxxopts.hpp>

#include "support/options.h"
#include "support/output.h"
#include "support/picture.h"

using namespace cairn;

namespace {

struct Options {
  std::string model;
  std::vector<std::string> pictures;
  int64_t top;
  bool invert;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("classify", "Says what a model that --save wrote sees in PNG pictures.");
  all.positional_help("PICTURE.png ...");
  // clang-format off
  all.add_options()
    ("model", "written by mnist, fashion or cifar10 with --save", cxxopts::value<std::string>(), "FILE")
    ("top", "how many classes to name", cxxopts::value<std::string>()->default_value("5"), "N")
    ("invert", "takes light for dark and dark for light: for black writing on white paper, as models trained on MNIST "
               "or Fashion-MNIST know light things on a black ground")
    ("h,help", "this text");
  all.add_options("hidden")("pictures", "", cxxopts::value<std::vector<std::string>>());
  // clang-format on
  all.parse_positional({"pictures"});
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("help") > 0) {
    std::printf("%s", all.help({""}).c_str());
    std::exit(0);
  }
  require<ValueError>(found.count("model") > 0, "options", "--model FILE is missing: a model that --save wrote");
  require<ValueError>(found.count("pictures") > 0, "options", "no picture is given");
  return {.model = found["model"].as<std::string>(),
          .pictures = found["pictures"].as<std::vector<std::string>>(),
          .top = support::number<int64_t>("top", found["top"].as<std::string>(), 1, 1000),
          .invert = found.count("invert") > 0};
}

io::SavedModel load(const std::string& file) {
  io::SavedModel m = io::load(file);
  const Shape& input = m.info.input;
  require<FileError>(input.size() == 3 && (input[0] == 1 || input[0] == 3) && input.numel() > 0, "classify",
                     "this model does not say that it takes grey or colour images", file, given("input", input));
  return m;
}

// Whether the outermost pixels are light on the whole.
bool has_light_ground(const Tensor& image) {
  const Tensor pixels = image.to(f32);
  const Tensor rows = cat({pixels.slice(1, 0, 1), pixels.slice(1, -1)}, 2);
  const Tensor columns = cat({pixels.slice(2, 0, 1), pixels.slice(2, -1)}, 1);
  return (mean(rows).item<double>() + mean(columns).item<double>()) / 2 > 127.5;
}

std::string class_name(const io::SavedModel& m, int64_t c) {
  const auto i = static_cast<size_t>(c);
  return i < m.info.classes.size() ? m.info.classes[i] : "class " + std::to_string(c);
}

void classify(const io::SavedModel& m, const Options& o, const std::string& file) {
  const Tensor picture = data::read_png(file);
  const Shape& input = m.info.input;
  Tensor image = data::resize_image(support::with_channels(picture, input[0]), {input[1], input[2]});
  if (o.invert) image = (255.0 - image.to(f32)).to(u8);

  const data::TensorDataset set(image.unsqueeze(0), zeros({1}, i64), m.info.normalization);
  const Tensor logits = train::predict(*m.model, data::DataLoader(set, {.batch_size = 1}));
  require<FileError>(logits.dim() == 2, "classify", "this model does not give one number for each class", o.model,
                     given("output", logits));
  const Tensor shares = softmax(logits, 1)[0];

  std::printf("%s: %" PRId64 " × %" PRId64 " pixels; the model sees %" PRId64 " × %" PRId64 " in %s%s\n", file.c_str(),
              picture.size(2), picture.size(1), input[2], input[1], input[0] == 1 ? "grey" : "colour",
              o.invert ? ", inverted" : "");
  if (input[2] + 2 <= support::terminal_columns())
    std::printf(
        "%s",
        support::draw(image.unsqueeze(0), {""}, support::terminal_columns(), support::ink_for_photographs()).c_str());
  if (input[0] == 1 && has_light_ground(image))
    std::printf(
        "Careful: the ground is light. Models trained on MNIST or Fashion-MNIST know light things on a black\n"
        "ground only; --invert turns this picture over.\n");
  const ValuesIndices best = topk(shares, std::min(o.top, shares.size(0)));
  size_t wide = 0;
  for (int64_t i = 0; i < best.indices.size(0); ++i)
    wide = std::max(wide, class_name(m, best.indices[i].item<int64_t>()).size());
  for (int64_t i = 0; i < best.indices.size(0); ++i)
    std::printf("  %-*s %6.2f %%\n", static_cast<int>(wide), class_name(m, best.indices[i].item<int64_t>()).c_str(),
                100 * best.values[i].item<double>());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    const io::SavedModel model = load(options.model);
    for (const std::string& file : options.pictures) classify(model, options, file);
    support::finish_output();
    return 0;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "classify: %s\n", e.what());
    return 2;
  }
}
