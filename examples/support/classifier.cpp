#include "support/classifier.h"

#include <cairn/cairn.h>

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "support/options.h"
#include "support/output.h"
#include "support/picture.h"
#include "support/records.h"

namespace support {

using namespace cairn;

namespace {

std::unique_ptr<nn::Layer> make_model(const Task& task, const Settings& s, const std::string& activation) {
  models::ModelOptions options{.activation = activation,
                               .norm = s.norm,
                               .classes = static_cast<int64_t>(task.set.classes.size()),
                               .input = task.set.image};
  if (!s.hidden && !s.dropout) return models::make_model(s.model, options);
  models::MlpOptions mlp{.classes = options.classes};
  if (!activation.empty()) mlp.activation = activation;
  if (s.hidden) mlp.hidden = *s.hidden;
  if (s.dropout) mlp.dropout = *s.dropout;
  return std::make_unique<nn::Sequential>(models::mlp(task.set.image.numel(), mlp));
}

Shape batch_of_one(const Task& task) {
  const Shape& image = task.set.image;
  return {1, image[0], image[1], image[2]};
}

std::string describe(const Settings& s) {
  const data::AugmentOptions& a = s.augmentation;
  std::string text = s.optimizer + ", learning rate " + short_text(*s.rates.lr) + " (" + s.schedule + "), batches of " +
                     std::to_string(s.batch_size) + ", seed " + std::to_string(s.seed) + ", " +
                     std::to_string(num_threads()) + (num_threads() == 1 ? " thread" : " threads");
  if (s.label_smoothing > 0) text += ", label smoothing " + short_text(s.label_smoothing);
  if (!s.augments) return text;
  text += "\naugmentation: " + s.augment;
  if (a.crop_padding > 0) text += ", crops by up to " + std::to_string(a.crop_padding) + " pixels";
  if (a.horizontal_flip) text += ", flips";
  if (a.brightness > 0) text += ", brightness ±" + short_text(a.brightness);
  if (a.contrast > 0) text += ", contrast ±" + short_text(a.contrast);
  if (a.erasing > 0) text += ", erasing " + short_text(a.erasing);
  if (a.mixup > 0) text += ", mixup " + short_text(a.mixup);
  return text;
}

std::string describe_model(const Settings& s) {
  if (!s.load.empty()) return s.load;
  std::string text = s.model;
  if (!s.activations[0].empty()) text += ", activation " + s.activations[0];
  if (!s.norm.empty()) text += ", norm " + s.norm;
  return text;
}

// The training images without those that are held back, and how bytes become numbers.
struct Parts {
  Tensor images, labels, held_images, held_labels;
  data::Normalization normalization;
};

Parts split(const Images& images, int64_t validation) {
  const int64_t kept = images.train_images.size(0) - validation;
  Parts parts{.images = images.train_images.slice(0, 0, kept),
              .labels = images.train_labels.slice(0, 0, kept),
              .held_images = images.train_images.slice(0, kept),
              .held_labels = images.train_labels.slice(0, kept),
              .normalization = {}};
  parts.normalization = data::channel_statistics(parts.images);
  return parts;
}

struct Trained {
  train::History history;
  train::End end;
};

Trained train_model(const Settings& s, const Parts& parts, const io::SavedModel& m, optim::Optimizer& optimizer,
                    train::Run* run) {
  std::unique_ptr<data::Dataset> set;
  if (s.augments) {
    set = std::make_unique<data::Augmented>(parts.images, parts.labels, parts.normalization, s.augmentation);
  } else {
    set = std::make_unique<data::TensorDataset>(parts.images, parts.labels, parts.normalization);
  }
  const data::DataLoader loader(*set, {.batch_size = s.batch_size, .shuffle = true, .seed = s.seed});
  const data::TensorDataset held_set(parts.held_images, parts.held_labels, parts.normalization);
  std::optional<data::DataLoader> held;
  if (s.validation > 0) held.emplace(held_set, data::LoaderOptions{.batch_size = 500});

  const auto loss = [smoothing = s.label_smoothing](const Tensor& logits, const Tensor& labels) {
    return cross_entropy(logits, labels, {.label_smoothing = smoothing});
  };
  const int64_t steps = s.epochs * ((loader.batches() + s.accumulate - 1) / s.accumulate);
  train::Trainer trainer(
      *m.model, optimizer,
      {.epochs = s.epochs,
       .schedule = optim::schedule_by_name(s.schedule, steps),
       .accumulate = s.accumulate,
       .clip_grad_norm = s.clip_grad_norm,
       .loss = loss,
       .ema = s.ema > 0 ? std::optional(optim::EMAOptions{.decay = s.ema, .warmup = true}) : std::nullopt,
       .patience = s.patience,
       .max_seconds = s.max_seconds,
       .run = run,
       .info = m.info});
  train::History history = trainer.fit(loader, held ? &*held : nullptr);
  return {std::move(history), trainer.end()};
}

double seconds_of(const train::History& history) {
  double seconds = 0;
  for (const train::EpochResult& epoch : history) seconds += epoch.seconds;
  return seconds;
}

// The first two images that it knows and the first two that it mistakes, and what it says.
void show_some(const Task& task, const Images& images, const Tensor& logits, const std::vector<std::string>& classes) {
  const ValuesIndices sure = max(softmax(logits, 1), 1);
  const auto said = sure.indices.to_vector<int64_t>(), truth = images.test_labels.to_vector<int64_t>();
  std::vector<int64_t> shown, wrong;
  for (size_t i = 0; i < truth.size(); ++i) {
    std::vector<int64_t>& those = said[i] == truth[i] ? shown : wrong;
    if (those.size() < 2) those.push_back(static_cast<int64_t>(i));
  }
  shown.insert(shown.end(), wrong.begin(), wrong.end());
  const auto width = static_cast<size_t>(task.set.image[2]);
  std::vector<std::string> captions;
  for (const int64_t i : shown) {
    const auto says = static_cast<size_t>(said[static_cast<size_t>(i)]),
               is = static_cast<size_t>(truth[static_cast<size_t>(i)]);
    char share[32];
    std::snprintf(share, sizeof share, " (%.1f %%)", 100 * sure.values[i].item<double>());
    std::string caption = "says " + classes[says] + share;
    const std::string more = "it is " + classes[is];
    if (says != is) caption += (caption.size() + more.size() + 2 <= width ? ", " : "\n") + more;
    captions.push_back(caption);
  }
  std::printf("\n%s\n", draw(index_select(images.test_images, 0, from_vector(shown)), captions, terminal_columns(),
                             task.digits ? Ink::strokes : ink_for_photographs())
                            .c_str());
}

void show_classes(const train::ConfusionMatrix& confusion, const std::vector<std::string>& classes) {
  size_t wide = 0;
  for (const std::string& name : classes) wide = std::max(wide, name.size());
  const int in_a_row = std::max(1, (terminal_columns() - 2) / (static_cast<int>(wide) + 13));
  const std::vector<double> shares = confusion.class_accuracy();
  std::printf("accuracy by class:");
  for (size_t c = 0; c < classes.size(); ++c) {
    char share[16] = "     –  ";  // no image of it
    if (!std::isnan(shares[c])) std::snprintf(share, sizeof share, "%6.2f %%", 100 * shares[c]);
    std::printf("%s%-*s %s", c % static_cast<size_t>(std::min(in_a_row, 5)) == 0 ? "\n  " : "   ",
                static_cast<int>(wide), classes[c].c_str(), share);
  }
  std::printf("\n");
}

// Looks at the test images for the first and only time.
double test(const Task& task, const Images& images, const io::SavedModel& m, bool details, train::Run* run = nullptr) {
  const data::TensorDataset set(images.test_images, images.test_labels, m.info.normalization);
  const Tensor logits = train::predict(*m.model, data::DataLoader(set, {.batch_size = 500}));
  train::ConfusionMatrix confusion(static_cast<int64_t>(m.info.classes.size()));
  confusion.add(logits, images.test_labels);
  if (run != nullptr) log_test(*run, images, logits, confusion, m.info.classes);
  if (details) {
    show_some(task, images, logits, m.info.classes);
    const auto worst = confusion.worst_pairs(5);
    if (!worst.empty()) std::printf("mistakes made most often:\n");
    for (const auto& [label, prediction, count] : worst)
      std::printf("  %s taken for %s: %" PRId64 " time%s\n", m.info.classes[static_cast<size_t>(label)].c_str(),
                  m.info.classes[static_cast<size_t>(prediction)].c_str(), count, count == 1 ? "" : "s");
    show_classes(confusion, m.info.classes);
  }
  std::printf("checksum of the weights: %s\n", nn::checksum_text(*m.model).c_str());
  std::printf("test accuracy: %.2f %%\n", 100 * confusion.accuracy());
  return confusion.accuracy();
}

io::SavedModel load(const Task& task, const std::string& file) {
  io::SavedModel m = io::load(file);
  const bool fits = m.info.input == task.set.image && m.info.classes == task.set.classes;
  require<FileError>(fits, "load", ("this model was not saved for " + task.set.name).c_str(), file,
                     given("input", m.info.input), given("classes", m.info.classes.size()));
  return m;
}

// A file that can be written; without a name from the user, "" where it cannot.
std::string curves_file(const Settings& s) {
  if (s.curves.empty() || !s.load.empty()) return "";
  try {
    if (const auto folder = std::filesystem::path(s.curves).parent_path(); s.default_curves && !folder.empty())
      std::filesystem::create_directories(folder);
    const io::AtomicFile writable(s.curves);
    return s.curves;
  } catch (const std::exception&) {
    if (!s.default_curves) throw;
    return "";
  }
}

// A training, as the table of several shows it.
struct ActivationResult {
  std::string activation;
  train::History history;
  double accuracy;
};

void show_outcomes(const std::vector<ActivationResult>& outcomes, bool validated) {
  std::printf("\n%-16s %8s%s %14s %10s\n", "activation", "loss", validated ? "   validation" : "", "test accuracy",
              "training");
  for (const ActivationResult& o : outcomes) {
    if (o.history.empty()) continue;  // out of time before the first step
    const train::EpochResult& last = o.history.back();
    std::printf("%-16s %8.4f", o.activation.c_str(), last.loss);
    if (validated) std::printf("   %8.2f %%", 100 * last.validation->accuracy);
    std::printf(" %12.2f %% %s s\n", 100 * o.accuracy, time_cell(seconds_of(o.history), 8, 1).c_str());
  }
}

// What can be wrong with options and data throws before anything is printed; `begun` tells that this is over.
int run(const Task& task, const Settings& s, bool& begun) {
  io::SavedModel m;
  std::unique_ptr<optim::Optimizer> optimizer;
  const auto prepare = [&](const std::string& activation) {
    manual_seed(s.seed);
    m.model = make_model(task, s, activation);
    optimizer = optim::make_optimizer(s.optimizer, m.model->parameters(), s.rates);
  };
  if (s.load.empty())
    prepare(s.activations[0]);
  else
    m = load(task, s.load);
  const std::string model = nn::summary(*m.model, batch_of_one(task));
  require_different_files({{"save", s.save}, {"curves", s.curves}});
  if (!s.save.empty()) const io::AtomicFile writable(s.save);
  const std::string curves = curves_file(s);
  const bool several = s.activations.size() > 1;
  const Images images = s.glyphs > 0 ? glyphs(s.glyphs) : find_images(task.set, s.data, task.digits);
  const int64_t count = images.train_images.size(0);
  require<ValueError>(s.validation < count, "options", "no training images are left", given("validation", s.validation),
                      given("images", count));
  Runs runs(s.load.empty() ? s.run : RunPlace(), s.run_options, several, s.command);
  begun = true;
  std::printf("data: %s: %" PRId64 " images to train on, %" PRId64 " to test on\n", images.source.c_str(),
              count - s.validation, images.test_images.size(0));
  std::printf("model: %s\n\n%s\n", describe_model(s).c_str(), model.c_str());
  if (!s.load.empty()) {
    test(task, images, m, true);
    return 0;
  }

  const Parts parts = split(images, s.validation);
  m.info = {.normalization = parts.normalization, .classes = task.set.classes, .input = task.set.image};
  std::printf("training: %s\n", describe(s).c_str());
  std::vector<ActivationResult> outcomes;
  std::vector<train::NamedHistory> histories;
  for (const std::string& activation : s.activations) {
    if (several) std::printf("\nactivation %s\n", activation.c_str());
    std::fflush(stdout);  // also into a file or pipe, as an epoch may take long
    if (!histories.empty()) prepare(activation);
    train::Run* const record = runs.training(activation);
    if (record) describe_run(*record, s, *m.model, batch_of_one(task));
    const auto [history, end] = train_model(s, parts, m, *optimizer, record);
    if (end == train::End::interrupted) {
      std::printf("%s\n", how_to_go_on(task.program, runs.folder()).c_str());
      return 130;  // as programs that Ctrl-C ended
    }
    histories.push_back({several ? activation : "", history});
    std::printf("trained for %s s\n", time_cell(seconds_of(history), 0, 1).c_str());
    if (record) io::save(*m.model, record->file("model.safetensors"), m.info);
    if (!s.save.empty()) {
      io::save(*m.model, s.save, m.info);
      std::printf("saved as %s\n", s.save.c_str());
    }
    if (record) std::printf("run: %s, with report.html\n", record->folder().c_str());
    if (!curves.empty()) {
      train::write_curves(
          curves, histories,
          s.model + (several || activation.empty() ? "" : " with " + activation) + " on " + task.set.name);
      std::printf("curves: %s\n", curves.c_str());
    }
    outcomes.push_back({activation, history, test(task, images, m, !several, record)});
    if (record) train::write_report(record->file("report.html"), {record->folder()});
  }
  if (several) show_outcomes(outcomes, s.validation > 0);
  return 0;
}

}  // namespace

int run_classifier(int argc, char** argv, const Task& task) {
  bool begun = false;
  try {
    const int status = run(task, read_settings(argc, argv, task), begun);
    support::finish_output();
    return status;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", task.program.c_str(), e.what());
    return begun ? 1 : 2;
  }
}

}  // namespace support
