// The catalogue of activations: one line each, and nothing else is written about one anywhere.
//
//   CAIRN_ACTIVATION(name, family, (parameter, default, …), kinks(…), source("…"), formula)
//
//   name        of the free function name(x, parameter = default, …), of the recorded operation and of the text form
//   family      ridge, radial, or learnable(factor on the learning rate of its parameters)
//   kinks       where the function or its slope jumps; may name parameters. only_if(condition, …) is for those that come
//               and go with them, searched() for those that the formula shall be searched for
//   source      who described it; then, where the formula below hides it behind precautions, how it is usually written
//   formula     in x and the parameters, written in the scalar alphabet (math/functions.h). Both sides of a where are
//               computed; gate(x, s) is x · s with its limits at ±infinity
//
// CAIRN_RECTIFIER is the same for one whose slope at f(x) is that at x: what is kept for backward is its output, and the
// memory of its input is free.
// CAIRN_FORMULA is the same for one that is used less: it runs as a formula read at run time would (formula.h), up to half
// as fast again, and leaves programs small.
// CAIRN_ALPHABET is the same for a function that already is one of the alphabet: no second operation is made of it.
// CAIRN_OVERLOAD is one that is so when its parameters have their defaults.
// CAIRN_FOLD(name, (parameter, default, …), source("…", "usual form"), expression) is a function of many inputs at once:
// its expression is one of tensors.
//
// The table is expanded by whoever defines the macros and includes it (activation.h for declarations,
// src/activation/catalogue.cpp for everything else), hence no include guard. It ends their definitions.

#ifndef CAIRN_ACTIVATION
#include "cairn/activation/activation.h"
#else

// clang-format off
CAIRN_ALPHABET(identity, ridge, (), kinks(), source("no activation"), x)
CAIRN_FORMULA(step, ridge, (), kinks(0), source("McCulloch & Pitts 1943"),
                 where(x < 0.0, 0.0, where(x >= 0.0, 1.0, x)))

// ---- piecewise linear ----

// relu' is 0 at 0, and NaN is handed on: hence not maximum(x, 0), and not x > 0.
CAIRN_RECTIFIER(relu, ridge, (), kinks(0), source("Nair & Hinton 2010"),
                 where(x <= 0.0, 0.0, x))
CAIRN_RECTIFIER(relu6, ridge, (), kinks(0, 6), source("Krizhevsky 2010, Convolutional deep belief networks"),
                 where(x <= 0.0, 0.0, where(x >= 6.0, 6.0, x)))
CAIRN_RECTIFIER(leaky_relu, ridge, (negative_slope, 0.01), only_if(negative_slope != 1, 0), source("Maas et al. 2013"),
                 where(x > 0.0, x, negative_slope * x))
// With the mean of the slopes that training draws, as in evaluation; nn::RReLU draws them.
CAIRN_FORMULA(rrelu, ridge, (lower, 0.125, upper, 0.3333333333333333), only_if(lower + upper != 2, 0), source("Xu et al. 2015, arXiv:1505.00853"),
                 where(x > 0.0, x, 0.5 * (lower + upper) * x))
CAIRN_RECTIFIER(hardtanh, ridge, (min_val, -1.0, max_val, 1.0), kinks(min_val, max_val), source("Collobert 2004"),
                 where(x <= min_val, min_val, where(x >= max_val, max_val, x)))
CAIRN_FORMULA(hardsigmoid, ridge, (), kinks(-3, 3), source("Courbariaux et al. 2015, arXiv:1511.00363"),
                 where(x <= -3.0, 0.0, where(x >= 3.0, 1.0, x / 6.0 + 0.5)))
CAIRN_ACTIVATION(hardswish, ridge, (), kinks(-3, 3), source("Howard et al. 2019, arXiv:1905.02244"),
                 where(x <= -3.0, 0.0, where(x >= 3.0, x, clamp(x, -3.0, 3.0) * (clamp(x, -3.0, 3.0) + 3.0) / 6.0)))
CAIRN_FORMULA(hardshrink, ridge, (lambd, 0.5), only_if(lambd > 0, -lambd, lambd), source("Donoho & Johnstone 1994"),
                 where(abs(x) <= lambd, 0.0, x))
CAIRN_FORMULA(softshrink, ridge, (lambd, 0.5), only_if(lambd > 0, -lambd, lambd), source("Donoho 1995"),
                 where(abs(x) <= lambd, 0.0, where(x > 0.0, x - lambd, x + lambd)))
CAIRN_FORMULA(threshold, ridge, (threshold, 1.0, value, 0.0), kinks(threshold), source("Konda et al. 2014, arXiv:1402.3337"),
                 where(x <= threshold, value, x))

