// The catalogue of activations: one line each, and nothing else is written about one anywhere.
//
//   CAIRN_ACTIVATION(name, family, (parameter, default, …), kinks(…), source("…"), formula)
//
//   name        of the free function name(x, parameter = default, …), of the recorded operation and of the text form
//   kinks       where the slope jumps; may name parameters
//   formula     in x and the parameters, written in the scalar alphabet (math/functions.h). Both sides of a where are
//               computed; gate(x, s) is x · s with its limits at ±infinity
//
// CAIRN_ALPHABET is the same for a function that already is one of the alphabet: no second operation is made of it.
//
// The table is expanded by whoever defines the macros and includes it (activation.h for declarations,
// src/activation/catalogue.cpp for everything else), hence no include guard.

#ifndef CAIRN_ACTIVATION
#include "cairn/activation/activation.h"
#else

// clang-format off
CAIRN_ALPHABET(identity, "linear", (), kinks(), source("no activation"), x)

// relu' is 0 at 0, and NaN is handed on: hence not maximum(x, 0), and not x > 0.
CAIRN_ACTIVATION(relu, "rectifier", (), kinks(0), source("Nair & Hinton 2010"),
                 where(x <= 0.0, 0.0, x))
CAIRN_ACTIVATION(leaky_relu, "rectifier", (negative_slope, 0.01), kinks(0), source("Maas et al. 2013"),
                 where(x > 0.0, x, negative_slope * x))
CAIRN_ACTIVATION(elu, "exponential", (alpha, 1.0), kinks(0), source("Clevert et al. 2015, arXiv:1511.07289"),
                 where(x > 0.0, x, alpha * expm1(minimum(x, 0.0))))
CAIRN_ACTIVATION(selu, "exponential", (), kinks(0), source("Klambauer et al. 2017, arXiv:1706.02515"),
                 1.0507009873554804934 * where(x > 0.0, x, 1.6732632423543772848 * expm1(minimum(x, 0.0))))

CAIRN_ACTIVATION(gelu, "gated", (), kinks(), source("Hendrycks & Gimpel 2016, arXiv:1606.08415"),
                 gate(x, normal_cdf(x)))
// ½ x (1 + tanh u) as x sigmoid(2u), which loses no digits on the left; the bounds keep x³ finite.
CAIRN_ACTIVATION(gelu_tanh, "gated", (), kinks(), source("Hendrycks & Gimpel 2016, arXiv:1606.08415"),
                 gate(x, sigmoid(clamp(x, -1000.0, 1000.0) *
                                 (1.5957691216057307117 + 0.071354816272600264 * square(clamp(x, -1000.0, 1000.0))))))
CAIRN_ACTIVATION(silu, "gated", (), kinks(), source("Elfwing et al. 2017, arXiv:1702.03118"),
                 gate(x, sigmoid(x)))
CAIRN_ACTIVATION(mish, "gated", (), kinks(), source("Misra 2019, arXiv:1908.08681"),
                 gate(x, tanh(softplus(x))))

CAIRN_ALPHABET(softplus, "rectifier", (), kinks(), source("Dugas et al. 2001"), softplus(x))
CAIRN_ALPHABET(sigmoid, "sigmoid", (), kinks(), source("Verhulst 1838"), sigmoid(x))
CAIRN_ALPHABET(tanh, "sigmoid", (), kinks(), source("LeCun et al. 1998, Efficient BackProp"), tanh(x))
// clang-format on

#endif
