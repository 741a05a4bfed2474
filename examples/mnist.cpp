// A multi-layer perceptron learns handwritten digits: `mnist --help` lists the options.
#include <cairn/cairn.h>
#include <unistd.h>

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cxxopts.hpp>
#include <filesystem>
#include <memory>
#include <sstream>

using namespace cairn;

namespace {

struct Options {
  std::string data, activation, optimizer;
  std::vector<int64_t> hidden;
  int64_t epochs, batch_size, validation;
  double lr;
  uint64_t seed;
};

// A number from `low` to `high`, or an error that names the option.
template <class T>
T number(const char* option, const std::string& text, T low, T high) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require<ValueError>(error == std::errc() && end == text.data() + text.size() && value >= low && value <= high,
                      "options", "out of range, or no number", given(option, text), given("low", low),
                      given("high", high));
  return value;
}

Options read_options(int argc, char** argv) {
  cxxopts::Options parser("mnist", "Trains a multi-layer perceptron on MNIST.");
  const auto add = [&](const char* name, const char* help, const std::string& otherwise, const char* form) {
    parser.add_options()(name, help, cxxopts::value<std::string>()->default_value(otherwise), form);
  };
  add("data", "folder of the four files; without it $CAIRN_DATA/mnist, data/mnist, or a download", "", "DIR");
  add("epochs", "passes over the training images", "6", "N");
  add("batch-size", "images a step", "128", "N");
  add("lr", "learning rate of the first step; it falls in a line to 0", "0.002", "RATE");
  add("optimizer", "adamw, or sgd with momentum 0.9", "adamw", "NAME");
  add("hidden", "sizes of the hidden layers; empty for a linear classifier", "512,256", "N,N");
  add("activation", "between the layers, such as gelu or elu(0.5)", "relu", "NAME");
  add("validation", "training images held back, to compare options on", "0", "N");
  add("seed", "of the first weights and of the order of images", "1", "N");
  add("threads", "to compute on; the result is the same for any number", std::to_string(num_threads()), "N");
  parser.add_options()("h,help", "this text");
  const cxxopts::ParseResult found = parser.parse(argc, argv);
  if (found.count("help")) {
    std::printf("%s", parser.help().c_str());
    std::exit(0);
  }
  for (const std::string& word : found.unmatched()) fail<ValueError>("options", "every option begins with --", word);
  const auto text = [&](const char* name) { return found[name].as<std::string>(); };
  const auto whole = [&](const char* name, int64_t low, int64_t high) { return number(name, text(name), low, high); };
  Options o{.data = text("data"),
            .activation = text("activation"),
            .optimizer = text("optimizer"),
            .hidden = {},
            .epochs = whole("epochs", 1, 10000),
            .batch_size = whole("batch-size", 1, 60000),
            .validation = whole("validation", 0, 50000),
            .lr = number("lr", text("lr"), 0.0, 1e6),
            .seed = number("seed", text("seed"), uint64_t{0}, ~uint64_t{0})};
  std::istringstream sizes(text("hidden"));
  for (std::string size; std::getline(sizes, size, ',');) o.hidden.push_back(number<int64_t>("hidden", size, 1, 65536));
  if (o.optimizer != "adamw" && o.optimizer != "sgd") fail_unknown("optimizer", o.optimizer, {"adamw", "sgd"});
  set_num_threads(static_cast<int>(whole("threads", 1, 1024)));
  return o;
}

// The folder of the files, which are downloaded when they are nowhere.
std::string find_or_fetch(const std::string& given_folder) {
  const auto find = [&] { return data::find_data("mnist", given_folder, CAIRN_SOURCE_DIR, data::has_mnist); };
  if (const std::string folder = find(); !folder.empty()) return folder;
  std::string script = CAIRN_SOURCE_DIR "/data/fetch_mnist.sh";
  if (!std::filesystem::exists(script)) script = "data/fetch_mnist.sh";
  std::printf("data: neither in $CAIRN_DATA/mnist nor in data/mnist, so %s gets them\n", script.c_str());
  std::fflush(stdout);
  const bool fetched = std::system(("bash '" + script + "'").c_str()) == 0;
  const std::string folder = find();
  require<FileError>(fetched && !folder.empty(), "data", "there are none; name their folder with --data DIR");
  return folder;
}