// ---- exponential ----

CAIRN_ACTIVATION(elu, ridge, (alpha, 1.0), only_if(alpha != 1, 0), source("Clevert et al. 2015, arXiv:1511.07289"),
                 where(x > 0.0, x, alpha * expm1(minimum(x, 0.0))))
CAIRN_ACTIVATION(selu, ridge, (), kinks(0), source("Klambauer et al. 2017, arXiv:1706.02515"),
                 1.0507009873554804934 * where(x > 0.0, x, 1.6732632423543772848 * expm1(minimum(x, 0.0))))
CAIRN_FORMULA(celu, ridge, (alpha, 1.0), kinks(), source("Barron 2017, arXiv:1704.07483"),
                 where(x > 0.0, x, alpha * expm1(minimum(x, 0.0) / alpha)))
CAIRN_ALPHABET(exp, ridge, (), kinks(), source("exponential"), exp(x))

// ---- x times a gate of its own ----

CAIRN_ACTIVATION(gelu, ridge, (), kinks(), source("Hendrycks & Gimpel 2016, arXiv:1606.08415"),
                 gate(x, normal_cdf(x)))
CAIRN_ACTIVATION(gelu_tanh, ridge, (), kinks(), source("Hendrycks & Gimpel 2016, arXiv:1606.08415", "x * sigmoid(1.595769 * x + 0.0713548 * x^3)"),
                 gate(x, normal_cdf_tanh(x)))
CAIRN_FORMULA(gelu_sigmoid, ridge, (), kinks(), source("Hendrycks & Gimpel 2016, arXiv:1606.08415"),
                 gate(x, sigmoid(1.702 * x)))
CAIRN_ACTIVATION(silu, ridge, (), kinks(), source("Elfwing et al. 2017, arXiv:1702.03118"),
                 gate(x, sigmoid(x)))
CAIRN_ACTIVATION(swish, ridge, (beta, 1.0), kinks(), source("Ramachandran et al. 2017, arXiv:1710.05941"),
                 gate(x, sigmoid(beta * x)))
// With s = sigmoid(x), 1 + eˣ is 1 / (1 - s), and tanh log of it takes one exponential instead of two and a logarithm.
CAIRN_ACTIVATION(mish, ridge, (), kinks(), source("Misra 2019, arXiv:1908.08681", "x * tanh(softplus(x))"),
                 gate(x, sigmoid(x) * (2.0 - sigmoid(x)) / (1.0 + square(1.0 - sigmoid(x)))))
CAIRN_FORMULA(serf, ridge, (), kinks(), source("Nag et al. 2021, arXiv:2108.09598"),
                 gate(x, erf(softplus(x))))
CAIRN_FORMULA(telu, ridge, (), kinks(), source("Fernandez & Mali 2024, arXiv:2412.20269", "x * tanh(exp(x))"),
                 gate(x, tanh(exp(minimum(x, 10.0)))))
CAIRN_FORMULA(logish, ridge, (), kinks(), source("Zhu et al. 2021", "x * log(1 + sigmoid(x))"),
                 gate(x, log1p(sigmoid(x))))
CAIRN_FORMULA(lisht, ridge, (), kinks(), source("Roy et al. 2019, arXiv:1901.05894"),
                 gate(x, tanh(x)))
CAIRN_FORMULA(elish, ridge, (), kinks(), source("Basirat & Roth 2018, arXiv:1808.00783"),
                 where(x > 0.0, gate(x, sigmoid(x)), expm1(minimum(x, 0.0)) * sigmoid(x)))

// ---- smooth rectifiers ----

CAIRN_OVERLOAD(softplus, ridge, (beta, 1.0), kinks(), source("Dugas et al. 2001"), softplus(beta * x) / beta)
CAIRN_FORMULA(squareplus, ridge, (b, 4.0), kinks(), source("Barron 2021, arXiv:2112.11687", "(x + sqrt(x^2 + b)) / 2"),
                 where(x > 0.0, 0.5 * x + 0.5 * root(x, b), 0.5 * b / (root(x, b) - minimum(x, 0.0))))
CAIRN_FORMULA(smelu, ridge, (beta, 2.0), kinks(), source("Shamir et al. 2022, arXiv:2202.06499"),
                 where(x <= -beta, 0.0, where(x >= beta, x, square(x + beta) / (4.0 * beta))))
CAIRN_FORMULA(squared_relu, ridge, (), kinks(), source("So et al. 2021, arXiv:2109.08668"),
                 where(x <= 0.0, 0.0, square(x)))
