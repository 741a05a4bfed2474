#include "cairn/base/random.h"

#include <cmath>
#include <numbers>

#include "cairn/base/error.h"

namespace cairn {

__extension__ typedef unsigned __int128 uint128;

static std::array<uint32_t, 2> words(uint64_t v) { return {static_cast<uint32_t>(v), static_cast<uint32_t>(v >> 32)}; }

std::array<double, 2> normal_pair(uint32_t a, uint32_t b) {
  const double radius = std::sqrt(-2 * std::log((a + 1.0) * 0x1p-32));  // the logarithm's argument is in (0, 1]
  const double angle = 2 * std::numbers::pi * 0x1p-32 * b;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

RandomStream::RandomStream(uint64_t seed, std::string_view purpose, uint64_t epoch, uint64_t sample)
    : sample_(words(sample)) {
  uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const char c : purpose) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  // Seed, purpose and epoch are more than a key holds: the generator itself mixes them. The sample is part of the
  // counter.
  const auto p = words(hash), e = words(epoch);
  const RandomBlock mixed = philox({p[0], p[1], e[0], e[1]}, words(seed));
  key_ = {mixed[0], mixed[1]};
}

// philox() once more, side by side for sixteen counters, so that each step becomes a vector instruction.
void RandomStream::sixteen_blocks(uint64_t position, uint32_t* words) const {
  constexpr int n = 16;
  alignas(64) uint32_t c[4][n];
  for (int i = 0; i < n; ++i) {
    const uint64_t p = position + static_cast<uint64_t>(i);
    c[0][i] = static_cast<uint32_t>(p);
    c[1][i] = static_cast<uint32_t>(p >> 32);
    c[2][i] = sample_[0];
    c[3][i] = sample_[1];
  }
  std::array<uint32_t, 2> key = key_;
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 1  // GCC would unroll it whole before it looks for vectors, and then find none: seven times slower
    for (int i = 0; i < n; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53} * c[0][i], p1 = uint64_t{0xCD9E8D57} * c[2][i];
      c[0][i] = static_cast<uint32_t>(p1 >> 32) ^ c[1][i] ^ key[0];
      c[1][i] = static_cast<uint32_t>(p1);
      c[2][i] = static_cast<uint32_t>(p0 >> 32) ^ c[3][i] ^ key[1];
      c[3][i] = static_cast<uint32_t>(p0);
    }
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  for (int i = 0; i < n; ++i)
    for (int w = 0; w < 4; ++w) words[4 * i + w] = c[w][i];
}

int64_t RandomStream::integer(uint64_t position, int64_t below) const {
  // Lemire, "Fast random integer generation in an interval", 2019, arXiv 1805.10941: the high half of a product is the
  // number, the low half says whether it belongs to the few draws that must be repeated.
  const auto n = static_cast<uint64_t>(below);
  const uint64_t repeat_below = -n % n;
  for (uint64_t attempt = 0;; ++attempt) {
    const RandomBlock b = block(position | attempt << 56);
    for (const uint64_t bits : {uint64_t{b[1]} << 32 | b[0], uint64_t{b[3]} << 32 | b[2]}) {
      const auto product = uint128{bits} * n;
      if (static_cast<uint64_t>(product) >= repeat_below) return static_cast<int64_t>(product >> 64);
    }
  }
}

Generator& Generator::operator=(const Generator& o) {
  const Reserved r = o.snapshot();
  const std::lock_guard lock(mutex_);
  stream_ = r.stream;
  position_ = r.position;
  return *this;
}

void Generator::manual_seed(uint64_t seed, std::string_view purpose, uint64_t epoch, uint64_t sample) {
  *this = Generator(seed, purpose, epoch, sample);
}

Generator::Reserved Generator::reserve(uint64_t blocks) {
  const std::lock_guard lock(mutex_);
  const Reserved r{stream_, position_};
  position_ += blocks;
  return r;
}

Generator::Reserved Generator::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {stream_, position_};
}

void Generator::seek(uint64_t position) {
  const std::lock_guard lock(mutex_);
  position_ = position;
}

Generator::State Generator::state() const {
  const auto [stream, position] = snapshot();
  return {stream.key_[0],
          stream.key_[1],
          stream.sample_[0],
          stream.sample_[1],
          static_cast<uint32_t>(position),
          static_cast<uint32_t>(position >> 32)};
}

void Generator::set_state(const State& state) {
  const std::lock_guard lock(mutex_);
  stream_.key_ = {state[0], state[1]};
  stream_.sample_ = {state[2], state[3]};
  position_ = uint64_t{state[5]} << 32 | state[4];
}

double Generator::uniform() {
  const Reserved r = reserve(1);
  const RandomBlock b = r.stream.block(r.position);
  return uniform_double(b[0], b[1]);
}

double Generator::normal() {
  const Reserved r = reserve(1);
  const RandomBlock b = r.stream.block(r.position);
  return normal_pair(b[0], b[1])[0];
}

int64_t Generator::integer(int64_t below) {
  require<ValueError>(below > 0, "integer", "the bound must be positive", given("below", below));
  const Reserved r = reserve(1);
  return r.stream.integer(r.position, below);
}

Generator& default_generator() {
  static Generator generator(0);
  return generator;
}

void manual_seed(uint64_t seed) { default_generator().manual_seed(seed); }

}  // namespace cairn
