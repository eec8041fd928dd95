// Runs the cases of the corruption matrix of Alagappan et al., "Protocol-Aware Recovery for
// Consensus-Based Storage" (FAST 2018, section 5): each is made as real log files, opened by the
// real recovery and handed to the real core, and what comes of it is compared with the oracle.
//
// Thread-safety: none; separate matrices are independent.
#ifndef SYNOD_TESTS_SIM_CORRUPTION_MATRIX_H_
#define SYNOD_TESTS_SIM_CORRUPTION_MATRIX_H_

#include <array>
#include <map>
#include <memory>
#include <string>

#include "tests/sim/corruption_case.h"
#include "tests/sim/corruption_node.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::sim {

enum class Outcome {
  kRecovered,      // as it should: chosen values are there, and a new one is chosen
  kUnavailable,    // as it should: nobody can know, and nothing is made up
  kMoreThanKnown,  // recovered, and the oracle says that nobody could know how
  kNotRecovered,   // it could have been
  kUnsafe,         // a chosen value was lost or one made up, or replicas differ
};
inline constexpr int kOutcomes = 5;

class CorruptionMatrix {
 public:
  // `forgets` as MatrixNode's.
  explicit CorruptionMatrix(bool forgets = false) : forgets_(forgets) {}

  // Starts the nodes that are up; when nothing more comes of that, the others. The worse of the two
  // outcomes, but an unavailability that the others end is one all the same.
  Outcome Run(const MatrixCase& c);

 private:
  using Nodes = std::array<std::unique_ptr<MatrixNode>, kMatrixNodes>;

  // The disk of a node as the case describes it.
  std::unique_ptr<storage::FaultEnv> DiskOf(const MatrixCase& c, int node);
  // False when a node started that must not vote.
  bool Start(const MatrixCase& c, int node, Nodes& nodes);

  const bool forgets_;
  std::map<std::string, std::unique_ptr<storage::FaultEnv>> images_;  // by what is in them
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_CORRUPTION_MATRIX_H_
