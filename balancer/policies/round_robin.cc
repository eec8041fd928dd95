#include <array>
#include <limits>

#include "balancer/policies/by_address.h"
#include "balancer/policies/policies.h"

namespace synod::balancer {
namespace {

class RoundRobin final : public Policy {
 public:
  size_t Pick(absl::Span<const Backend* const> candidates, const PickContext& context) override {
    // A turn per class: were reads and streams to share one, a client that alternates between them
    // would send all reads to the same half of the backends.
    Turns& turns = turns_[static_cast<size_t>(context.method_class)];
    turns.last.Prune(candidates);
    size_t best = 0;
    uint64_t best_turn = std::numeric_limits<uint64_t>::max();
    for (size_t i = 0; i < candidates.size(); ++i) {
      const uint64_t turn = TurnOf(turns, *candidates[i], context);
      if (turn < best_turn) {
        best = i;
        best_turn = turn;
      }
    }
    *turns.last.Find(*candidates[best]) = ++turns.now;
    return best;
  }

 private:
  struct Turns {
    ByAddress<uint64_t> last;
    uint64_t now = uint64_t{1} << 32;  // above every starting place
  };

  // A backend seen for the first time is due, at a random place among those that are.
  static uint64_t TurnOf(Turns& turns, const Backend& backend, const PickContext& context) {
    if (const uint64_t* turn = turns.last.Find(backend)) return *turn;
    return turns.last.Insert(backend, context.random->Below(uint64_t{1} << 32));
  }

  std::array<Turns, kMethodClasses> turns_;
};

}  // namespace

std::unique_ptr<Policy> MakeRoundRobin() {
  return std::make_unique<RoundRobin>();
}

}  // namespace synod::balancer
