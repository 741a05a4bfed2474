#include "cairn/optim/make_optimizer.h"

#include "cairn/optim/adadelta.h"
#include "cairn/optim/adagrad.h"
#include "cairn/optim/adam.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/nadam.h"
#include "cairn/optim/radam.h"
#include "cairn/optim/rmsprop.h"
#include "cairn/optim/sgd.h"

namespace cairn::optim {
namespace {

template <class T>
std::unique_ptr<Optimizer> make(ParameterList parameters, const CommonOptions& common) {
  typename T::Options options;
  if (common.lr) options.lr = *common.lr;
  if (common.weight_decay) options.weight_decay = *common.weight_decay;
  if constexpr (requires { options.momentum; }) {
    if (common.momentum) options.momentum = *common.momentum;
  } else {
    require<ValueError>(!common.momentum, T::type_name, "has no option momentum; leave it out");
  }
  return std::make_unique<T>(std::move(parameters), options);
}

struct Row {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(ParameterList, const CommonOptions&);
};
constexpr Row table[] = {
    {"sgd", make<SGD>},         {"adam", make<Adam>},         {"adamw", make<AdamW>}, {"rmsprop", make<RMSprop>},
    {"adagrad", make<Adagrad>}, {"adadelta", make<Adadelta>}, {"nadam", make<NAdam>}, {"radam", make<RAdam>},
};

}  // namespace

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Row& row : table) names.emplace_back(row.name);
  return names;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, ParameterList parameters, CommonOptions options) {
  for (const Row& row : table)
    if (name == row.name) return row.make(std::move(parameters), options);
  fail_unknown("optimizer", name, optimizer_names());
}

}  // namespace cairn::optim
