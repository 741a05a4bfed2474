#pragma once
// Tensors of random numbers. An element's value depends on the generator and on its row-major place alone.

#include "cairn/base/random.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

/// Uniform on [0, 1).
///   dtype   f32 or f64
Tensor rand(const Shape& shape, Dtype dtype = f32, Generator& generator = default_generator());

/// Standard normal.
///   dtype   f32 or f64
Tensor randn(const Shape& shape, Dtype dtype = f32, Generator& generator = default_generator());

/// Whole numbers, uniform on [low, high).
///   dtype   f32, f64, i64 or u8
///   throws  ValueError unless low < high and the dtype holds both ends exactly
Tensor randint(int64_t low, int64_t high, const Shape& shape, Dtype dtype = i64,
               Generator& generator = default_generator());
/// The same from 0.
Tensor randint(int64_t high, const Shape& shape, Dtype dtype = i64, Generator& generator = default_generator());

/// 0 … n − 1 in random order, each order equally likely, i64.
Tensor randperm(int64_t n, Generator& generator = default_generator());

/// Fills x, which may be a view, with uniform numbers on [low, high), or with normal ones.
///   dtype   f32 or f64
///   throws  GraphError when a graph is being recorded for x; ValueError unless low ≤ high, 0 ≤ std and high − low is
///           finite in the dtype
Tensor& uniform_(Tensor& x, double low = 0, double high = 1, Generator& generator = default_generator());
Tensor& normal_(Tensor& x, double mean = 0, double std = 1, Generator& generator = default_generator());

}  // namespace cairn
