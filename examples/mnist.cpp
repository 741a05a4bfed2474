// A multi-layer perceptron learns handwritten digits: `mnist --help` lists the options.
#include <cairn/cairn.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cxxopts.hpp>
#include <memory>
#include <optional>

#include "support/digits.h"
#include "support/options.h"
#include "support/picture.h"

using namespace cairn;

namespace {

struct Options {
  std::string data, activation, optimizer, schedule, save, load;
  std::vector<int64_t> hidden;
  int64_t glyphs, validation, epochs, batch_size;
  double dropout;
  uint64_t seed;
  optim::CommonOptions rates;
};

// A learning rate that suits the optimizer, found on held-back images.
double usual_lr(const std::string& optimizer) {
  if (optimizer == "sgd") return 0.05;
  if (optimizer == "adadelta") return 1;
  if (optimizer == "adagrad") return 0.01;
  return 0.002;
}

cxxopts::Options all_options() {
  cxxopts::Options all("mnist", "Trains a multi-layer perceptron on the handwritten digits of MNIST.");
  std::string group;
  const auto add = [&](const char* name, const std::string& help, const std::string& otherwise, const char* form) {
    const auto value = cxxopts::value<std::string>();
    all.add_options(group)(name, help, otherwise.empty() ? value : value->default_value(otherwise), form);
  };
  group = "Data";
  add("data", "folder of the four files; else $CAIRN_DATA/mnist, data/mnist, or a download", "", "DIR");
  all.add_options(group)("glyphs", "built-in digits instead: N to train on, a quarter of that to test on",
                         cxxopts::value<std::string>()->implicit_value("20000"), "N");
  add("validation", "training images to hold back and evaluate on after each epoch", "0", "N");
  group = "Model";
  add("hidden", "sizes of the hidden layers; '' makes a linear classifier", "512,256", "N,N");
  add("activation", "between the layers, such as gelu or elu(0.5)", "relu", "NAME");
  add("dropout", "share of the hidden outputs left out in training", "0", "P");
  group = "Training";
  add("epochs", "passes over the training images", "6", "N");
  add("batch-size", "images a step", "128", "N");
  add("optimizer", support::listed(optim::optimizer_names()) + " (sgd with momentum 0.9)", "adamw", "NAME");
  add("lr", "learning rate; without it one that suits the optimizer", "", "RATE");
  add("weight-decay", "without it the optimizer's own", "", "X");
  add("schedule", "of the learning rate: " + support::listed(optim::schedule_names()), "linear", "NAME");
  add("seed", "of the first weights and the order of images", "1", "N");
  group = "Program";
  add("threads", "to compute on; the result is the same for any number", std::to_string(num_threads()), "N");
  add("save", "write the trained model there", "", "FILE");
  add("load", "test a saved model instead of training one", "", "FILE");
  all.add_options(group)("h,help", "this text");
  return all;
}

Options read_options(int argc, char** argv) {
  cxxopts::Options all = all_options();
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("help") > 0) {
    std::printf("%s", all.help({"Data", "Model", "Training", "Program"}).c_str());
    std::exit(0);
  }
  const auto is_given = [&](const char* name) { return found.count(name) > 0; };
  const auto text = [&](const char* name) {
    return is_given(name) || found[name].has_default() ? found[name].as<std::string>() : "";
  };
  const auto whole = [&](const char* name, int64_t low, int64_t high) {
    return support::number(name, text(name), low, high);
  };
  for (const std::string& word : found.unmatched()) fail<ValueError>("options", "every option begins with --", word);
  require<ValueError>(!is_given("data") || !is_given("glyphs"), "options", "--data and --glyphs exclude each other");
  for (const char* name : {"hidden", "activation", "dropout", "epochs", "batch-size", "optimizer", "lr", "weight-decay",
                           "schedule", "seed", "validation", "save"})
    require<ValueError>(!is_given("load") || !is_given(name), "options",
                        "--load trains nothing, so it takes no option of training", given("option", name));

