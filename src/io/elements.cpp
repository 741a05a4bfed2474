#include "io/elements.h"

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "cairn/graph/node.h"

namespace cairn::io {

static_assert(std::endian::native == std::endian::little, "files are little-endian, and written as memory is");

namespace {

float from_half(uint16_t bits) { return static_cast<float>(std::bit_cast<Eigen::half>(bits)); }
float from_brain(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

template <class From, class To, auto convert>
void widen(const char* from, int64_t n, void* to) {
  for (int64_t i = 0; i < n; ++i) {
    From v;
    std::memcpy(&v, from + i * static_cast<int64_t>(sizeof v), sizeof v);
    static_cast<To*>(to)[i] = convert(v);
  }
}
template <class I>
constexpr auto whole = &widen<I, int64_t, [](I v) { return static_cast<int64_t>(v); }>;

constexpr Stored types[] = {
    {"BOOL", "b1", 1, boolean, nullptr},
    {"U8", "u1", 1, u8, nullptr},
    {"I8", "i1", 1, i64, whole<int8_t>},
    {"I16", "i2", 2, i64, whole<int16_t>},
    {"U16", "u2", 2, i64, whole<uint16_t>},
    {"F16", "f2", 2, f32, widen<uint16_t, float, from_half>},
    {"BF16", "", 2, f32, widen<uint16_t, float, from_brain>},
    {"I32", "i4", 4, i64, whole<int32_t>},
    {"U32", "u4", 4, i64, whole<uint32_t>},
    {"F32", "f4", 4, f32, nullptr},
    {"F64", "f8", 8, f64, nullptr},
    {"I64", "i8", 8, i64, nullptr},
    {"U64", "u8", 8, i64, whole<uint64_t>},
};

template <class U>
void swap_each(char* bytes, int64_t n, U (*swap)(U)) {
  for (int64_t i = 0; i < n; ++i) {
    U v;
    std::memcpy(&v, bytes + i * static_cast<int64_t>(sizeof v), sizeof v);
    v = swap(v);
    std::memcpy(bytes + i * static_cast<int64_t>(sizeof v), &v, sizeof v);
  }
}

void swap_bytes(char* bytes, int64_t n, int64_t size) {
  if (size == 2) swap_each<uint16_t>(bytes, n, [](uint16_t v) { return __builtin_bswap16(v); });
  if (size == 4) swap_each<uint32_t>(bytes, n, [](uint32_t v) { return __builtin_bswap32(v); });
  if (size == 8) swap_each<uint64_t>(bytes, n, [](uint64_t v) { return __builtin_bswap64(v); });
}

}  // namespace

std::span<const Stored> stored_types() { return types; }

static const Stored* find(const char* Stored::*member, std::string_view name) {
  const auto* at = std::find_if(std::begin(types), std::end(types), [&](const Stored& s) { return s.*member == name; });
  return at == std::end(types) ? nullptr : at;
}
const Stored* stored_type(std::string_view safetensors) { return find(&Stored::safetensors, safetensors); }
const Stored* stored_numpy(std::string_view numpy) { return numpy.empty() ? nullptr : find(&Stored::numpy, numpy); }

const Stored& stored_as(Dtype dtype) {
  return *std::find_if(std::begin(types), std::end(types),
                       [&](const Stored& s) { return s.dtype == dtype && !s.widen; });
}

int64_t bytes_needed(const Source& in, const Stored& type, const Shape& shape, const std::string& what) {
  int64_t extent = 1;  // sizes of 0 left out, as every tensor's is limited
  for (const int64_t n : shape)
    if (n > 0 && (__builtin_mul_overflow(extent, n, &extent) || extent > max_numel))
      in.fail(what + " has the impossibly large shape " + to_string(shape));
  return shape.numel() * type.size;
}

Tensor read_elements(Source& in, const Stored& type, const Shape& shape, bool swapped, const std::string& what) {
  Tensor t = empty(shape, type.dtype);
  if (!type.widen) {
    in.read(t.pointer<char>(), t.numel() * type.size);
    if (swapped) swap_bytes(t.pointer<char>(), t.numel(), type.size);
  } else {
    char piece[16384];
    for (int64_t done = 0; done < t.numel();) {
      const int64_t n = std::min(t.numel() - done, static_cast<int64_t>(sizeof piece) / type.size);
      in.read(piece, n * type.size);
      if (swapped) swap_bytes(piece, n, type.size);
      type.widen(piece, n, t.pointer<char>() + done * static_cast<int64_t>(size_of(type.dtype)));
      done += n;
    }
  }
  const auto refuse_any = [&](const auto* first, auto bad) {
    if (const auto* at = std::find_if(first, first + t.numel(), bad); at != first + t.numel())
      in.fail(what + " is " + type.safetensors + " but holds " +
              (type.dtype == boolean ? "the byte " + std::to_string(*at)
                                     : std::to_string(static_cast<uint64_t>(*at)) + ", beyond an i64"));
  };
  // A bool of another value than 0 and 1 would be undefined behaviour.
  if (type.dtype == boolean) refuse_any(t.pointer<unsigned char>(), [](unsigned char b) { return b > 1; });
  if (type.widen == whole<uint64_t>) refuse_any(t.pointer<int64_t>(), [](int64_t v) { return v < 0; });
  return t;
}

// ---- 16 bits -------------------------------------------------------------------------------------------------------------

namespace {

float single(float v) { return v; }
// To f32, and to the odd one of both neighbours: rounding that once more gives what rounding the f64 would.
float single(double v) {
  const auto near = static_cast<float>(v);
  if (std::isnan(v) || static_cast<double>(near) == v) return near;
  const auto bits = std::bit_cast<uint32_t>(near);
  return std::bit_cast<float>((std::abs(static_cast<double>(near)) > std::abs(v) ? bits - 1 : bits) | 1);
}

uint16_t to_brain(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  if (std::isnan(v)) return static_cast<uint16_t>(bits >> 16 | 0x40);  // quiet, or it could become infinite
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The number in 16 bits; `overflow` becomes true where a finite one has become infinite.
template <class S>
uint16_t narrow(S v, bool brain, bool& overflow) {
  const float f = single(v);
  const uint16_t bits = brain ? to_brain(f) : std::bit_cast<uint16_t>(Eigen::half(f));
  if ((bits & 0x7fff) == (brain ? 0x7f80 : 0x7c00) && std::isfinite(v)) overflow = true;
  return bits;
}

}  // namespace

void write_elements(const Tensor& t, const Stored& type, const char* operation, const std::string& name,
                    const std::function<void(const void*, size_t)>& write) {
  const NoGrad plain;
  const Tensor source = t.contiguous();
  if (type.dtype == source.dtype() && !type.widen)
    return write(source.pointer<char>(), static_cast<size_t>(source.numel() * type.size));
  const bool brain = type.safetensors[0] == 'B';
  visit_float(operation, source.dtype(), [&]<class S>() {
    uint16_t piece[8192];
    for (int64_t done = 0; done < source.numel();) {
      const S* from = source.pointer<S>() + done;
      const int64_t n = std::min<int64_t>(source.numel() - done, std::size(piece));
      bool overflow = false;
      for (int64_t i = 0; i < n; ++i) {
        piece[i] = narrow(from[i], brain, overflow);
        if (overflow)
          fail<ValueError>(operation,
                           std::string("a number is too large for ") + type.safetensors + ", which ends at " +
                               (brain ? "3.3895e38" : "65504"),
                           given("name", name), given("value", static_cast<double>(from[i])));
      }
      write(piece, static_cast<size_t>(n) * sizeof *piece);
      done += n;
    }
  });
}

}  // namespace cairn::io
