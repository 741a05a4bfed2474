#include "support/experiment.h"

#include <cairn/cairn.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

namespace support {

using namespace cairn;

nn::Sequential make_network(const Experiment& e) {
  manual_seed(e.seed);
  nn::Sequential network;
  for (size_t i = 0; i + 1 < e.widths.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    nn::Linear linear(e.widths[i], e.widths[i + 1]);
    if (e.init != "usual") {
      const NoGrad no_grad;
      // What feeds a layer went through the activation, but for the first one.
      nn::init::kaiming_normal_(
          linear.weight, {.nonlinearity = i == 0 || e.init == "unit" ? "linear" : std::string_view(e.activation)});
      if (e.init == "unit") linear.weight.copy_(linear.weight / norm(linear.weight, 2, {1}, true));
      linear.bias.fill_(0);
    }
    network.push_back("linear" + number, std::move(linear));
    if (i + 2 == e.widths.size()) break;
    network.push_back("activation" + number, nn::Activation(e.activation));
    if (e.dropout > 0) network.push_back("dropout" + number, nn::Dropout(e.dropout));
  }
  return network;
}

std::vector<double> gradient_norms(nn::Sequential& network, const data::Batch& batch, const train::Loss& loss) {
  network.zero_grad();
  const Tensor outputs = network(batch.x);
  (loss ? loss(outputs, batch.y) : cross_entropy(outputs, batch.y)).backward();
  std::vector<double> norms;
  for (const nn::Parameter& p : network.parameters())
    if (p.name.ends_with("weight") && p.tensor.dim() == 2)
      norms.push_back(p.tensor.grad().defined() ? norm(p.tensor.grad().to(f64)).item<double>() : 0.0);
  network.zero_grad();
  return norms;
}

Outcome run(const Experiment& e, const data::Dataset& train_set, const data::Dataset& test_set) {
  nn::Sequential network = make_network(e);
  const auto optimizer = optim::make_optimizer(e.optimizer, network.parameters(), {.lr = e.lr});
  const data::DataLoader train_loader(train_set, {.batch_size = e.batch_size, .shuffle = true, .seed = e.seed}),
      test_loader(test_set, {.batch_size = 1000});
  train::Trainer trainer(network, *optimizer,
                         {.epochs = e.epochs, .loss = e.loss, .run = e.record, .output = train::Output::silent});
  Outcome outcome;
  try {
    trainer.fit(train_loader);
    outcome.end = trainer.end();
  } catch (const ValueError&) {  // the loss is not finite
    outcome.diverged = true;
  }
  outcome.history = trainer.history();
  double seconds = 0, steps = 0;
  for (const train::EpochResult& r : outcome.history)
    if (r.seconds > 0) seconds += r.seconds, steps += static_cast<double>(train_loader.batches());
  outcome.seconds_a_step = steps > 0 ? seconds / steps : 0;
  if (outcome.end == train::End::interrupted) return outcome;
  outcome.test = train::evaluate(network, test_loader, e.loss);
  if (e.record) e.record->log("test", {{"loss", outcome.test.loss}, {"accuracy", outcome.test.accuracy}});
  std::vector<int64_t> first(static_cast<size_t>(std::min<int64_t>(test_set.size(), 2000)));
  for (size_t i = 0; i < first.size(); ++i) first[i] = static_cast<int64_t>(i);
  const data::Batch sample = test_set.gather(first);
  std::vector<double> dead;
  for (const nn::ActivationMeter& a : nn::measure(network, sample.x).activations) dead.push_back(a.dead);
  outcome.dead = mean_of(dead);
  network.eval();
  outcome.first_gradient = gradient_norms(network, sample, e.loss)[0];
  return outcome;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

double mean_of(const std::vector<double>& values) {
  double total = 0;
  for (const double v : values) total += v;
  return values.empty() ? 0 : total / static_cast<double>(values.size());
}

double spread_of(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = mean_of(values);
  double total = 0;
  for (const double v : values) total += (v - mean) * (v - mean);
  return std::sqrt(total / static_cast<double>(values.size() - 1));
}

}  // namespace support
