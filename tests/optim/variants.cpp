#include "optim/variants.h"

#include "cairn/optim/adadelta.h"
#include "cairn/optim/adagrad.h"
#include "cairn/optim/adam.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/nadam.h"
#include "cairn/optim/radam.h"
#include "cairn/optim/rmsprop.h"
#include "cairn/optim/sgd.h"

namespace cairn {

template <class T>
static Variant row(const char* name, typename T::Options options) {
  return {name, [options](optim::ParameterList p) { return std::make_unique<T>(std::move(p), options); }};
}

const std::vector<Variant>& variants() {
  static const std::vector<Variant> table{
      row<optim::SGD>("sgd", {.lr = 0.05, .weight_decay = 0.1}),
      row<optim::SGD>("sgd momentum", {.lr = 0.05, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.1}),
      row<optim::SGD>("sgd nesterov", {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true}),
      row<optim::Adam>("adam", {.lr = 0.05, .weight_decay = 0.1}),
      row<optim::Adam>("adam amsgrad", {.lr = 0.05, .weight_decay = 0.1, .amsgrad = true}),
      row<optim::AdamW>("adamw", {.lr = 0.05, .weight_decay = 0.1}),
      row<optim::AdamW>("adamw amsgrad", {.lr = 0.05, .weight_decay = 0.1, .amsgrad = true}),
      row<optim::RMSprop>("rmsprop", {.lr = 0.01, .weight_decay = 0.1}),
      row<optim::RMSprop>("rmsprop momentum", {.lr = 0.01, .weight_decay = 0.1, .momentum = 0.9}),
      row<optim::RMSprop>("rmsprop centered", {.lr = 0.01, .weight_decay = 0.1, .centered = true}),
      row<optim::RMSprop>("rmsprop both", {.lr = 0.01, .weight_decay = 0.1, .momentum = 0.9, .centered = true}),
      row<optim::Adagrad>("adagrad",
                          {.lr = 0.1, .lr_decay = 0.1, .weight_decay = 0.1, .initial_accumulator_value = 0.5}),
      row<optim::Adadelta>("adadelta", {.lr = 1, .eps = 1e-3, .weight_decay = 0.1}),
      row<optim::NAdam>("nadam", {.lr = 0.05, .weight_decay = 0.1}),
      row<optim::RAdam>("radam", {.lr = 0.05, .weight_decay = 0.1}),
  };
  return table;
}

Tensor leaf(const Tensor& t, const Tensor& gradient) {
  Tensor w = t.detach().clone().requires_grad_();
  if (gradient.defined()) w.set_grad(gradient);
  return w;
}

}  // namespace cairn
