#pragma once
// One cache line of numbers as one value: 16 floats or 8 doubles around the vectors of GCC and Clang. (In a library
// built with CAIRN_SHORT_LINES it is one vector, of whatever size: nothing but sums over lanes may depend on that.)

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "cairn/math/mask.h"

namespace cairn {
inline namespace CAIRN_ISA {

/// A cache line of numbers with the arithmetic of one number; code written for it reads like scalar code and
/// runs on whole vectors. A plain value of 64 bytes, aligned as the vectors of the instruction set.
///
///   literals     the constructor from double is the only implicit conversion: 0.5 * x rounds 0.5 to S
///   + - * /      correctly rounded, lane by lane; the compiler may contract a * b + c (see fma)
///   comparisons  give a Mask; NaN compares false, and != true
///   sum max min  over the lanes, in pairs and in the same order on every machine: ((0+8)+(4+12)) + …; max and
///                min hand NaN on
///
/// Every lane runs the same instructions: a result never depends on the position in the vector. Programs and
/// library must be compiled for the same instruction set; the inline namespace makes a mismatch a link error.
template <Number S>
struct Lanes {
  static constexpr int size = detail::line_bytes / sizeof(S);
  using Vector = typename detail::Vectors<S>::Values;
  using Scalar = S;
  using Int = typename detail::Vectors<S>::Int;
  Vector part[detail::parts];

  Lanes() = default;
  [[gnu::always_inline]] Lanes(double c) {  // NOLINT: implicit on purpose
    // Vector{} + c would lose -0.
    for (int i = 0; i < detail::parts; ++i) part[i] = static_cast<S>(c) - Vector{};
  }

  /// The numbers p[0] … p[size - 1]; any alignment.
  [[gnu::always_inline]] static Lanes load(const S* p) {
    Lanes x;
    for (int i = 0; i < detail::parts; ++i) {
      x.part[i] = *reinterpret_cast<const typename detail::Vectors<S>::Memory*>(p + i * (size / detail::parts));
    }
    return x;
  }
  [[gnu::always_inline]] void store(S* p) const {
    for (int i = 0; i < detail::parts; ++i) {
      *reinterpret_cast<typename detail::Vectors<S>::Memory*>(p + i * (size / detail::parts)) = part[i];
    }
  }

  /// The tail of a row: n in [0, size] numbers, the other lanes hold `padding`. Nothing beyond p[n - 1] is touched.
  static Lanes load_partial(const S* p, std::ptrdiff_t n, S padding = 0) {
#if defined(__AVX512F__)
    Lanes x(static_cast<double>(padding));
    x.part[0] = detail::masked_load(p, x.part[0], (1u << n) - 1);
    return x;
#else
    // Counting in integers as wide as S lets the compiler make masked loads and stores of these loops.
    const Int count = static_cast<Int>(n);
    alignas(64) S line[size];
    for (Int i = 0; i < size; ++i) line[i] = i < count ? p[i] : padding;
    return load(line);
#endif
  }
  void store_partial(S* __restrict p, std::ptrdiff_t n) const {
#if defined(__AVX512F__)
    detail::masked_store(p, part[0], (1u << n) - 1);
#else
    const Int count = static_cast<Int>(n);
    alignas(64) S line[size];
    store(line);
    for (Int i = 0; i < size; ++i)
      if (i < count) p[i] = line[i];
#endif
  }
  /// As store, past the caches and without reading the line first, on x86 and wherever Clang can; p is aligned to the
  /// line. detail::end_of_streams() makes it seen by other threads.
  [[gnu::always_inline]] void stream(S* p) const {
    for (int i = 0; i < detail::parts; ++i) detail::stream(p + i * (size / detail::parts), part[i]);
  }

  S operator[](int i) const {
    constexpr int each = size / detail::parts;
    return part[i / each][i % each];
  }

  /// The lanes joined in pairs: f(f(f(0, 8), f(4, 12)), …), where f takes two Lanes.
  template <class F>
  [[gnu::always_inline]] S fold(F f) const {
    Lanes x = *this, other = x;
    for (int half = detail::parts / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) other.part[i] = x.part[i + half];
      x = f(x, other);
    }
    return fold_vector<size / detail::parts / 2>(x, f);
  }
  [[gnu::always_inline]] S sum() const {
    return fold([](Lanes a, Lanes b) { return a + b; });
  }
  [[gnu::always_inline]] S max() const {
    return fold([](Lanes a, Lanes b) { return where((a > b) | (a != a), a, b); });
  }
  [[gnu::always_inline]] S min() const {
    return fold([](Lanes a, Lanes b) { return where((a < b) | (a != a), a, b); });
  }

  [[gnu::always_inline]] friend Lanes operator+(Lanes a, Lanes b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] + b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Lanes operator-(Lanes a, Lanes b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] - b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Lanes operator*(Lanes a, Lanes b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] * b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Lanes operator/(Lanes a, Lanes b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] / b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Lanes operator-(Lanes a) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = -a.part[i];
    return a;
  }
  [[gnu::always_inline]] Lanes& operator+=(Lanes b) { return *this = *this + b; }
  [[gnu::always_inline]] Lanes& operator-=(Lanes b) { return *this = *this - b; }
  [[gnu::always_inline]] Lanes& operator*=(Lanes b) { return *this = *this * b; }
  [[gnu::always_inline]] Lanes& operator/=(Lanes b) { return *this = *this / b; }

