// A surface over the unit square out of scattered points, with every radial function there is: interpolated in closed
// form, fitted by least squares on fewer centres, and trained. `radial-surface --help` lists the options.
#include <cairn/cairn.h>
#include <cairn/tensor/eigen.h>

#include <Eigen/QR>
#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <nlohmann/json.hpp>

#include "support/command.h"
#include "support/options.h"
#include "support/output.h"

using namespace cairn;

namespace {

struct Options {
  int64_t points, steps, grid;
  uint64_t seed;
  std::vector<int64_t> centres;
  double lr;
  support::RunPlace run;
  std::vector<std::string> command;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("radial-surface", "Fits Franke's surface with radial basis functions, kind by kind.");
  const auto text = [](const char* standard) { return cxxopts::value<std::string>()->default_value(standard); };
  // clang-format off
  all.add_options()
    ("points", "scattered points with known values", text("500"), "N")
    ("centres", "numbers of centres", text("25,50,100"), "N,…")
    ("steps", "of training", text("600"), "N")
    ("lr", "learning rate of Adam", text("0.003"), "X")
    ("grid", "points along a side of the test grid", text("41"), "N")
    ("seed", "of points, clusters and weights", text("1"), "N")
    ("h,help", "this text");
  // clang-format on
  support::add_run_options(all, "", "runs/radial-surface");
  const cxxopts::ParseResult found = support::parse_resumable(all, "radial-surface", argc, argv, {});
  if (found.count("help") > 0) {
    std::printf("%s", all.help().c_str());
    std::exit(0);
  }
  require<ValueError>(found.unmatched().empty(), "options", "takes no arguments but options");
  const auto of = [&](const char* name) { return found[name].as<std::string>(); };
  Options o{.points = support::number<int64_t>("points", of("points"), 10, 2000),
            .steps = support::number<int64_t>("steps", of("steps"), 0, 100'000),
            .grid = support::number<int64_t>("grid", of("grid"), 2, 500),
            .seed = support::number<uint64_t>("seed", of("seed"), 0, UINT64_MAX),
            .centres = support::numbers<int64_t>("centres", of("centres"), 3, o.points),
            .lr = support::number<double>("lr", of("lr"), 0, 10),
            .run = support::run_place(found, "runs/radial-surface"),
            .command = support::command_of("radial-surface", found)};
  require<ValueError>(!o.centres.empty(), "options", "--centres needs at least one number");
  return o;
}

// Franke, "Scattered data interpolation: tests of some methods", Mathematics of Computation 38, 1982: two peaks, a
// saddle and a dip on the unit square, values from 0 to 1.2.
Tensor franke(const Tensor& p) {
  const Tensor x = 9.0 * p.narrow(1, 0, 1), y = 9.0 * p.narrow(1, 1, 1);
  return 0.75 * exp(-(square(x - 2.0) + square(y - 2.0)) / 4.0) +
         0.75 * exp(-square(x + 1.0) / 49.0 - (y + 1.0) / 10.0) +
         0.5 * exp(-(square(x - 7.0) + square(y - 3.0)) / 4.0) - 0.2 * exp(-square(x - 4.0) - square(y - 7.0));
}

Tensor square_grid(int64_t side) {
  const Tensor along = linspace(0, 1, side, f64);
  const Shape both = {side, side};
  return stack({along.unsqueeze(1).expand(both).reshape({-1}), along.unsqueeze(0).expand(both).reshape({-1})}, 1);
}

double rms(const Tensor& difference) { return std::sqrt(mean(square(difference)).item<double>()); }

// All monomials of x and y of degree below `order`: 1, x, y, x², …
Tensor polynomials(const Tensor& p, int order) {
  const Tensor x = p.narrow(1, 0, 1), y = p.narrow(1, 1, 1);
  std::vector<Tensor> columns;
  for (int degree = 0; degree < order; ++degree)
    for (int i = 0; i <= degree; ++i) columns.push_back(pow(x, degree - i) * pow(y, i));
  return cat(columns, 1);
}

// Linear equations, or least squares where there are more of them than unknowns: by a QR decomposition with pivoting, on
// the tensors' own memory.
Tensor solve(const Tensor& a, const Tensor& b) {
  const Tensor rows = a.contiguous(), right = b.contiguous();
  return from_eigen(matrix_map<double>(rows).colPivHouseholderQr().solve(matrix_map<double>(right)));
}

// Widths that suit the function. The flatter it is on the scale of the centres the smoother is the surface, until the
// equations can no longer be told apart. Powers of r have no scale of their own.
struct Kind {
  const char* function;
  double width;    // for interpolation: one for all, as the theory has it
  double overlap;  // for fits: that factor times the distance of each centre to the nearest others
};
constexpr Kind kinds[] = {{"gaussian", 0.17, 2},
                          {"multiquadric", 0.25, 2},
                          {"inverse_multiquadric", 0.3, 2},
                          {"inverse_quadratic", 0.3, 2.5},
                          {"polyharmonic(3)", 1, 1},
                          {"polyharmonic(5)", 1, 1},
                          {"thin_plate", 1, 1},
                          {"wendland", 1.5, 10}};

// Interpolation: a centre on each of the points, and the weights from as many equations. Where the function is only
// conditionally positive definite, polynomials make the equations solvable, and weights orthogonal to them unique.
double interpolate(const Kind& kind, const Tensor& points, const Tensor& values, const Tensor& test) {
  const int64_t n = points.size(0);
  nn::RadialBasis basis(2, n, kind.function, {.width = kind.width, .dtype = f64});
  basis.centres.copy_(points);
  const int order = basis.function.order();
  Tensor equations = basis(points), right = values, features = basis(test);
  if (order > 0) {
    const Tensor p = polynomials(points, order), q = polynomials(basis.centres, order);
    const int64_t terms = p.size(1);
    equations = cat({cat({equations, p}, 1), cat({q.t(), zeros({terms, terms}, f64)}, 1)}, 0);
    right = cat({values, zeros({terms, 1}, f64)}, 0);
    features = cat({features, polynomials(test, order)}, 1);
  }
  return rms(matmul(features, solve(equations, right)) - franke(test));
}

// The network: radial functions, and a linear layer on top.
struct Surface : nn::Layer {
  nn::RadialBasis& basis;
  nn::Linear& out;
  Surface(const Kind& kind, int64_t centres)
      : basis(add("basis", nn::RadialBasis(2, centres, kind.function, {.dtype = f64}))),
        out(add("out", nn::Linear(centres, 1, {.dtype = f64}))) {}
  Tensor forward(const Tensor& x) override { return out(basis(x)); }

