// The lines of the catalogue that are compiled into loops of their own.
#include "cairn/activation/catalogue.h"

#include "activation/formulas.h"

namespace cairn {

#define CAIRN_ALPHABET(...)
#define CAIRN_FORMULA(...)
#define CAIRN_FOLD(...)
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source, ...)                                                \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                                            \
    return elementwise(                                                                                               \
        #name,                                                                                                        \
        [=](const auto& v) { return formulas::name##_formula::of(v CAIRN_EACH(CAIRN_AS_ARGUMENT, parameters)); }, x); \
  }
#define CAIRN_RECTIFIER(name, family, parameters, kinks, source, ...)                                                 \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                                            \
    return detail::rectifier(                                                                                         \
        #name,                                                                                                        \
        [=](const auto& v) { return formulas::name##_formula::of(v CAIRN_EACH(CAIRN_AS_ARGUMENT, parameters)); }, x); \
  }
#define CAIRN_OVERLOAD(name, family, parameters, kinks, source, ...)                                                  \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                                            \
    if (true CAIRN_EACH(CAIRN_AS_DEFAULT, parameters)) return name(x);                                                \
    return elementwise(                                                                                               \
        #name,                                                                                                        \
        [=](const auto& v) { return formulas::name##_formula::of(v CAIRN_EACH(CAIRN_AS_ARGUMENT, parameters)); }, x); \
  }
#include "cairn/activation/catalogue.h"

}  // namespace cairn
