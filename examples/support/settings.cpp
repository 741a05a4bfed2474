#include "support/settings.h"

#include <cairn/activation/activation.h>
#include <cairn/base/threads.h>
#include <cairn/models/models.h>
#include <cairn/nn/norm.h>
#include <cairn/optim/schedule.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cxxopts.hpp>
#include <optional>

#include "support/command.h"
#include "support/options.h"

namespace support {

using namespace cairn;

namespace {

// What is usual for a model in a program; "" stands for all others. The first row of a program is its default model.
struct Usual {
  const char* program;
  const char* model;
  int64_t epochs, batch_size;
  const char* optimizer;
  double lr, weight_decay;
  const char* schedule;
  const char* augment;
  double label_smoothing;
};

constexpr Usual usual_options[] = {
    {"mnist", "mlp", 6, 128, "adamw", 0.002, 0.01, "linear", "none", 0},
    {"mnist", "lenet5", 12, 128, "adamw", 0.002, 0.01, "one_cycle", "none", 0},
    {"mnist", "cnn", 12, 128, "adamw", 0.001, 0.01, "one_cycle", "none", 0},
    {"mnist", "", 6, 128, "sgd", 0.1, 5e-4, "one_cycle", "none", 0},
    {"fashion", "resnet20", 20, 128, "sgd", 0.1, 5e-4, "warmup_cosine", "standard", 0},
    {"fashion", "mlp", 10, 128, "adamw", 0.002, 0.01, "linear", "none", 0},
    {"fashion", "lenet5", 15, 128, "adamw", 0.002, 0.01, "one_cycle", "none", 0},
    {"fashion", "cnn", 10, 128, "adamw", 0.001, 0.01, "one_cycle", "flip", 0},
    {"fashion", "", 20, 128, "sgd", 0.1, 5e-4, "warmup_cosine", "standard", 0},
    {"cifar10", "resnet20", 60, 128, "sgd", 0.1, 5e-4, "warmup_cosine", "standard", 0},
    {"cifar10", "mlp", 20, 128, "adamw", 0.001, 0.01, "linear", "standard", 0},
    {"cifar10", "", 60, 128, "sgd", 0.05, 5e-4, "warmup_cosine", "standard", 0},
};

const Usual& usual(const std::string& program, const std::string& model) {
  return *std::find_if(std::begin(usual_options), std::end(usual_options), [&](const Usual& row) {
    return program == row.program && (model == row.model || *row.model == '\0');
  });
}

std::string default_model(const std::string& program) {
  return std::find_if(std::begin(usual_options), std::end(usual_options),
                      [&](const Usual& row) { return program == row.program; })
      ->model;
}

// A learning rate for an optimizer that is not the usual one.
double plain_lr(const std::string& optimizer) {
  if (optimizer == "sgd") return 0.05;
  if (optimizer == "adadelta") return 1;
  if (optimizer == "adagrad") return 0.01;
  return 0.002;
}

std::string table_of_usual_options(const std::string& program) {
  std::string text = "\n (*) when left out, what is usual for the model:\n";
  const auto add_line = [&](const std::vector<std::string>& cells) {
    constexpr size_t columns[] = {10, 8, 12, 11, 8, 14, 15, 10, 9};
    text += "  ";
    for (size_t i = 0; i < cells.size(); ++i) {
      std::string cell = cells[i];
      cell.resize(std::max(cell.size() + 1, columns[i]), ' ');
      text += cell;
    }
    text.erase(text.find_last_not_of(' ') + 1) += "\n";
  };
  add_line(
      {"model", "epochs", "batch-size", "optimizer", "lr", "weight-decay", "schedule", "augment", "label-smoothing"});
  for (const Usual& row : usual_options)
    if (program == row.program)
      add_line({*row.model == '\0' ? "others" : row.model, std::to_string(row.epochs), std::to_string(row.batch_size),
                row.optimizer, short_text(row.lr), short_text(row.weight_decay), row.schedule, row.augment,
                short_text(row.label_smoothing)});
  return text;
}

const std::vector<std::string> presets = {"none", "flip", "crop", "standard", "strong"};

std::string preset_help(const Task& task) {
  return "changes the images anew in every epoch: none, flip (left to right), crop (moved by up to " +
         std::to_string(task.crop_padding) + " pixels), standard (crop" + (task.horizontal_flip ? " and flip" : "") +
         "), strong (standard, brightness, contrast and erasing)";
}

data::AugmentOptions augmentation(const Task& task, const std::string& preset, uint64_t seed) {
  require_known("augmentation", preset, presets);
  const bool all = preset == "standard" || preset == "strong";
  data::AugmentOptions options;
  options.seed = seed;
  if (all || preset == "crop") options.crop_padding = task.crop_padding;
  options.horizontal_flip = preset == "flip" || (all && task.horizontal_flip);
  if (preset == "strong") {
    options.brightness = 0.2;
    options.contrast = 0.2;
    options.erasing = 0.25;
  }
  return options;
}

cxxopts::Options all_options(const Task& task) {
  cxxopts::Options all(task.program, task.description);
  std::string group;
  const auto add = [&](const char* name, const std::string& help, const std::string& otherwise, const char* form) {
    const auto value = cxxopts::value<std::string>();
    all.add_options(group)(name, help, otherwise.empty() ? value : value->default_value(otherwise), form);
  };
  const std::string& folder = task.set.folder;
  group = "Data";
  add("data", "folder of the files; else $CAIRN_DATA/" + folder + ", data/" + folder + ", or a download", "", "DIR");
  if (task.digits)
    all.add_options(group)("glyphs", "built-in digits instead: N to train on, a quarter of that to test on",
                           cxxopts::value<std::string>()->implicit_value("20000"), "N");
  add("validation", "training images to hold back and evaluate on after each epoch", "0", "N");
  group = "Model";
  add("model", listed(models::model_names()), default_model(task.program), "NAME");
  add("activation",
      "between the layers, such as gelu or elu(0.5); without it the model's own, mostly relu. Several with commas are "
      "trained in turn and compared",
      "", "NAME");
  add("norm", "normalisation, without it the model's own: " + listed(nn::norm_names()), "", "NAME");
  add("hidden", "sizes of the hidden layers of mlp, by default 512,256; '' makes a linear classifier", "", "N,N");
  add("dropout", "share of the hidden outputs of mlp left out in training", "", "P");
  group = "Training";
  const std::string suits = " (*)";
  add("epochs", "passes over the training images" + suits, "", "N");
  add("batch-size", "images a step" + suits, "", "N");
  add("optimizer", listed(optim::optimizer_names()) + "; sgd has momentum 0.9" + suits, "", "NAME");
  add("lr", "learning rate (*); for another optimizer one that suits it", "", "RATE");
  add("weight-decay", "pull of the weights towards 0 (*); for another optimizer its own", "", "X");
  add("schedule", "how the learning rate changes: " + listed(optim::schedule_names()) + suits, "", "NAME");
  add("label-smoothing", "share of each target that is spread over all classes" + suits, "", "P");
  add("clip-grad-norm", "largest norm of all gradients together; 0 leaves them alone", "0", "X");
  add("accumulate", "batches whose gradients make one step", "1", "N");
  add("ema", "averages the weights, of each step so much, such as 0.999; 0 does not", "0", "DECAY");
  add("patience", "ends it after so many epochs in a row without a better validation; 0 never", "0", "N");
  add("max-seconds", "ends it after so many seconds of training; 0 never", "0", "S");
  add("augment", preset_help(task) + suits, "", "NAME");
  add("erasing", "share of the images in which a rectangle is blanked", "", "P");
  add("mixup", "mixes pairs of images and their labels: alpha of the Beta distribution, such as 0.2", "0", "ALPHA");
  add("seed", "of the first weights, the order and the augmentation of images", "1", "N");
  group = "Program";
  add("threads", "to compute on; the result is the same for any number", std::to_string(num_threads()), "N");
  add("curves", "picture of the training, SVG; '' makes none. Without it runs/" + task.program + "-MODEL.svg", "",
      "FILE");
  add_run_options(all, group, "runs/" + task.program + "-MODEL");
  add("checkpoint-steps", "steps between checkpoints inside an epoch; 0: one a minute", "0", "N");
  add("keep", "newest checkpoints that stay", "1", "N");
  add("save", "write the trained model there", "", "FILE");
  add("load", "test a saved model instead of training one", "", "FILE");
  all.add_options(group)("h,help", "this text");
  return all;
}

}  // namespace

Settings read_settings(int argc, char** argv, const Task& task) {
  cxxopts::Options all = all_options(task);
  const cxxopts::ParseResult found = parse_resumable(
      all, task.program, argc, argv,
      {"data", "epochs", "max-seconds", "patience", "checkpoint-steps", "keep", "save", "curves", "threads"});
  if (found.count("help") > 0) {
    std::printf("%s%s", all.help({"Data", "Model", "Training", "Program"}).c_str(),
                table_of_usual_options(task.program).c_str());
    std::exit(0);
  }
  const auto is_given = [&](const char* name) { return found.count(name) > 0; };
  const auto text = [&](const char* name, const std::string& otherwise = "") {
    return is_given(name) || found[name].has_default() ? found[name].as<std::string>() : otherwise;
  };
  const auto whole = [&](const char* name, int64_t low, int64_t high, int64_t otherwise = 0) {
    return number(name, text(name, std::to_string(otherwise)), low, high);
  };
  const auto real = [&](const char* name, double low, double high, double otherwise = 0) {
    return is_given(name) ? number(name, text(name), low, high) : otherwise;
  };
  for (const std::string& word : found.unmatched()) fail<ValueError>("options", "every option begins with --", word);
  const bool glyphs = task.digits && is_given("glyphs");
  require<ValueError>(!is_given("data") || !glyphs, "options", "--data and --glyphs exclude each other");
  for (const cxxopts::KeyValue& option : found.arguments())
    require<ValueError>(!is_given("load") || option.key() == "load" || option.key() == "data" ||
                            option.key() == "glyphs" || option.key() == "threads",
                        "options", "--load trains nothing, so it takes no option of training",
                        given("option", option.key()));

  set_num_threads(static_cast<int>(whole("threads", 1, 1024)));
  Settings s;
  s.data = text("data");
  s.model = text("model");
  s.norm = text("norm");
  if (const auto names = models::model_names(); std::find(names.begin(), names.end(), s.model) == names.end())
    fail_unknown("model", s.model, names);
  const Usual& row = usual(task.program, s.model);
  for (const char* name : {"hidden", "dropout"})
    require<ValueError>(s.model == "mlp" || !is_given(name), "options", "this is an option of --model mlp",
                        given("option", name), given("model", s.model));
  require<ValueError>(s.model != "mlp" || !is_given("norm"), "options", "--model mlp has no normalisation");
  s.activations = split_list(text("activation"));
  for (const std::string& name : s.activations)
    if (is_given("activation")) activation(name);
  require<ValueError>(s.activations.size() <= 8, "options", "at most 8 activations are compared in one picture",
                      given("activations", s.activations.size()));
  if (is_given("hidden")) s.hidden = numbers<int64_t>("hidden", text("hidden"), 1, 65536);
  if (is_given("dropout")) s.dropout = real("dropout", 0, 0.99);
  s.glyphs = glyphs ? whole("glyphs", 1, 1'000'000) : 0;
  s.validation = whole("validation", 0, 1'000'000);

  s.epochs = whole("epochs", 1, 10'000, row.epochs);
  s.batch_size = whole("batch-size", 1, 1'000'000, row.batch_size);
  s.optimizer = text("optimizer", row.optimizer);
  const bool usual_optimizer = s.optimizer == row.optimizer;
  s.rates.lr = real("lr", 0, 1e6, usual_optimizer ? row.lr : plain_lr(s.optimizer));
  if (usual_optimizer || is_given("weight-decay"))
    s.rates.weight_decay = real("weight-decay", 0, 1e6, row.weight_decay);
  if (s.optimizer == "sgd") s.rates.momentum = 0.9;
  s.schedule = text("schedule", row.schedule);
  optim::schedule_by_name(s.schedule, 1);  // a wrong name shall not wait for the data
  s.label_smoothing = real("label-smoothing", 0, 0.99, row.label_smoothing);
  s.seed = number("seed", text("seed"), uint64_t{0}, ~uint64_t{0});

  s.clip_grad_norm = real("clip-grad-norm", 0, 1e6);
  s.accumulate = whole("accumulate", 1, 1'000'000);
  s.ema = real("ema", 0, 0.999999);
  s.patience = whole("patience", 0, 10'000);
  s.max_seconds = real("max-seconds", 0, 1e9);
  require<ValueError>(s.patience == 0 || s.validation > 0, "options",
                      "--patience looks at the validation; hold some images back with --validation");

  s.augment = text("augment", row.augment);
  s.augmentation = augmentation(task, s.augment, s.seed);
  s.augmentation.erasing = real("erasing", 0, 1, s.augmentation.erasing);
  s.augmentation.mixup = real("mixup", 0, 100);
  s.augments = s.augment != "none" || s.augmentation.erasing > 0 || s.augmentation.mixup > 0;

  s.run = run_place(found, "runs/" + task.program + "-" + s.model);
  s.run_options = {.keep = whole("keep", 1, 1'000'000),
                   .checkpoint_steps = whole("checkpoint-steps", 0, 1'000'000'000)};
  if (s.run_options.checkpoint_steps > 0) s.run_options.checkpoint_seconds = 0;
  s.command = command_of(task.program, found);

  s.save = text("save");
  s.load = text("load");
  s.default_curves = !is_given("curves");
  s.curves = text("curves", "runs/" + task.program + "-" + s.model + ".svg");
  require<ValueError>(s.save.empty() || s.activations.size() == 1, "options",
                      "--save is for one model; give a single --activation",
                      given("activations", s.activations.size()));
  return s;
}

}  // namespace support