CAIRN_FORMULA(star_relu, ridge, (scale, 0.8944271909999159, bias, -0.4472135954999579), kinks(), source("Yu et al. 2022, arXiv:2210.13452"),
                 scale * where(x <= 0.0, 0.0, square(x)) + bias)
CAIRN_FORMULA(isrlu, ridge, (alpha, 1.0), kinks(), source("Carlile et al. 2017, arXiv:1710.09967", "where(x >= 0, x, x / sqrt(1 + alpha * x^2))"),
                 where(x >= 0.0, x, clamp(x, -1e9, 0.0) * rsqrt(1.0 + alpha * square(clamp(x, -1e9, 0.0)))))
CAIRN_FORMULA(bent_identity, ridge, (), kinks(), source("folklore", "(sqrt(x^2 + 1) - 1) / 2 + x"),
                 where(x < -1e9, 0.5 * x, where(x > 1e9, 1.5 * x,
                       x + 0.5 * square(clamp(x, -1e9, 1e9)) / (root(x, 1.0) + 1.0))))

// ---- bounded ----

CAIRN_ALPHABET(sigmoid, ridge, (), kinks(), source("Verhulst 1838"), sigmoid(x))
CAIRN_ALPHABET(log_sigmoid, ridge, (), kinks(), source("logarithm of sigmoid"), log_sigmoid(x))
CAIRN_ALPHABET(tanh, ridge, (), kinks(), source("LeCun et al. 1998, Efficient BackProp"), tanh(x))
CAIRN_FORMULA(tanhshrink, ridge, (), kinks(), source("PyTorch", "x - tanh(x)"),
                 where(abs(x) < 1.0, x * square(clamp(x, -1.0, 1.0)) / (tanh_fraction(square(clamp(x, -1.0, 1.0))) + square(clamp(x, -1.0, 1.0))),
                       x - tanh(x)))
CAIRN_FORMULA(penalized_tanh, ridge, (a, 0.25), only_if(a != 1, 0), source("Xu et al. 2016, arXiv:1602.05980"),
                 where(x > 0.0, tanh(x), a * tanh(x)))
CAIRN_FORMULA(softsign, ridge, (), kinks(), source("Turian et al. 2009", "x / (1 + abs(x))"),
                 clamp(x, -1e17, 1e17) / (1.0 + abs(clamp(x, -1e17, 1e17))))
CAIRN_FORMULA(isru, ridge, (alpha, 1.0), kinks(), source("Carlile et al. 2017, arXiv:1710.09967", "x / sqrt(1 + alpha * x^2)"),
                 clamp(x, -1e9, 1e9) * rsqrt(1.0 + alpha * square(clamp(x, -1e9, 1e9))))
CAIRN_FORMULA(arctan, ridge, (), kinks(), source("arc tangent"), atan(x))
CAIRN_ALPHABET(erf, ridge, (), kinks(), source("error function"), erf(x))

// ---- periodic ----

CAIRN_OVERLOAD(sin, ridge, (omega, 1.0), kinks(), source("Sitzmann et al. 2020, arXiv:2006.09661 (SIREN)"), sin(omega * x))
CAIRN_FORMULA(snake, ridge, (a, 1.0), kinks(), source("Liu et al. 2020, arXiv:2006.08195", "x + sin(a * x)^2 / a"),
                 x + square(sin(where(isfinite(a * x), a * x, 0.0))) / a)
CAIRN_FORMULA(sinc, ridge, (), kinks(), source("Whittaker 1915", "sin(x) / x"),
                 where(abs(x) < 1.0, sinc_series(square(clamp(x, -1.0, 1.0))),
                       where(abs(x) == INFINITY, 0.0, sin(x) / where(abs(x) < 1.0, 1.0, x))))

// ---- radial: even functions of a distance ----

CAIRN_ALPHABET(gaussian, radial, (), kinks(), source("Broomhead & Lowe 1988"), gaussian(x))
CAIRN_FORMULA(multiquadric, radial, (), kinks(), source("Hardy 1971", "sqrt(1 + x^2)"), root(x, 1.0))
CAIRN_FORMULA(inverse_multiquadric, radial, (), kinks(), source("Hardy 1971", "1 / sqrt(1 + x^2)"),
                 where(abs(x) <= 1.0, rsqrt(1.0 + square(clamp(x, -1.0, 1.0))),
                       inverse(x) * rsqrt(1.0 + square(inverse(x)))))
