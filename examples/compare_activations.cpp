// The same network, data, seeds and budget for several activations; and four claims about them put to the test:
// `compare-activations --help` lists the options.
#include <cairn/cairn.h>

#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "support/claims.h"
#include "support/command.h"
#include "support/experiment.h"
#include "support/images.h"
#include "support/options.h"
#include "support/output.h"

using namespace cairn;

namespace {

struct Options {
  std::string claim, set, data, curves;
  bool full;
  std::vector<std::string> activations;
  support::Experiment experiment;
  int seeds;
  support::RunPlace run;
  std::vector<std::string> command;
};

const std::map<std::string, void (*)(const support::ClaimOptions&)> claims = {
    {"a", support::claim_bend}, {"b", support::claim_gradient}, {"c", support::claim_dead}, {"d", support::claim_gelu}};
const std::vector<std::string> sets = {"mnist", "fashion", "digits", "spirals", "sine"};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("compare-activations", "The same network, data, seeds and budget for several activations.");
  const auto text = [](const char* otherwise) { return cxxopts::value<std::string>()->default_value(otherwise); };
  // clang-format off
  all.add_options()
    ("activations", "names and formulas, with commas between them", text("relu,leaky_relu,elu,gelu,silu,tanh,sigmoid"), "LIST")
    ("set", "what to learn: " + support::listed(sets) + "; the last three are generated", text("digits"), "NAME")
    ("data", "folder of mnist or fashion; else $CAIRN_DATA, data/, or a download", text(""), "DIR")
    ("hidden", "sizes of the hidden layers", text("128,128"), "LIST")
    ("init", "weights: usual (PyTorch's), gain (normal, with the gain of the activation), or unit (rows of norm 1)", text("usual"), "NAME")
    ("dropout", "behind every activation", text("0"), "P")
    ("optimizer", "one of " + support::listed(optim::optimizer_names()), text("adam"), "NAME")
    ("lr", "learning rate", text("0.001"), "X")
    ("epochs", "passes over the samples", text("5"), "N")
    ("batch-size", "samples a step", text("128"), "N")
    ("seeds", "how many trainings with each", text("3"), "N")
    ("curves", "SVG file of loss and accuracy, of the first seed", text(""), "FILE")
    ("claim", "instead, one claim of the literature: a (a bend is needed), b (vanishing gradients), c (dead units), "
              "d (GELU on MNIST)", text(""), "LETTER")
    ("full", "a claim at full length, as in docs/why-relu-and-gelu.md")
    ("h,help", "this text");
  // clang-format on
  support::add_run_options(all, "", "runs/compare");
  const cxxopts::ParseResult found = support::parse_resumable(all, "compare", argc, argv, {"data", "curves"});
  if (found.count("help") > 0) {
    std::printf("%s", all.help().c_str());
    std::exit(0);
  }
  const auto word = [&](const char* name) { return found[name].as<std::string>(); };
  Options o{.claim = word("claim"),
            .set = word("set"),
            .data = word("data"),
            .curves = word("curves"),
            .full = found.count("full") > 0,
            .activations = support::split_list(word("activations")),
            .experiment = {},
            .seeds = support::number("seeds", word("seeds"), 1, 1000),
            .run = support::run_place(found, "runs/compare"),
            .command = support::command_of("compare", found)};
  require<ValueError>(o.claim.empty() || o.run.by_default, "options",
                      "a claim leaves no run; leave out --run, --resume", given("--claim", o.claim));
  if (!o.claim.empty()) support::require_known("claim", o.claim, {"a", "b", "c", "d"});
  for (const cxxopts::KeyValue& option : found.arguments())
    require<ValueError>(o.claim.empty() || option.key() == "claim" || option.key() == "full" ||
                            option.key() == "data" || option.key() == "curves",
                        "options", "a claim is made with options of its own; leave out the others",
                        given("--claim", o.claim), given("option", option.key()));
  support::require_known("set", o.set, sets);
  require<ValueError>(word("init") == "usual" || word("init") == "gain" || word("init") == "unit", "options",
                      "--init is usual, gain or unit", word("init"));
  for (const std::string& a : o.activations)
    require<ValueError>(activation(a).info().elementwise(), "options",
                        "a fold of many numbers does not fit between these layers", a);
  support::Experiment& e = o.experiment;
  e.widths = support::numbers<int64_t>("hidden", word("hidden"), 1, 100'000);
  e.init = word("init");
  e.dropout = support::number("dropout", word("dropout"), 0.0, 0.99);
  e.optimizer = word("optimizer");
  e.lr = support::number("lr", word("lr"), 1e-12, 1e3);
  e.epochs = support::number<int64_t>("epochs", word("epochs"), 1, 100'000);
  e.batch_size = support::number<int64_t>("batch-size", word("batch-size"), 1, 1'000'000);
  support::require_known("optimizer", e.optimizer, optim::optimizer_names());
  return o;
}

struct Data {
  std::unique_ptr<data::Dataset> train, test;
  std::string source;
};

// Two arms of a spiral, three quarters of a turn each, with a little noise.
data::TensorDataset spirals(int64_t n, uint64_t seed) {
  Generator random(seed, "spirals");
  const Tensor t = sqrt(rand({n}, f32, random)) * 4.7, side = randint(2, {n}, i64, random);
  const Tensor sign = side.to(f32) * 2.0 - 1.0;
  const Tensor points = stack({t * cos(t) * sign, t * sin(t) * sign}, 1) / 3.0 + randn({n, 2}, f32, random) * 0.1;
  return {points, side};
}

data::TensorDataset waves(int64_t n, uint64_t seed) {
  Generator random(seed, "waves");
  const Tensor x = rand({n, 1}, f32, random) * 4.0 - 2.0;
  return {x, sin(x * 3.0)};
}

Data load(Options& o) {
  std::vector<int64_t>& widths = o.experiment.widths;
  const auto around = [&](int64_t in, int64_t out) {
    widths.insert(widths.begin(), in);
    widths.push_back(out);
  };
  const auto take = [](data::TensorDataset set) { return std::make_unique<data::TensorDataset>(std::move(set)); };
  if (o.set == "spirals") {
    around(2, 2);
    return {take(spirals(4000, 1)), take(spirals(1000, 2)), "two spirals, 4000 points"};
  }
  if (o.set == "sine") {
    around(1, 1);
    o.experiment.loss = [](const Tensor& y, const Tensor& t) { return mse_loss(y, t); };
    return {take(waves(4000, 1)), take(waves(1000, 2)), "sin(3x) on [-2, 2], 4000 samples"};
  }
  around(784, 10);
  const support::Images images =
      o.set == "digits"
          ? support::glyphs()
          : support::find_images(o.set == "mnist" ? support::mnist() : support::fashion_mnist(), o.data, false);
  const data::Normalization scale = data::channel_statistics(images.train_images);
  return {take({images.train_images.flatten(1), images.train_labels, scale}),
          take({images.test_images.flatten(1), images.test_labels, scale}), images.source};
}

// The exit status.
int compare(Options& o) {
  const Data data = load(o);
  support::Runs runs(o.run, {}, true, o.command);
  support::Experiment& e = o.experiment;
  std::printf("%s; layers", data.source.c_str());
  for (const int64_t width : e.widths) std::printf(" %d", static_cast<int>(width));
  std::printf("; %s, learning rate %s, %d epoch%s, %d seed%s\n\n", e.optimizer.c_str(),
              support::short_text(e.lr).c_str(), static_cast<int>(e.epochs), e.epochs == 1 ? "" : "s", o.seeds,
              o.seeds == 1 ? "" : "s");
  size_t wide = 10;
  for (const std::string& a : o.activations) wide = std::max(wide, a.size());
  const bool classes = !e.loss;
  std::printf("%-*s  %-18s  %-18s  %-16s  %6s  %9s  %9s\n", static_cast<int>(wide), "activation", "training loss",
              "test loss", classes ? "test accuracy, %" : "", "dead", "gradient", "ms a step");
  std::vector<train::NamedHistory> curves;
  for (const std::string& a : o.activations) {
    e.activation = a;
    std::vector<double> loss, test_loss, accuracy, dead, gradient, time;
    bool diverged = false;
    for (int s = 1; s <= o.seeds; ++s) {
      e.seed = static_cast<uint64_t>(s);
      e.record = runs.training(a + "-" + std::to_string(s));
      if (e.record)
        e.record->describe({{"command", o.command},
                            {"seed", s},
                            {"options", {{"activation", a}, {"optimizer", e.optimizer}, {"lr", e.lr}}}});
      const support::Outcome r = support::run(e, *data.train, *data.test);
      if (r.end == train::End::interrupted) {
        std::printf("\n%s\n", support::how_to_go_on("compare", runs.folder()).c_str());
        return 130;  // as programs that Ctrl-C ended
      }
      diverged |= r.diverged;
      if (r.history.empty()) continue;
      loss.push_back(r.history.back().loss);
      test_loss.push_back(r.test.loss);
      accuracy.push_back(100 * r.test.accuracy);
      dead.push_back(100 * r.dead);
      gradient.push_back(r.first_gradient);
      if (r.seconds_a_step > 0) time.push_back(1e3 * r.seconds_a_step);
      if (s == 1 && curves.size() < 8) curves.push_back({a, r.history});
    }
    const auto with_spread = [](const std::vector<double>& v, int digits) {
      char cell[64];
      std::snprintf(cell, sizeof cell, "%.*f ± %.*f", digits, support::mean_of(v), digits, support::spread_of(v));
      return std::string(cell);
    };
    // A cell with ±, which takes two bytes, is a byte longer than its column is wide.
    if (loss.empty())
      std::printf("%-*s  diverged in the first epoch\n", static_cast<int>(wide), a.c_str());
    else
      std::printf("%-*s  %-19s  %-19s  %-*s  %5.1f%%  %9.2g  %s%s\n", static_cast<int>(wide), a.c_str(),
                  with_spread(loss, 4).c_str(), with_spread(test_loss, 4).c_str(), classes ? 17 : 16,
                  classes ? with_spread(accuracy, 2).c_str() : "", support::mean_of(dead), support::mean_of(gradient),
                  support::time_cell(support::mean_of(time), 9, 3).c_str(), diverged ? "  diverged" : "");
    std::fflush(stdout);
  }
  std::printf(
      "\ndead: hidden units that are off (ReLU and the like: output <= 0; others: slope below 0.001) for all of 2000 "
      "test "
      "samples;\ngradient: norm at the first layer's weight on these samples, after training; ± is the standard "
      "deviation "
      "between seeds.\n");
  if (!o.curves.empty() && !curves.empty()) {
    train::write_curves(o.curves, curves, data.source);
    std::printf("curves: %s\n", o.curves.c_str());
  }
  if (!runs.folder().empty())
    std::printf("runs: %s; ./run report %s/*-1 shows the first of each\n", runs.folder().c_str(),
                runs.folder().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options o = read_options(argc, argv);
    int status = 0;
    if (o.claim.empty())
      status = compare(o);
    else
      claims.at(o.claim)({.full = o.full, .data = o.data, .curves = o.curves});
    support::finish_output();
    return status;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "compare-activations: %s\n", e.what());
    return 2;
  }
}