  [[gnu::always_inline]] friend Mask<S> operator<(Lanes a, Lanes b) {
    Mask<S> m;
    for (int i = 0; i < detail::parts; ++i) m.part[i] = a.part[i] < b.part[i];
    return m;
  }
  [[gnu::always_inline]] friend Mask<S> operator<=(Lanes a, Lanes b) {
    Mask<S> m;
    for (int i = 0; i < detail::parts; ++i) m.part[i] = a.part[i] <= b.part[i];
    return m;
  }
  [[gnu::always_inline]] friend Mask<S> operator>(Lanes a, Lanes b) { return b < a; }
  [[gnu::always_inline]] friend Mask<S> operator>=(Lanes a, Lanes b) { return b <= a; }
  [[gnu::always_inline]] friend Mask<S> operator==(Lanes a, Lanes b) {
    Mask<S> m;
    for (int i = 0; i < detail::parts; ++i) m.part[i] = a.part[i] == b.part[i];
    return m;
  }
  [[gnu::always_inline]] friend Mask<S> operator!=(Lanes a, Lanes b) {
    Mask<S> m;
    for (int i = 0; i < detail::parts; ++i) m.part[i] = a.part[i] != b.part[i];
    return m;
  }

  /// a * b + c, with one rounding where the instruction set has a fused multiply-add (AVX2 and AVX-512 builds,
  /// NEON), with two elsewhere. It rests on the compilers' default of contracting one expression
  /// (-ffp-contract=on or fast). Nothing's accuracy depends on it: it is for speed.
  [[gnu::always_inline]] friend Lanes fma(Lanes a, Lanes b, Lanes c) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] * b.part[i] + c.part[i];
    return a;
  }

  /// The larger and the smaller; NaN if either is. (No two-argument max and min: those names are reductions.)
  [[gnu::always_inline]] friend Lanes maximum(Lanes a, Lanes b) { return where((a > b) | (a != a), a, b); }
  [[gnu::always_inline]] friend Lanes minimum(Lanes a, Lanes b) { return where((a < b) | (a != a), a, b); }
  /// The same with a constant, which must not be NaN: cheaper. (GCC finds the one instruction of AVX between variables only.)
  [[gnu::always_inline]] friend Lanes maximum(Lanes a, double c) {
    const Lanes bound = hidden(c);
    return where(bound > a, bound, a);
  }
  [[gnu::always_inline]] friend Lanes minimum(Lanes a, double c) {
    const Lanes bound = hidden(c);
    return where(bound < a, bound, a);
  }
  [[gnu::always_inline]] friend Lanes maximum(double c, Lanes a) { return maximum(a, c); }
  [[gnu::always_inline]] friend Lanes minimum(double c, Lanes a) { return minimum(a, c); }
  [[gnu::always_inline]] friend Lanes clamp(Lanes x, double lo, double hi) { return minimum(maximum(x, lo), hi); }

 private:
  [[gnu::always_inline]] static Lanes hidden(Lanes c) {
    for (int i = 0; i < detail::parts; ++i) c.part[i] = detail::hidden(c.part[i]);
    return c;
  }
  // In registers: a store of a line and loads of its halves wait for each other.
  template <int half, class F>
  [[gnu::always_inline]] static S fold_vector(Lanes x, F f) {
    if constexpr (half > 0) {
      Lanes other = x;
      other.part[0] = turned<half>(x.part[0], std::make_index_sequence<size / detail::parts>());
      return fold_vector<half / 2>(f(x, other), f);
    } else {
      return x.part[0][0];
    }
  }
  template <int by, size_t... i>
  [[gnu::always_inline]] static Vector turned(Vector v, std::index_sequence<i...>) {
    return __builtin_shufflevector(v, v, static_cast<int>((i + by) % sizeof...(i))...);
  }
};

