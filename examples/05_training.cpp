// Lesson 5: training, first by hand, then with the Trainer. Two spirals are to be told apart.
#include <cairn/cairn.h>

#include <cmath>
#include <cstdio>

using namespace cairn;

namespace {

constexpr double pi = 3.14159265358979;

// n points (n, 2) on two spirals, and which of them each belongs to (n,).
std::pair<Tensor, Tensor> spirals(int64_t n) {
  const Tensor labels = randint(0, 2, {n});
  const Tensor turn = rand({n}) * 1.5 + 0.25;
  const Tensor angle = turn * (2 * pi) + labels.to(f32) * pi;
  const Tensor points = stack({turn * cos(angle), turn * sin(angle)}, 1);
  return {points + randn({n, 2}) * 0.03, labels};
}

nn::Sequential make_model() {
  manual_seed(2);  // the same first weights every time
  return nn::Sequential(nn::Linear(2, 64), nn::Activation("gelu"), nn::Linear(64, 64), nn::Activation("gelu"),
                        nn::Linear(64, 2));
}

// What the model takes each point of the plane for.
void draw(nn::Sequential& model) {
  const NoGrad no_grad;
  constexpr int64_t rows = 19, columns = 44;
  const Tensor y = linspace(1.8, -1.8, rows).unsqueeze(1).expand({rows, columns});
  const Tensor x = linspace(-1.9, 1.9, columns).unsqueeze(0).expand({rows, columns});
  const Tensor side = argmax(model(stack({x, y}, 2).reshape({rows * columns, 2})), 1).reshape({rows, columns});
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) std::putchar(side[r][c].item<int64_t>() == 0 ? '.' : '#');
    std::putchar('\n');
  }
}

}  // namespace

int main() {
  manual_seed(1);
  const auto [points, labels] = spirals(2000);
  const auto [new_points, new_labels] = spirals(1000);  // never trained on
  const data::TensorDataset train_set(points, labels), test_set(new_points, new_labels);
  const data::DataLoader loader(train_set, {.batch_size = 100, .shuffle = true, .seed = 1});
  const data::DataLoader test_loader(test_set, {.batch_size = 500});

  std::puts("By hand:");
  nn::Sequential by_hand = make_model();
  {
    optim::AdamW optimizer(by_hand.parameters(), {.lr = 1e-2});
    const int64_t epochs = 40;
    // The learning rate falls along half a cosine; a step of the schedule is a step of the optimiser.
    optim::LRScheduler scheduler(optimizer, optim::schedule::cosine({.t_max = epochs * loader.batches()}));
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      double total = 0;
      for (const auto& [x, y] : loader.epoch(epoch)) {
        const Tensor loss = cross_entropy(by_hand(x), y);  // forward
        optimizer.zero_grad();                             // gradients add up, so begin with none
        loss.backward();                                   // how the loss changes with each weight
        optimizer.step();                                  // a step downhill
        scheduler.step();
        total += loss.item<double>();
      }
      if (epoch % 10 == 9)
        std::printf("  epoch %2d  loss %.4f\n", static_cast<int>(epoch + 1),
                    total / static_cast<double>(loader.batches()));
    }
  }

  std::puts("With the Trainer:");
  nn::Sequential with_trainer = make_model();
  {
    optim::AdamW optimizer(with_trainer.parameters(), {.lr = 1e-2});
    train::Trainer trainer(with_trainer, optimizer,
                           {.epochs = 40,
                            .schedule = optim::schedule::cosine({.t_max = 40 * loader.batches()}),
                            .output = train::Output::silent});
    trainer.fit(loader);
  }
  std::printf("  the same weights to the last bit: %s\n\n",
              nn::checksum(by_hand) == nn::checksum(with_trainer) ? "yes" : "no");

  const train::Evaluation test = train::evaluate(by_hand, test_loader);
  std::printf("accuracy on new points: %.1f %%. How it sees the plane:\n", 100 * test.accuracy);
  draw(by_hand);
  return nn::checksum(by_hand) == nn::checksum(with_trainer) && test.accuracy > 0.95 ? 0 : 1;
}
