// Taylor polynomials in the place of an activation: how near they come, and how well a network sees digits with them.
// `taylor --help` lists the options. Two ways to get such a network: train it with the activation and put the polynomials
// in when it is trained, or train it with the polynomial. And two kinds of weights: bounded, so that no hidden neuron's
// input can leave the interval, as the inner product of two states of a quantum perceptron cannot; and free.
#include <cairn/cairn.h>

#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <nlohmann/json.hpp>

#include "support/command.h"
#include "support/images.h"
#include "support/options.h"
#include "support/output.h"

using namespace cairn;

namespace {

struct Options {
  std::string activation, data, plot, curves;
  double interval, lr;
  std::vector<int64_t> degrees, hidden;
  int64_t epochs, samples;
  uint64_t seed;
  support::RunPlace run;
  std::vector<std::string> command;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("taylor", "Taylor polynomials in the place of an activation.");
  const auto text = [](const char* standard) { return cxxopts::value<std::string>()->default_value(standard); };
  // clang-format off
  all.add_options()
    ("activation", "name or formula", text("tanh"), "NAME")
    ("interval", "the polynomials stand for it on [-X, X]", text("1.5"), "X")
    ("degrees", "of the polynomials", text("1,3,5,7,9,11"), "N,…")
    ("hidden", "widths of the hidden layers", text("64,64"), "N,…")
    ("epochs", "of each training", text("4"), "N")
    ("lr", "learning rate of Adam", text("0.01"), "X")
    ("samples", "training images", text("20000"), "N")
    ("seed", "of weights and batches", text("1"), "N")
    ("data", "folder of MNIST, in the place of digits that this program draws", text(""), "DIR")
    ("plot", "SVG file of the polynomials", text(""), "FILE")
    ("curves", "SVG file of the accuracies", text(""), "FILE")
    ("h,help", "this text");
  // clang-format on
  support::add_run_options(all, "", "runs/taylor");
  const cxxopts::ParseResult found = support::parse_resumable(all, "taylor", argc, argv, {"data", "plot", "curves"});
  if (found.count("help") > 0) {
    std::printf("%s", all.help().c_str());
    std::exit(0);
  }
  require<ValueError>(found.unmatched().empty(), "options", "takes no arguments but options");
  const auto of = [&](const char* name) { return found[name].as<std::string>(); };
  Options o{.activation = of("activation"),
            .data = of("data"),
            .plot = of("plot"),
            .curves = of("curves"),
            .interval = support::number<double>("interval", of("interval"), 1e-3, 100),
            .lr = support::number<double>("lr", of("lr"), 0, 10),
            .degrees = support::numbers<int64_t>("degrees", of("degrees"), 0, 100),
            .hidden = support::numbers<int64_t>("hidden", of("hidden"), 1, 4096),
            .epochs = support::number<int64_t>("epochs", of("epochs"), 1, 1000),
            .samples = support::number<int64_t>("samples", of("samples"), 100, 60'000),
            .seed = support::number<uint64_t>("seed", of("seed"), 0, UINT64_MAX),
            .run = support::run_place(found, "runs/taylor"),
            .command = support::command_of("taylor", found)};
  require<ValueError>(!o.degrees.empty() && o.degrees.size() <= 7, "options", "--degrees needs 1 to 7 numbers");
  require<ValueError>(!o.hidden.empty(), "options", "--hidden needs at least one number");
  taylor_activation(activation(o.activation), o.degrees[0], o.interval);  // what is wrong with it is said at once
  support::require_different_files({{"plot", o.plot}, {"curves", o.curves}});
  return o;
}

// Every row of length 1, as the amplitudes of a state are.
Tensor unit_rows(const Tensor& x) { return x / maximum(norm(x, 2, {1}, true), 1e-6); }

// Hidden layers take inputs of length 1; the last one reads the activations as they are.
struct Network : nn::Module {
  nn::ModuleList<nn::Linear>& layers = add("layers", nn::ModuleList<nn::Linear>());

  explicit Network(const Options& o, int64_t inputs) {
    manual_seed(o.seed);
    int64_t width = inputs;
    for (const int64_t next : o.hidden) {
      layers.push_back(nn::Linear(width, next));
      width = next;
    }
    layers.push_back(nn::Linear(width, 10));
  }

