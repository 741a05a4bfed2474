#pragma once
// The vectors of the instruction set, and masks: what comparing lanes gives.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/base/isa.h"

namespace cairn {
inline namespace CAIRN_ISA {

/// The scalars that numerical code is instantiated with.
template <class S>
concept Number = std::same_as<S, float> || std::same_as<S, double>;

template <Number S>
struct Lanes;

namespace detail {

// The widest vector of the instruction set. Wider ones compile too, but GCC 12 takes their comparisons apart
// into single numbers, so a cache line is held as one, two or four vectors. Short lines are one vector, which compiles
// several times faster: for builds that are tested and not used.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif
#if defined(CAIRN_SHORT_LINES)
inline constexpr std::size_t line_bytes = vector_bytes;
#else
inline constexpr std::size_t line_bytes = 64;
#endif
inline constexpr int parts = line_bytes / vector_bytes;

template <Number S>
struct Vectors;
template <>
struct Vectors<float> {
  using Int = std::int32_t;
  typedef float Values __attribute__((vector_size(vector_bytes)));
  typedef float Memory __attribute__((vector_size(vector_bytes), aligned(alignof(float)), may_alias));
  typedef std::int32_t Truth __attribute__((vector_size(vector_bytes)));
  typedef std::uint32_t Bits __attribute__((vector_size(vector_bytes)));
};
template <>
struct Vectors<double> {
  using Int = std::int64_t;
  typedef double Values __attribute__((vector_size(vector_bytes)));
  typedef double Memory __attribute__((vector_size(vector_bytes), aligned(alignof(double)), may_alias));
  typedef std::int64_t Truth __attribute__((vector_size(vector_bytes)));
  typedef std::uint64_t Bits __attribute__((vector_size(vector_bytes)));
};

// Whether any bit is set; by halves, because GCC 12 reduces a loop over the numbers badly.
typedef std::int64_t Words2 __attribute__((vector_size(16)));
typedef std::int64_t Words4 __attribute__((vector_size(32)));
typedef std::int64_t Words8 __attribute__((vector_size(64)));
[[gnu::always_inline]] inline bool nonzero(Words2 w) { return (w[0] | w[1]) != 0; }
[[gnu::always_inline]] inline bool nonzero(Words4 w) {
  return nonzero(__builtin_shufflevector(w, w, 0, 1) | __builtin_shufflevector(w, w, 2, 3));
}
[[gnu::always_inline]] inline bool nonzero(Words8 w) {
  return nonzero(__builtin_shufflevector(w, w, 0, 1, 2, 3) | __builtin_shufflevector(w, w, 4, 5, 6, 7));
}
using Words = std::conditional_t<vector_bytes == 64, Words8, std::conditional_t<vector_bytes == 32, Words4, Words2>>;

// Whether some numbers alone are read and written as fast as all of them.
#if defined(__AVX512F__)
inline constexpr bool masked = true;

// The numbers whose bit in `mask` is set; nothing else is touched. (Without <immintrin.h>, which every program would
// read.)
[[gnu::always_inline]] inline Vectors<float>::Values masked_load(const float* p, Vectors<float>::Values rest,
                                                                 unsigned mask) {
  return __builtin_ia32_loadups512_mask(p, rest, static_cast<short>(mask));
}
[[gnu::always_inline]] inline Vectors<double>::Values masked_load(const double* p, Vectors<double>::Values rest,
                                                                  unsigned mask) {
  return __builtin_ia32_loadupd512_mask(p, rest, static_cast<char>(mask));
}
[[gnu::always_inline]] inline void masked_store(float* p, Vectors<float>::Values x, unsigned mask) {
  __builtin_ia32_storeups512_mask(p, x, static_cast<short>(mask));
}
[[gnu::always_inline]] inline void masked_store(double* p, Vectors<double>::Values x, unsigned mask) {
  __builtin_ia32_storeupd512_mask(p, x, static_cast<char>(mask));
}
#else
inline constexpr bool masked = false;
#endif

// a b + c, with one rounding on every level of optimisation where certain_fma: there is a name for the instruction.
using Floats = Vectors<float>::Values;
#if defined(__AVX512F__)
inline constexpr bool certain_fma = true;
[[gnu::always_inline]] inline Floats rounded_once(Floats a, Floats b, Floats c) {
  return __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4);
}
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr bool certain_fma = true;
[[gnu::always_inline]] inline Floats rounded_once(Floats a, Floats b, Floats c) {
  return __builtin_ia32_vfmaddps256(a, b, c);
}
#else
inline constexpr bool certain_fma = false;
[[gnu::always_inline]] inline Floats rounded_once(Floats a, Floats b, Floats c) { return a * b + c; }
#endif

// Itself, as a number of which the compiler knows nothing. (Four parts of a line, of SSE2, would want too many registers.)
template <class V>
[[gnu::always_inline]] inline V hidden(V v) {
#if defined(__clang__) || !defined(__GNUC__)
#elif defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__AVX2__) && defined(__FMA__)
  asm("" : "+x"(v));
#endif
  return v;
}

// A vector written past the caches. What is so written is not ordered with other stores before end_of_streams.
template <class S, class V>
[[gnu::always_inline]] inline void stream(S* p, V v) {
#if defined(__has_builtin) && __has_builtin(__builtin_nontemporal_store)
  __builtin_nontemporal_store(v, reinterpret_cast<V*>(p));
#elif defined(__SSE2__)
  constexpr bool f32 = sizeof(S) == 4;
#if defined(__AVX512F__)
  if constexpr (f32) __builtin_ia32_movntps512(p, v);
  if constexpr (!f32) __builtin_ia32_movntpd512(p, v);
#elif defined(__AVX2__) && defined(__FMA__)
  if constexpr (f32) __builtin_ia32_movntps256(p, v);
  if constexpr (!f32) __builtin_ia32_movntpd256(p, v);
#else
  if constexpr (f32) __builtin_ia32_movntps(p, v);
  if constexpr (!f32) __builtin_ia32_movntpd(p, v);
#endif
#else
  *reinterpret_cast<V*>(p) = v;
#endif
}
[[gnu::always_inline]] inline void end_of_streams() {
#if defined(__SSE2__)
  __builtin_ia32_sfence();
#endif
}

}  // namespace detail

/// The outcome of comparing lanes: true or false in each.
///   & | ^ !       lane by lane
///   any, all      over the lanes
///   where(m,a,b)  a where m is true, else b; both sides have been evaluated, so the other must be harmless
template <Number S>
struct Mask {
  static constexpr int size = detail::line_bytes / sizeof(S);
  using Vector = typename detail::Vectors<S>::Truth;
  Vector part[detail::parts];

  bool operator[](int i) const {
    constexpr int each = size / detail::parts;
    return part[i / each][i % each] != 0;
  }

  [[gnu::always_inline]] friend Mask operator&(Mask a, Mask b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] & b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Mask operator|(Mask a, Mask b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] | b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Mask operator^(Mask a, Mask b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = a.part[i] ^ b.part[i];
    return a;
  }
  [[gnu::always_inline]] friend Mask operator!(Mask a) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = ~a.part[i];
    return a;
  }

  [[gnu::always_inline]] friend bool any(Mask a) {
    Vector found = a.part[0];
    for (int i = 1; i < detail::parts; ++i) found |= a.part[i];
    return detail::nonzero(reinterpret_cast<detail::Words>(found));
  }
  [[gnu::always_inline]] friend bool all(Mask a) { return !any(!a); }

  [[gnu::always_inline]] friend Lanes<S> where(Mask m, Lanes<S> a, Lanes<S> b) {
    for (int i = 0; i < detail::parts; ++i) a.part[i] = m.part[i] ? a.part[i] : b.part[i];
    return a;
  }
};

}  // namespace CAIRN_ISA
}  // namespace cairn