CAIRN_FORMULA(inverse_quadratic, radial, (), kinks(), source("Fasshauer 2007", "1 / (1 + x^2)"),
                 where(abs(x) <= 1.0, 1.0 / (1.0 + square(clamp(x, -1.0, 1.0))),
                       square(inverse(x)) / (1.0 + square(inverse(x)))))

// ---- learnable: their parameters are trained ----

CAIRN_FORMULA(prelu, learnable(1), (weight, 0.25), only_if(weight != 1, 0), source("He et al. 2015, arXiv:1502.01852"),
                 where(x > 0.0, x, weight * x))
CAIRN_FORMULA(learnable_swish, learnable(1), (beta, 1.0), kinks(), source("Ramachandran et al. 2017, arXiv:1710.05941"),
                 gate(x, sigmoid(beta * x)))
CAIRN_FORMULA(learnable_snake, learnable(1), (a, 1.0), kinks(), source("Liu et al. 2020, arXiv:2006.08195", "x + sin(a * x)^2 / a"),
                 x + square(sin(where(isfinite(a * x), a * x, 0.0))) / a)
// Begins near gelu; nn::Rational makes others.
CAIRN_FORMULA(rational, learnable(1), (a0, -0.001180324653, a1, 0.5000000001, a2, 0.4076319659, a3, 0.1062691807, a4, 0.008585372326, a5, 4.999996681e-05, b1, 0.0, b2, 0.2125383617, b3, 0.0, b4, 0.0001), searched(),
                 source("Molina et al. 2019, arXiv:1907.06732", "(a0 + a1 x + ... + a5 x^5) / (1 + |b1 x + ... + b4 x^4|)"),
                 rational_function(x, a0, a1, a2, a3, a4, a5, b1, b2, b3, b4))

// ---- folds ----

CAIRN_FOLD(softmax, (dim, -1), source("Bridle 1990", "exp(x) / sum(exp(x))"), softmax(x, whole(dim)))
CAIRN_FOLD(log_softmax, (dim, -1), source("logarithm of softmax", "x - logsumexp(x)"), log_softmax(x, whole(dim)))
CAIRN_FOLD(softmin, (dim, -1), source("softmax of -x", "exp(-x) / sum(exp(-x))"), softmin(x, whole(dim)))
CAIRN_FOLD(logsumexp, (dim, -1), source("smooth maximum", "log(sum(exp(x)))"), logsumexp(x, {whole(dim)}))
CAIRN_FOLD(max, (dim, -1), source("largest element", "max(x)"), amax(x, {whole(dim)}))
CAIRN_FOLD(min, (dim, -1), source("smallest element", "min(x)"), amin(x, {whole(dim)}))
CAIRN_FOLD(mean, (dim, -1), source("arithmetic mean", "sum(x) / n"), mean(x, {whole(dim)}))
CAIRN_FOLD(sparsemax, (dim, -1), source("Martins & Astudillo 2016, arXiv:1602.02068", "the probabilities nearest to x"), sparsemax(x, whole(dim)))
CAIRN_FOLD(maxout, (pieces, 2, dim, 1), source("Goodfellow et al. 2013, arXiv:1302.4389", "max(x1, ..., xk)"), maxout(x, whole(pieces), whole(dim)))
CAIRN_FOLD(crelu, (dim, 1), source("Shang et al. 2016, arXiv:1603.05201", "(relu(x), relu(-x))"), crelu(x, whole(dim)))
CAIRN_FOLD(glu, (dim, -1), source("Dauphin et al. 2016, arXiv:1612.08083", "a * sigmoid(b)"), glu(x, whole(dim)))
CAIRN_FOLD(reglu, (dim, -1), source("Shazeer 2020, arXiv:2002.05202", "a * relu(b)"), reglu(x, whole(dim)))
CAIRN_FOLD(geglu, (dim, -1), source("Shazeer 2020, arXiv:2002.05202", "a * gelu(b)"), geglu(x, whole(dim)))
CAIRN_FOLD(swiglu, (dim, -1), source("Shazeer 2020, arXiv:2002.05202", "a * silu(b)"), swiglu(x, whole(dim)))
CAIRN_FOLD(bilinear, (dim, -1), source("Shazeer 2020, arXiv:2002.05202", "a * b"), bilinear(x, whole(dim)))
CAIRN_FOLD(norm, (p, 2, dim, -1), source("p-norm", "sum(|x|^p)^(1/p)"), norm(x, p, {whole(dim)}))
// clang-format on

#undef CAIRN_ACTIVATION
#undef CAIRN_RECTIFIER
#undef CAIRN_FORMULA
#undef CAIRN_ALPHABET
#undef CAIRN_OVERLOAD
#undef CAIRN_FOLD

#endif