  // The best linear layer for the radial functions as they are: no training needed.
  void solve_output(const Tensor& points, const Tensor& values) {
    const NoGrad off;
    const Tensor weights = solve(cat({basis(points), ones({points.size(0), 1}, f64)}, 1), values);
    out.weight.copy_(weights.narrow(0, 0, basis.out).t());
    out.bias.copy_(weights[basis.out]);
  }
  double error(const Tensor& test) {
    const NoGrad off;
    return rms((*this)(test)-franke(test));
  }
};

// All points as every batch of an epoch, which is so many steps that checkpoints cost little.
struct Whole : data::Dataset {
  static constexpr int64_t steps = 500;
  Tensor points, values;
  Whole(const Tensor& points, const Tensor& values) : points(points), values(values) {}
  int64_t size() const override { return steps * points.size(0); }
  bool prefetches() const override { return false; }

 private:
  data::Batch make_batch(std::span<const int64_t>, int64_t) const override { return {points, values}; }
};

// Moves centres and widths, with all points in every step, and solves the output layer anew after every ten. Whether the
// loss stayed finite.
bool train_basis(Surface& surface, const Options& o, const Tensor& points, const Tensor& values, train::Run* run) {
  const Whole set(points, values);
  const data::DataLoader loader(set, {.batch_size = points.size(0)});
  optim::Adam optimizer(surface.basis.parameters(), {.lr = o.lr});
  surface.out.weight.requires_grad_(false), surface.out.bias.requires_grad_(false);
  train::Trainer trainer(surface, optimizer,
                         {.epochs = (o.steps + Whole::steps - 1) / Whole::steps,
                          .loss = [](const Tensor& y, const Tensor& t) { return mse_loss(y, t); },
                          .max_steps = o.steps,
                          .run = run,
                          .output = train::Output::silent});
  trainer.on_batch_end([&](const train::Progress& p) {
    if (p.batch % 10 == 0) surface.solve_output(points, values);
  });
  try {
    trainer.fit(loader);
  } catch (const ValueError&) {  // it has left for infinity
    return false;
  }
  if (trainer.end() == train::End::interrupted) throw support::Stopped();
  return true;
}

struct Errors {
  double solved, trained;
};

Errors fit(const Kind& kind, int64_t centres, const Options& o, const Tensor& points, const Tensor& values,
           const Tensor& test, support::Runs& runs) {
  manual_seed(o.seed);
  Surface surface(kind, centres);
  Generator generator(o.seed, "k-means");
  surface.basis.initialise_from(points, {.overlap = kind.overlap}, generator);
  surface.solve_output(points, values);
  Errors errors{.solved = surface.error(test), .trained = NAN};
  if (o.steps == 0) return {errors.solved, errors.solved};

  train::Run* const record = runs.training(kind.function + ("-" + std::to_string(centres)));
  if (record)
    record->describe({{"command", o.command},
                      {"seed", o.seed},
                      {"options", {{"function", kind.function}, {"centres", centres}, {"lr", o.lr}}}});
  if (!train_basis(surface, o, points, values, record)) return errors;
  surface.solve_output(points, values);
  errors.trained = surface.error(test);
  return errors;
}

void run(const Options& o, support::Runs& runs) {
  manual_seed(o.seed);
  const Tensor points = rand({o.points, 2}, f64), values = franke(points), test = square_grid(o.grid);
  const auto side = static_cast<int>(o.grid);
  std::printf("Franke's surface at %d random points of the unit square; errors are root mean squares on a grid of\n",
              static_cast<int>(o.points));
  std::printf("%d × %d points. The surface itself spreads by %.3f about its mean.\n\n", side, side,
              rms(values - mean(values)));

  std::printf("1. Interpolation: a centre on every point, weights from as many linear equations, nothing trained.\n\n");
  std::vector<int64_t> counts = o.centres;
  if (counts.back() != o.points) counts.push_back(o.points);
  std::printf("  %-22s", "points");
  for (const int64_t n : counts) std::printf("%12d", static_cast<int>(n));
  std::printf("\n");
  for (const Kind& kind : kinds) {
    std::printf("  %-22s", kind.function);
    for (const int64_t n : counts) {
      const NoGrad off;
      std::printf("%12.2e", interpolate(kind, points.narrow(0, 0, n), values.narrow(0, 0, n), test));
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  std::printf("\n2. Fewer centres than points: where k-means puts them, with the weights by least squares; and with\n");
  std::printf("   centres and widths trained from there, %d steps of Adam.\n\n", static_cast<int>(o.steps));
  std::printf("  %-22s", "centres");
  for (const int64_t n : o.centres) std::printf("%12d%12s", static_cast<int>(n), "trained");
  std::printf("\n");
  for (const Kind& kind : kinds) {
    std::printf("  %-22s", kind.function);
    for (const int64_t n : o.centres) {
      const Errors e = fit(kind, n, o, points, values, test, runs);
      std::printf("%12.2e%12.2e", e.solved, e.trained);
      std::fflush(stdout);
    }
    std::printf("\n");
  }
  if (!runs.folder().empty()) std::printf("\nruns: %s\n", runs.folder().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options o = read_options(argc, argv);
    support::Runs runs(o.run, {.meters = false}, true, o.command);
    const int status = support::until_stopped("radial-surface", runs, [&] { run(o, runs); });
    support::finish_output();
    return status;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "radial-surface: %s\n", e.what());
    return 2;
  }
}
