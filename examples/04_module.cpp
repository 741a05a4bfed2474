// Lesson 4: a module of your own. Parameters and children that register themselves, modes, and state.
#include <cairn/cairn.h>

#include <iostream>

using namespace cairn;

namespace {

// Two layers and a way around them. Declaring a member with add() or parameter() is registering it: there is no second
// list in which one could be forgotten.
struct Block : nn::Layer {
  nn::Linear& wide;
  nn::Linear& back;
  nn::Dropout& dropout = add("dropout", nn::Dropout(0.1));
  Tensor& scale;  // learned, one number a feature; weight decay makes no sense for it

  explicit Block(int64_t size)
      : wide(add("wide", nn::Linear(size, 4 * size))),
        back(add("back", nn::Linear(4 * size, size))),
        scale(parameter("scale", full({size}, 0.5), {.decay = false})) {}

  Tensor forward(const Tensor& x) override { return x + scale * dropout(back(gelu(wide(x)))); }
};

nn::Sequential make_model() { return nn::Sequential(nn::Linear(4, 16), Block(16), Block(16), nn::Linear(16, 3)); }

}  // namespace

int main() {
  manual_seed(1);
  nn::Sequential model = make_model();
  std::cout << nn::summary(model) << "\n";

  // Every parameter has a dotted name. Optimisers take the whole list, or groups of it with options of their own.
  for (const nn::Parameter& p : model.named_parameters())
    if (p.name.starts_with("1."))
      std::cout << p.name << "  " << p.tensor.shape() << (p.decay ? "" : "  (no weight decay)") << "\n";
  std::cout << "\n";

  // Some layers behave differently while training: dropout strikes numbers out. eval() switches the whole tree.
  const Tensor x = randn({1, 4});
  const NoGrad no_grad;
  std::cout << "training, twice: " << model(x) << " " << model(x) << "\n";
  model.eval();
  std::cout << "evaluating, twice: " << model(x) << " " << model(x) << "\n\n";

  // The state is a map from names to tensors: what a file holds, and what another model of the same form takes.
  const nn::StateDict state = model.state_dict();
  nn::Sequential twin = make_model();
  std::cout << "equal before loading: " << (nn::checksum(twin) == nn::checksum(model) ? "yes" : "no");
  twin.load_state_dict(state);
  std::cout << ", after loading: " << (nn::checksum(twin) == nn::checksum(model) ? "yes" : "no") << "\n";

  // What does not fit is reported by name, and nothing is changed.
  nn::Sequential other(nn::Linear(4, 16), nn::Linear(16, 2));
  try {
    other.load_state_dict(state);
  } catch (const Error& e) {
    std::cout << "into another model: " << std::string(e.what()).substr(0, 160) << " …\n";
  }
}