namespace detail {

/// The bit patterns of lanes as unsigned integers, for the scalar alphabet: exponents are read and written as bits,
/// because converting NaN or a large number to an integer is undefined (and has been miscompiled).
template <Number S>
struct Bits {
  using Vector = typename Vectors<S>::Bits;
  using Word = std::make_unsigned_t<typename Vectors<S>::Int>;
  static constexpr int mantissa = sizeof(S) == 4 ? 23 : 52;
  static constexpr Word sign = Word{1} << (8 * sizeof(S) - 1);
  Vector part[parts];

  Bits() = default;
  [[gnu::always_inline]] Bits(Word c) {  // NOLINT: implicit on purpose
    for (int i = 0; i < parts; ++i) part[i] = c + Vector{};
  }
  [[gnu::always_inline]] explicit Bits(Lanes<S> x) {
    for (int i = 0; i < parts; ++i) part[i] = reinterpret_cast<Vector>(x.part[i]);
  }
  [[gnu::always_inline]] Lanes<S> number() const {
    Lanes<S> x;
    for (int i = 0; i < parts; ++i) x.part[i] = reinterpret_cast<typename Vectors<S>::Values>(part[i]);
    return x;
  }

  [[gnu::always_inline]] friend Bits operator+(Bits a, Bits b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] + b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Bits operator-(Bits a, Bits b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] - b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Bits operator&(Bits a, Bits b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] & b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Bits operator|(Bits a, Bits b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] | b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Bits operator^(Bits a, Bits b) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] ^ b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Bits operator<<(Bits a, int n) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] << n;
    return a;
  }
  [[gnu::always_inline]] friend Bits operator>>(Bits a, int n) {
    for (int i = 0; i < parts; ++i) a.part[i] = a.part[i] >> n;
    return a;
  }
  [[gnu::always_inline]] friend Mask<S> operator==(Bits a, Bits b) {
    Mask<S> m;
    for (int i = 0; i < parts; ++i) m.part[i] = a.part[i] == b.part[i];
    return m;
  }
};

/// a b + c, with one rounding for certain where certain_fma: where digits depend on it.
[[gnu::always_inline]] inline Lanes<float> rounded_once(Lanes<float> a, Lanes<float> b, Lanes<float> c) {
  for (int i = 0; i < parts; ++i) a.part[i] = rounded_once(a.part[i], b.part[i], c.part[i]);
  return a;
}

