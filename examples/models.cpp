// The models that there are, and what each costs: `models --help` lists the options.
#include <cairn/cairn.h>

#include <algorithm>
#include <cstdio>
#include <cxxopts.hpp>

#include "support/options.h"
#include "support/output.h"

using namespace cairn;

namespace {

struct Options {
  std::vector<std::string> names;
  std::string activation, norm;
  std::vector<int64_t> input;
  int64_t classes, batch;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("models", "Lists the models with their sizes; with names, their layers.");
  all.positional_help("[NAME ...]");
  const auto text = [] { return cxxopts::value<std::string>(); };
  // clang-format off
  all.add_options()
    ("input", "channels, height and width of an image; without it what each model was made for", text(), "C,H,W")
    ("classes", "number of outputs; without it what each model was made for", text(), "N")
    ("batch", "images at a time", text()->default_value("1"), "N")
    ("activation", "in the place of each model's own", text(), "NAME")
    ("norm", "normalisation, likewise: " + support::listed(nn::norm_names()), text(), "NAME")
    ("h,help", "this text");
  all.add_options("hidden")("names", "", cxxopts::value<std::vector<std::string>>());
  // clang-format on
  all.parse_positional({"names"});
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("help") > 0) {
    std::printf("%s", all.help({""}).c_str());
    std::exit(0);
  }
  const auto given_or = [&](const char* name, const char* otherwise) {
    return found.count(name) > 0 ? found[name].as<std::string>() : otherwise;
  };
  Options o{.names = {},
            .activation = given_or("activation", ""),
            .norm = given_or("norm", ""),
            .input = support::numbers<int64_t>("input", given_or("input", ""), 1, 4096),
            .classes = support::number<int64_t>("classes", given_or("classes", "0"), 0, 1'000'000),
            .batch = support::number<int64_t>("batch", given_or("batch", "1"), 1, 4096)};
  if (found.count("names") > 0) o.names = found["names"].as<std::vector<std::string>>();
  require<ValueError>(o.input.empty() || o.input.size() == 3, "options", "--input needs three numbers, as in 3,32,32",
                      given_or("input", ""));
  if (!o.activation.empty()) activation(o.activation);  // wrong names shall not wait for the first model
  if (!o.norm.empty()) nn::make_norm(o.norm, 16);
  return o;
}

// What a model is made with: its usual options, but for those that were given.
models::ModelOptions options_of(const std::string& name, const Options& o) {
  models::ModelOptions options = models::usual_options(name);
  options.activation = o.activation;
  options.norm = o.norm;
  if (o.classes > 0) options.classes = o.classes;
  if (!o.input.empty()) options.input = {o.input[0], o.input[1], o.input[2]};
  return options;
}

Shape batch_of(const Shape& image, int64_t batch) { return {batch, image[0], image[1], image[2]}; }

void list_all(const Options& o) {
  std::printf("%-12s %-14s %7s %13s %16s %14s %14s\n", "model", "input", "classes", "parameters", "multiply-adds",
              "weights", "activations");
  for (const std::string& name : models::model_names()) {
    const models::ModelOptions options = options_of(name, o);
    const Shape& image = options.input;
    char size[32];
    std::snprintf(size, sizeof size, "%d × %d × %d", static_cast<int>(image[0]), static_cast<int>(image[1]),
                  static_cast<int>(image[2]));
    std::printf("%-12s %-16s ", name.c_str(), size);  // two bytes more than columns, for the signs
    try {
      const auto model = models::make_model(name, options);
      const nn::LayerCost whole = nn::costs(*model, batch_of(image, o.batch)).back();
      std::printf("%7d %13s %16s %10.2f MiB %10.2f MiB\n", static_cast<int>(options.classes),
                  nn::with_commas(whole.parameters).c_str(), nn::with_commas(whole.multiply_adds).c_str(),
                  static_cast<double>(4 * whole.parameters) / (1 << 20), static_cast<double>(whole.bytes) / (1 << 20));
    } catch (const Error& e) {
      std::printf("%s\n", e.what());
    }
    std::fflush(stdout);
  }
  std::printf(
      "\nMemory is that of the weights, and of what all layers make of %d image%s, which training keeps. `models NAME` "
      "shows the layers.\n",
      static_cast<int>(o.batch), o.batch == 1 ? "" : "s");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options o = read_options(argc, argv);
    for (const std::string& name : o.names) {
      const models::ModelOptions options = options_of(name, o);
      const auto model = models::make_model(name, options);
      const std::string table = nn::summary(*model, batch_of(options.input, o.batch));
      std::printf("%s\n%s\n", name.c_str(), table.c_str());
    }
    if (o.names.empty()) list_all(o);
    support::finish_output();
    return 0;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "models: %s\n", e.what());
    return 2;
  }
}
