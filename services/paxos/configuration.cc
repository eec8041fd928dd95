#include "services/paxos/configuration.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

Configuration::Configuration(std::vector<NodeId> voters) : voters_(std::move(voters)) {
  std::sort(voters_.begin(), voters_.end());
  SYNOD_CHECK(!voters_.empty() && voters_.size() <= kMaxVoters) << voters_.size() << " voters";
  SYNOD_CHECK(std::adjacent_find(voters_.begin(), voters_.end()) == voters_.end())
      << "a voter is listed twice";
}

bool Configuration::Contains(NodeId node) const {
  return std::binary_search(voters_.begin(), voters_.end(), node);
}

size_t Configuration::IndexOf(NodeId node) const {
  const auto at = std::lower_bound(voters_.begin(), voters_.end(), node);
  SYNOD_CHECK(at != voters_.end() && *at == node) << "node=" << node << " does not vote";
  return static_cast<size_t>(at - voters_.begin());
}

void Tally::Add(const Configuration& configuration, NodeId voter) {
  bits_ |= uint64_t{1} << configuration.IndexOf(voter);
}

bool Tally::Has(const Configuration& configuration, NodeId voter) const {
  return (bits_ >> configuration.IndexOf(voter) & 1) != 0;
}

bool Tally::IsQuorum(const Configuration& configuration) const {
  return static_cast<size_t>(std::popcount(bits_)) >= configuration.quorum_size();
}

}  // namespace synod::paxos