/// c0 + c1 x + c2 x² + … by Horner's rule: fewest roundings and operations, longest latency.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> horner(Lanes<S>, double c) {
  return c;
}
template <Number S, class... C>
[[gnu::always_inline]] inline Lanes<S> horner(Lanes<S> x, double c0, C... rest) {
  return fma(horner(x, rest...), x, Lanes<S>(c0));
}

/// c0 + c2 z + c4 z² + …
template <Number S>
[[gnu::always_inline]] inline Lanes<S> even_powers(Lanes<S>, double c) {
  return c;
}
template <Number S>
[[gnu::always_inline]] inline Lanes<S> even_powers(Lanes<S>, double c, double) {
  return c;
}
template <Number S, class... C>
[[gnu::always_inline]] inline Lanes<S> even_powers(Lanes<S> z, double c, double, C... rest) {
  return fma(even_powers(z, rest...), z, Lanes<S>(c));
}
/// c0 + c1 x + c2 x² + …, even and odd powers apart: half the latency of Horner's rule for one more product.
template <Number S, class... C>
[[gnu::always_inline]] inline Lanes<S> polynomial(Lanes<S> x, double c0, C... rest) {
  const Lanes<S> z = x * x;
  return fma(even_powers(z, rest...), x, even_powers(z, c0, rest...));
}

}  // namespace detail

/// |x|; clears the sign of -0 and NaN too.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> abs(Lanes<S> x) {
  return (detail::Bits<S>(x) & ~detail::Bits<S>::sign).number();
}

/// The magnitude of x with the sign of s.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> copysign(Lanes<S> x, Lanes<S> s) {
  using B = detail::Bits<S>;
  return ((B(x) & ~B::sign) | (B(s) & B::sign)).number();
}

/// √x, correctly rounded; NaN below zero, -0 at -0.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> sqrt(Lanes<S> x) {
  // A loop over std::sqrt vectorises only under -fno-math-errno.
#if defined(__has_builtin) && __has_builtin(__builtin_elementwise_sqrt)
  for (int i = 0; i < detail::parts; ++i) x.part[i] = __builtin_elementwise_sqrt(x.part[i]);
#elif defined(__SSE2__)
  constexpr std::size_t bytes = detail::vector_bytes < 32 ? detail::vector_bytes : 32;
  typedef S Piece __attribute__((vector_size(bytes)));
  union {
    Lanes<S> lanes;
    Piece piece[sizeof(Lanes<S>) / bytes];
  } line{x};
  for (Piece& piece : line.piece) {
#if defined(__AVX2__) && defined(__FMA__)
    if constexpr (sizeof(S) == 4)
      piece = __builtin_ia32_sqrtps256(piece);
    else
      piece = __builtin_ia32_sqrtpd256(piece);
#else
    if constexpr (sizeof(S) == 4)
      piece = __builtin_ia32_sqrtps(piece);
    else
      piece = __builtin_ia32_sqrtpd(piece);
#endif
  }
  x = line.lanes;
#else
  for (int i = 0; i < detail::parts; ++i) {
    for (int k = 0; k < Lanes<S>::size / detail::parts; ++k) x.part[i][k] = std::sqrt(x.part[i][k]);
  }
#endif
  return x;
}

/// The largest integer not above x; exact, keeps -0, infinities and NaN.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> floor(Lanes<S> x) {
  constexpr double whole = sizeof(S) == 4 ? 0x1p23 : 0x1p52;  // from here on every number is an integer
  const Lanes<S> a = abs(x);
  const Lanes<S> nearest = copysign((a + whole) - whole, x);
  const Lanes<S> below = nearest - where(nearest > x, Lanes<S>(1.0), Lanes<S>(0.0));
  return where(a < whole, copysign(below, x), x);
}

template <Number S>
[[gnu::always_inline]] inline Mask<S> isnan(Lanes<S> x) {
  return x != x;
}
template <Number S>
[[gnu::always_inline]] inline Mask<S> isfinite(Lanes<S> x) {
  return abs(x) < INFINITY;
}

}  // namespace CAIRN_ISA
}  // namespace cairn
