// A small seeded generator (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64).
//
// The standard library's distributions differ between implementations, which would make a seed
// mean different runs on different machines; this one gives the same numbers everywhere.
//
// Not for secrets. Thread-safety: one owner.
#ifndef SYNOD_COMMON_RANDOM_H_
#define SYNOD_COMMON_RANDOM_H_

#include <array>
#include <cstdint>

namespace synod {

class Random {
 public:
  explicit Random(uint64_t seed);

  // Uniform over all 64-bit values.
  uint64_t Next();

  // Uniform in [0, bound); precondition: bound > 0.
  uint64_t Below(uint64_t bound);

  // Uniform in [low, high]; precondition: low <= high and the range is narrower than 2^64.
  uint64_t Between(uint64_t low, uint64_t high);

  // Uniform in [0, 1), 53 bits.
  double Unit();

  // True with the given probability.
  bool Chance(double probability);

  // A generator whose stream is independent of this one's later output.
  Random Fork();

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace synod

#endif  // SYNOD_COMMON_RANDOM_H_
