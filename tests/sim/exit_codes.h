// What the programs of this folder say to their shell.
#ifndef SYNOD_TESTS_SIM_EXIT_CODES_H_
#define SYNOD_TESTS_SIM_EXIT_CODES_H_

namespace synod::sim {

inline constexpr int kClean = 0;
inline constexpr int kRuleBroken = 1;
inline constexpr int kBadArguments = 2;

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_EXIT_CODES_H_