nn::Sequential make_model(const Options& o) {
  nn::Sequential model;
  model.push_back(nn::Flatten());
  int64_t in = 28 * 28;
  for (int64_t size : o.hidden) {
    model.push_back(nn::Linear(in, size));
    model.push_back(nn::Activation(o.activation));
    in = size;
  }
  model.push_back(nn::Linear(in, 10));
  return model;
}

std::unique_ptr<optim::Optimizer> make_optimizer(const Options& o, const nn::Module& model) {
  if (o.optimizer == "sgd")
    return std::make_unique<optim::SGD>(model.parameters(), optim::SGDOptions{.lr = o.lr, .momentum = 0.9});
  return std::make_unique<optim::AdamW>(model.parameters(), optim::AdamWOptions{.lr = o.lr});
}

void print(const train::Progress& p, int64_t epochs, const char* end) {
  std::printf("epoch %" PRId64 "/%" PRId64 "  loss %.4f  accuracy %5.2f %%  %6.0f samples/s%s", p.epoch + 1, epochs,
              p.loss, 100 * p.accuracy, static_cast<double>(p.samples) / std::max(p.seconds, 1e-9), end);
  std::fflush(stdout);
}

void train_and_test(const Options& o, const data::Mnist& mnist, nn::Layer& model) {
  const auto optimizer = make_optimizer(o, model);
  const int64_t kept = mnist.train_images.size(0) - o.validation;
  require<ValueError>(kept > 0, "options", "no training images are left", given("validation", o.validation));
  const data::Normalization scale{.mean = {0.1307}, .deviation = {0.3081}};  // of the training pixels
  const data::TensorDataset train_set(mnist.train_images.slice(0, 0, kept), mnist.train_labels.slice(0, 0, kept),
                                      scale);
  const data::TensorDataset held_set(mnist.train_images.slice(0, kept), mnist.train_labels.slice(0, kept), scale);
  const data::TensorDataset test_set(mnist.test_images, mnist.test_labels, scale);
  const data::DataLoader loader(train_set, {.batch_size = o.batch_size, .shuffle = true, .seed = o.seed});
  std::printf("training: %" PRId64 " images, %s, learning rate %g, batches of %" PRId64 ", seed %" PRIu64
              ", on %d thread%s\n",
              kept, o.optimizer.c_str(), o.lr, o.batch_size, o.seed, num_threads(), num_threads() == 1 ? "" : "s");

  const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
  double seconds = 0, shown = 0;
  for (int64_t epoch = 0; epoch < o.epochs; ++epoch) {
    const train::Progress done = train::train_epoch(model, *optimizer, loader, epoch, [&](const train::Progress& p) {
      const int64_t step = epoch * p.batches + p.batch, steps = o.epochs * p.batches;
      optimizer->set_lr(o.lr * (1 - static_cast<double>(step) / static_cast<double>(steps)));
      if (!on_terminal || p.batch == 0 || seconds + p.seconds - shown < 0.1) return;
      shown = seconds + p.seconds;
      print(p, o.epochs, "   \r");
    });
    seconds += done.seconds;
    print(done, o.epochs, o.validation > 0 ? "" : "   \n");
    if (o.validation == 0) continue;
    const train::Evaluation held = train::evaluate(model, data::DataLoader(held_set, {.batch_size = 1000}));
    std::printf("  held back: loss %.4f  accuracy %.2f %%\n", held.loss, 100 * held.accuracy);
  }
  const train::Evaluation test = train::evaluate(model, data::DataLoader(test_set, {.batch_size = 1000}));
  const int team = std::max(1, parallel_stats().largest_team);
  std::printf("trained for %.1f s on %d thread%s\n", seconds, team, team == 1 ? "" : "s");
  std::printf("checksum of the weights: %016" PRIx64 "\n", nn::checksum(model));
  std::printf("test accuracy: %.2f %%\n", 100 * test.accuracy);
}

}  // namespace

int main(int argc, char** argv) {
  int status = 2;  // what is wrong with options and data, against what goes wrong in training
  try {
    const Options o = read_options(argc, argv);
    manual_seed(o.seed);
    nn::Sequential model = make_model(o);
    const std::string folder = find_or_fetch(o.data);
    const data::Mnist mnist = data::load_mnist(folder);
    std::printf("data: %s\n%s", folder.c_str(), nn::summary(model).c_str());
    status = 1;
    train_and_test(o, mnist, model);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "mnist: %s\n", e.what());
  }
  return status;
}