  set_num_threads(static_cast<int>(whole("threads", 1, 1024)));
  Options o{.data = text("data"),
            .activation = text("activation"),
            .optimizer = text("optimizer"),
            .schedule = text("schedule"),
            .save = text("save"),
            .load = text("load"),
            .hidden = support::numbers<int64_t>("hidden", text("hidden"), 1, 65536),
            .glyphs = is_given("glyphs") ? whole("glyphs", 1, 1'000'000) : 0,
            .validation = whole("validation", 0, 1'000'000),
            .epochs = whole("epochs", 1, 10'000),
            .batch_size = whole("batch-size", 1, 1'000'000),
            .dropout = support::number("dropout", text("dropout"), 0.0, 0.99),
            .seed = support::number("seed", text("seed"), uint64_t{0}, ~uint64_t{0}),
            .rates = {.lr = usual_lr(text("optimizer"))}};
  if (is_given("lr")) o.rates.lr = support::number("lr", text("lr"), 0.0, 1e6);
  if (is_given("weight-decay")) o.rates.weight_decay = support::number("weight-decay", text("weight-decay"), 0.0, 1e6);
  if (o.optimizer == "sgd") o.rates.momentum = 0.9;
  optim::schedule_by_name(o.schedule, 1);  // a wrong name shall not wait for the data
  return o;
}

std::unique_ptr<nn::Layer> make_model(const Options& o) {
  auto model = std::make_unique<nn::Sequential>();
  model->push_back(nn::Flatten());
  int64_t in = 28 * 28;
  for (int64_t size : o.hidden) {
    model->push_back(nn::Linear(in, size));
    model->push_back(nn::Activation(o.activation));
    if (o.dropout > 0) model->push_back(nn::Dropout(o.dropout));
    in = size;
  }
  model->push_back(nn::Linear(in, 10));
  return model;
}

void train(const Options& o, const data::Mnist& digits, io::SavedModel& m, optim::Optimizer& optimizer) {
  const int64_t kept = digits.train_images.size(0) - o.validation;
  const auto part = [&](int64_t begin, int64_t end) {
    return data::TensorDataset(digits.train_images.slice(0, begin, end), digits.train_labels.slice(0, begin, end),
                               m.info.normalization);
  };
  const data::TensorDataset train_set = part(0, kept), held_set = part(kept, kept + o.validation);
  const data::DataLoader loader(train_set, {.batch_size = o.batch_size, .shuffle = true, .seed = o.seed});
  std::optional<data::DataLoader> held;
  if (o.validation > 0) held.emplace(held_set, data::LoaderOptions{.batch_size = 1000});

  std::printf("training: %s, learning rate %g (%s), batches of %" PRId64 ", seed %" PRIu64 ", %d thread%s\n",
              o.optimizer.c_str(), *o.rates.lr, o.schedule.c_str(), o.batch_size, o.seed, num_threads(),
              num_threads() == 1 ? "" : "s");
  std::fflush(stdout);  // also into a file or pipe, as an epoch may take long
  const auto schedule = optim::schedule_by_name(o.schedule, o.epochs * loader.batches());
  train::Trainer trainer(*m.model, optimizer, {.epochs = o.epochs, .schedule = schedule});
  double seconds = 0;
  for (const train::EpochResult& epoch : trainer.fit(loader, held ? &*held : nullptr)) seconds += epoch.seconds;
  std::printf("trained for %.1f s\n", seconds);
}

// The first two digits that it knows and the first two that it mistakes, and what it says.
void show_some(const data::Mnist& digits, const Tensor& logits, const std::vector<std::string>& classes) {
  const ValuesIndices sure = max(softmax(logits, 1), 1);
  const auto said = sure.indices.to_vector<int64_t>(), truth = digits.test_labels.to_vector<int64_t>();
  std::vector<int64_t> shown, wrong;
  for (size_t i = 0; i < truth.size(); ++i) {
    std::vector<int64_t>& those = said[i] == truth[i] ? shown : wrong;
    if (those.size() < 2) those.push_back(static_cast<int64_t>(i));
  }
  shown.insert(shown.end(), wrong.begin(), wrong.end());
  std::vector<std::string> captions;
  for (const int64_t i : shown) {
    const auto says = static_cast<size_t>(said[i]), is = static_cast<size_t>(truth[i]);
    char text[64];
    std::snprintf(text, sizeof text, "says %s (%.1f %%)", classes[says].c_str(), 100 * sure.values[i].item<double>());
    captions.push_back(text + (says == is ? "" : ", it is " + classes[is]));
  }
  std::printf("\n%s\n", support::draw(index_select(digits.test_images, 0, from_vector(shown)), captions,
                                      support::terminal_columns())
                            .c_str());
}

// Looks at the test images for the first and only time.
void test(const data::Mnist& digits, const io::SavedModel& m) {
  const data::TensorDataset set(digits.test_images, digits.test_labels, m.info.normalization);
  const Tensor logits = train::predict(*m.model, data::DataLoader(set, {.batch_size = 1000}));
  train::ConfusionMatrix confusion(10);
  confusion.add(logits, digits.test_labels);
  show_some(digits, logits, m.info.classes);
  const auto worst = confusion.worst_pairs(5);
  if (!worst.empty()) std::printf("mistakes made most often:\n");
  for (const auto& [label, prediction, count] : worst)
    std::printf("  %s taken for %s: %" PRId64 " time%s\n", m.info.classes[static_cast<size_t>(label)].c_str(),
                m.info.classes[static_cast<size_t>(prediction)].c_str(), count, count == 1 ? "" : "s");
  std::printf("checksum of the weights: %016" PRIx64 "\n", nn::checksum(*m.model));
  std::printf("test accuracy: %.2f %%\n", 100 * confusion.accuracy());
}

io::SavedModel load(const std::string& file) {
  io::SavedModel m = io::load(file);
  require<FileError>(m.info.input == Shape{1, 28, 28} && m.info.classes.size() == 10, "load",
                     "this model is for something else than images of 28 × 28 pixels and ten digits", file);
  return m;
}

// What can be wrong with options and data throws before anything is printed; `begun` tells that this is over.
void run(const Options& o, bool& begun) {
  manual_seed(o.seed);
  io::SavedModel m;
  std::unique_ptr<optim::Optimizer> optimizer;
  if (o.load.empty()) {
    m.model = make_model(o);
    optimizer = optim::make_optimizer(o.optimizer, m.model->parameters(), o.rates);
  } else {
    m = load(o.load);
  }
  if (!o.save.empty()) const io::AtomicFile writable(o.save);
  const auto [digits, source] = o.glyphs > 0 ? support::glyphs(o.glyphs) : support::find_digits(o.data);
  const int64_t images = digits.train_images.size(0);
  require<ValueError>(o.validation < images, "options", "no training images are left",
                      given("validation", o.validation), given("images", images));
  begun = true;
  std::printf("data: %s: %" PRId64 " images to train on, %" PRId64 " to test on\n%s", source.c_str(),
              images - o.validation, digits.test_images.size(0), nn::summary(*m.model).c_str());
  if (optimizer) {
    m.info = {.normalization = support::normalization_of(digits.train_images.slice(0, 0, images - o.validation)),
              .classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
              .input = {1, 28, 28}};
    train(o, digits, m, *optimizer);
    if (!o.save.empty()) {
      io::save(*m.model, o.save, m.info);
      std::printf("saved as %s\n", o.save.c_str());
    }
  }
  test(digits, m);
}

}  // namespace

int main(int argc, char** argv) {
  bool begun = false;
  try {
    run(read_options(argc, argv), begun);
    return 0;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "mnist: %s\n", e.what());
    return begun ? 1 : 2;
  }
}
