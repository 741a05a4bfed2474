#pragma once
// Random numbers that are a function of what they are for, not of who asks first: counter-based, so that any thread can
// compute any of them. Integers and uniforms are the same on every machine and number of threads, normals to
// within rounding.

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "cairn/base/isa.h"

namespace cairn {

using RandomBlock = std::array<uint32_t, 4>;

/// Philox4x32 with ten rounds.
///   source  Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
///           doi 10.1145/2063384.2063405
constexpr RandomBlock philox(RandomBlock counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter[0], p1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

/// [0, 1) from 24 random bits; every value is a multiple of 2⁻²⁴.
constexpr float uniform_float(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
/// [0, 1) from 53 random bits.
constexpr double uniform_double(uint32_t low, uint32_t high) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}
/// Two independent standard normals from two words (Box and Muller 1958), computed in double.
std::array<double, 2> normal_pair(uint32_t a, uint32_t b);

/// An endless sequence of blocks of 128 random bits, each computed from its position alone. A plain value.
class RandomStream {
 public:
  /// Different keys give independent sequences. `purpose` says what the numbers are for ("shuffle", "dropout", …).
  explicit RandomStream(uint64_t seed, std::string_view purpose = {}, uint64_t epoch = 0, uint64_t sample = 0);

  RandomBlock block(uint64_t position) const {
    return philox({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), sample_[0], sample_[1]},
                  key_);
  }
  /// The words of block(position) … block(position + 15), in order: several times faster than one by one.
  void sixteen_blocks(uint64_t position, uint32_t* words) const;
  /// Uniform on [0, below), without bias: a draw that would favour some values is drawn again, from blocks that no
  /// position below 2⁵⁶ reaches. `below` must be positive.
  int64_t integer(uint64_t position, int64_t below) const;

 private:
  friend class Generator;
  std::array<uint32_t, 2> key_, sample_;
};

/// Draws from a stream, one block after the other. Safe to share between threads, though their order then decides who
/// gets what.
class Generator {
 public:
  explicit Generator(uint64_t seed, std::string_view purpose = {}, uint64_t epoch = 0, uint64_t sample = 0)
      : stream_(seed, purpose, epoch, sample) {}
  Generator(const Generator& o) : Generator(o.snapshot()) {}
  Generator& operator=(const Generator& o);

  /// Starts again, from the first block of another seed.
  void manual_seed(uint64_t seed, std::string_view purpose = {}, uint64_t epoch = 0, uint64_t sample = 0);

  /// A stream and the position of the first of `blocks` blocks of it that nobody else will draw.
  struct Reserved {
    RandomStream stream;
    uint64_t position;
  };
  Reserved reserve(uint64_t blocks);

  /// Blocks drawn so far, which seek goes back to.
  uint64_t position() const { return snapshot().position; }
  void seek(uint64_t position);

  /// All there is to a generator: what a checkpoint keeps of it. Its stream in four words and its position in two.
  using State = std::array<uint32_t, 6>;
  State state() const;
  void set_state(const State& state);

  /// [0, 1), 53 bits.
  double uniform();
  double normal();
  /// Uniform on [0, below), without bias.
  ///   throws  ValueError unless below is positive
  int64_t integer(int64_t below);

 private:
  explicit Generator(const Reserved& r) : stream_(r.stream), position_(r.position) {}
  Reserved snapshot() const;

  mutable std::mutex mutex_;
  RandomStream stream_;
  uint64_t position_ = 0;
};

/// Where numbers come from when no generator is given. It starts with seed 0 in every process.
Generator& default_generator();
/// default_generator().manual_seed(seed)
void manual_seed(uint64_t seed);

}  // namespace cairn