  // `neurons`, if any, is handed what comes into each activation.
  Tensor forward(const Tensor& x, const Activation& f, const std::function<void(const Tensor&)>& neurons = {}) {
    Tensor y = x;
    for (int64_t i = 0; i + 1 < layers.size(); ++i) {
      const Tensor z = layers[i](unit_rows(y));
      if (neurons) neurons(z);
      y = f(z);
    }
    return layers[layers.size() - 1](y);
  }

  // |w · x + b| ≤ ‖w‖ ‖x‖ + |b| ≤ interval for every hidden neuron.
  void keep_inside(double interval) {
    const NoGrad off;
    for (int64_t i = 0; i + 1 < layers.size(); ++i) {
      Tensor &w = layers[i].weight, &b = layers[i].bias;
      const Tensor scale = interval / maximum(norm(w, 2, {1}) + abs(b), interval);
      w.copy_(w * scale.unsqueeze(1));
      b.copy_(b * scale);
    }
  }
};

struct Data {
  Tensor train_x, train_y, test_x, test_y;
};

// Share of the test images that are recognised; NaN outputs recognise nothing.
double accuracy(Network& network, const Data& data, const Activation& f) {
  const NoGrad off;
  const Tensor y = network.forward(data.test_x, f);
  return mean((argmax(y, 1) == data.test_y).to(f64) * isfinite(sum(y, {1})).to(f64)).item<double>();
}

double share_outside(Network& network, const Data& data, const Activation& f, double interval) {
  const NoGrad off;
  double outside = 0, all = 0;
  network.forward(data.test_x, f, [&](const Tensor& z) {
    outside += sum((abs(z) > interval * (1 + 1e-5)).to(f64)).item<double>();
    all += static_cast<double>(z.numel());
  });
  return outside / all;
}

Network trained(const Options& o, const Data& data, const Activation& f, bool bounded, train::Run* run) {
  Network network(o, data.train_x.size(1));
  const auto keep_inside = [&] {
    if (bounded) network.keep_inside(o.interval);
  };
  keep_inside();
  optim::Adam optimizer(network.parameters(), {.lr = o.lr});
  const data::TensorDataset set(data.train_x, data.train_y);
  const data::DataLoader loader(set, {.batch_size = 128, .shuffle = true, .seed = o.seed});
  train::Trainer trainer(network, optimizer,
                         [&](const data::Batch& batch) -> train::StepOutput {
                           const Tensor y = network.forward(batch.x, f);
                           return {cross_entropy(y, batch.y), y};
                         },
                         {.epochs = o.epochs, .run = run, .output = train::Output::silent});
  trainer.on_batch_end([&](const train::Progress&) { keep_inside(); });
  try {
    trainer.fit(loader);
  } catch (const ValueError&) {  // it has left for infinity
  }
  if (trainer.end() == train::End::interrupted) throw support::Stopped();
  return network;
}

// "1 x - 0.333333 x^3"
std::string terms_of(const std::vector<double>& coefficients) {
  std::string text;
  for (size_t k = 0; k < coefficients.size(); ++k) {
    if (coefficients[k] == 0) continue;
    const char* sign = coefficients[k] < 0 ? (text.empty() ? "-" : " - ") : (text.empty() ? "" : " + ");
    text += sign + support::short_text(std::abs(coefficients[k]));
    if (k > 0) text += k == 1 ? " x" : " x^" + std::to_string(k);
  }
  return text.empty() ? "0" : text;
}

struct Row {
  double exact, polynomial, outside;
};

void draw(const Options& o, const Activation& exact, const std::vector<Activation>& polynomials,
          const std::vector<std::vector<Row>>& columns) {
  if (!o.plot.empty()) {
    std::vector<Activation> all = {exact};
    all.insert(all.end(), polynomials.begin(), polynomials.end());
    const double end = 1.1 * o.interval;  // a little of what comes beyond
    io::write_text(o.plot, svg_plot(all, {.low = -end, .high = end, .derivatives = 0, .title = exact.text()}));
    std::printf("\npicture: %s\n", o.plot.c_str());
  }
  if (!o.curves.empty()) {
    std::vector<Line> lines;
    const char* names[] = {"bounded weights", "free weights"};
    const std::vector<double> degrees(o.degrees.begin(), o.degrees.end());
    for (size_t k = 0; k < columns.size(); ++k)
      for (const auto& [way, value] :
           {std::pair("trained exactly", &Row::exact), {"trained with the polynomial", &Row::polynomial}}) {
        Line line{.name = std::string(names[k]) + ", " + way, .x = degrees, .y = {}};
        for (size_t i = 1; i < columns[k].size(); ++i) line.y.push_back(100 * (columns[k][i].*value));
        lines.push_back(line);
      }
    io::write_text(o.curves, svg_lines(lines, {.title = "Polynomials in the place of " + exact.text(),
                                               .x_name = "degree",
                                               .y_name = "test accuracy in percent"}));
    std::printf("\npicture: %s\n", o.curves.c_str());
  }
}

void run(const Options& o, support::Runs& runs) {
  const Activation exact = activation(o.activation);
  const int64_t highest = *std::max_element(o.degrees.begin(), o.degrees.end());
  const TaylorSeries series = taylor_series(exact, highest);
  const support::Images images =
      o.data.empty() ? support::glyphs(o.samples) : support::find_images(support::mnist(), o.data, false);
  std::printf("%s at 0: %s\n", exact.text().c_str(), terms_of(series.coefficients).c_str());
  std::printf("radius of convergence %.6g; on [-%g, %g]:\n\n", series.radius, o.interval, o.interval);
  std::printf("  degree   largest error\n");
  std::vector<Activation> polynomials;
  for (const int64_t degree : o.degrees) {
    const nn::Taylor layer(exact, degree, o.interval);
    polynomials.push_back(layer.polynomial());
    std::printf("  %6d   %13.2e\n", static_cast<int>(degree), layer.max_error());
  }

  const int64_t n = std::min(o.samples, images.train_images.size(0));
  const Tensor centre = mean(images.train_images.narrow(0, 0, n).flatten(1).to(f32), {0}, true);
  const Data data{.train_x = images.train_images.narrow(0, 0, n).flatten(1).to(f32) - centre,
                  .train_y = images.train_labels.narrow(0, 0, n),
                  .test_x = images.test_images.flatten(1).to(f32) - centre,
                  .test_y = images.test_labels};
  std::printf("\nTest accuracy in percent of a perceptron trained for %d epoch%s on %d images: %s.\n",
              static_cast<int>(o.epochs), o.epochs == 1 ? "" : "s", static_cast<int>(n), images.source.c_str());
  std::printf("  exact     trained with %s, the polynomial put in its place afterwards\n", exact.text().c_str());
  std::printf("  poly      trained with the polynomial\n");
  std::printf(
      "  outside   share of the neurons' inputs beyond the interval, in percent, of the network of that row\n\n");
  std::printf("            bounded weights              free weights\n");
  std::printf("  degree    exact    poly  outside       exact    poly  outside\n");

  std::vector<std::vector<Row>> columns(2);
  const auto train = [&](const Activation& f, const std::string& name, bool bounded) {
    train::Run* const record = runs.training((bounded ? "bounded-" : "free-") + name);
    if (record) record->describe({{"command", o.command}, {"seed", o.seed}, {"options", {{"activation", f.text()}}}});
    return trained(o, data, f, bounded, record);
  };
  for (const bool bounded : {true, false}) {
    Network reference = train(exact, "exact", bounded);
    std::vector<Row>& column = columns[bounded ? 0 : 1];
    const double best = accuracy(reference, data, exact);
    const double outside = share_outside(reference, data, exact, o.interval);
    column.push_back({best, best, outside});
    for (size_t i = 0; i < polynomials.size(); ++i) {
      const Activation& p = polynomials[i];
      Network own = train(p, std::to_string(o.degrees[i]), bounded);
      column.push_back({accuracy(reference, data, p), accuracy(own, data, p), share_outside(own, data, p, o.interval)});
    }
  }
  for (size_t i = 0; i < columns[0].size(); ++i) {
    std::printf("  %6s", i == 0 ? "none" : std::to_string(o.degrees[i - 1]).c_str());
    for (const auto& column : columns)
      std::printf("%s%7.2f %7.2f  %7.2f", &column == &columns[0] ? "  " : "     ", 100 * column[i].exact,
                  100 * column[i].polynomial, 100 * column[i].outside);
    std::printf("\n");
  }
  draw(o, exact, polynomials, columns);
  if (!runs.folder().empty()) std::printf("\nruns: %s\n", runs.folder().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options o = read_options(argc, argv);
    support::Runs runs(o.run, {.meters = false}, true, o.command);
    const int status = support::until_stopped("taylor", runs, [&] { run(o, runs); });
    support::finish_output();
    return status;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "taylor: %s\n", e.what());
    return 2;
  }
}
