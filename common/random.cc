#include "common/random.h"

#include <bit>

#include "common/check.h"

namespace synod {
namespace {

uint64_t SplitMix64(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix64(seed);
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  SYNOD_CHECK(bound > 0);
  // Values below the threshold would make the low residues more likely; draw again.
  const uint64_t threshold = -bound % bound;
  uint64_t value = Next();
  while (value < threshold) value = Next();
  return value % bound;
}

uint64_t Random::Between(uint64_t low, uint64_t high) {
  SYNOD_CHECK(low <= high);
  return low + Below(high - low + 1);
}

double Random::Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

bool Random::Chance(double probability) { return Unit() < probability; }

Random Random::Fork() { return Random(Next()); }

}  // namespace synod
