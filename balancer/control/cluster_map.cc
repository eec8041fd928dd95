#include "balancer/control/cluster_map.h"

#include <algorithm>

namespace synod::balancer {
namespace {

const BackendFacts* Find(const FactsByAddress& facts, const std::string& address) {
  const auto found = facts.find(address);
  return found == facts.end() ? nullptr : &found->second;
}

bool SpeaksFor(const ClusterMap& cluster, const BackendFacts* facts, uint64_t member_id) {
  return facts != nullptr && facts->view && cluster.SpeaksFor(*facts->view, member_id);
}

bool HasVoter(const std::vector<Member>& members) {
  return std::any_of(members.begin(), members.end(), [](const Member& m) { return !m.learner; });
}

}  // namespace

void ClusterMap::Update(const FactsByAddress& facts, const std::vector<std::string>& seeds) {
  if (!pinned_) ChooseCluster(facts, seeds.size());
  for (const auto& [address, about] : facts) {
    if (about.connected && about.view && Belongs(*about.view)) Learn(*about.view);
  }
}

// Until a majority of the seeds has spoken, the id that most nodes report is believed: one mistyped
// seed that happens to answer first must not keep the others out.
void ClusterMap::ChooseCluster(const FactsByAddress& facts, size_t seeds) {
  std::map<uint64_t, size_t> reporters;
  for (const auto& [address, about] : facts) {
    if (about.connected && about.view && about.view->cluster_id != 0)
      ++reporters[about.view->cluster_id];
  }
  for (const auto& [id, count] : reporters) {
    if (id != cluster_id_ && count > reporters[cluster_id_]) {
      *this = ClusterMap();
      cluster_id_ = id;
    }
  }
  pinned_ = cluster_id_ != 0 && reporters[cluster_id_] > seeds / 2;
}

void ClusterMap::Learn(const NodeView& view) {
  if (HasVoter(view.members) && view.configuration_version >= configuration_version_) {
    std::vector<Member> members = view.members;
    if (view.configuration_version == configuration_version_) {
      // A node that lags behind may not know yet where the others are reached.
      for (Member& member : members) {
        const auto known = std::find_if(members_.begin(), members_.end(),
                                        [&](const Member& m) { return m.id == member.id; });
        if (known == members_.end()) continue;
        if (member.client_addresses.empty()) member.client_addresses = known->client_addresses;
        if (member.name.empty()) member.name = known->name;
      }
    }
    configuration_version_ = view.configuration_version;
    members_ = std::move(members);
  }
  if (view.leader_id != 0 && view.leader_ballot > leader_ballot_) {
    leader_ballot_ = view.leader_ballot;
    leader_id_ = view.leader_id;
  }
}

std::optional<std::string> AddressOf(const ClusterMap& cluster, const Member& member,
                                     const FactsByAddress& facts,
                                     const std::vector<std::string>& seeds) {
  std::vector<std::string> candidates;
  for (const std::string& seed : seeds) {
    if (SpeaksFor(cluster, Find(facts, seed), member.id)) candidates.push_back(seed);
  }
  candidates.insert(candidates.end(), member.client_addresses.begin(),
                    member.client_addresses.end());
  for (const std::string& address : candidates) {
    const BackendFacts* about = Find(facts, address);
    if (about != nullptr && about->connected && SpeaksFor(cluster, about, member.id))
      return address;
  }
  if (candidates.empty()) return std::nullopt;
  return candidates.front();
}

std::vector<std::string> AddressesToFollow(const ClusterMap& cluster, const FactsByAddress& facts,
                                           const std::vector<std::string>& seeds) {
  std::vector<std::string> addresses = seeds;
  for (const Member& member : cluster.members()) {
    const bool covered = std::any_of(seeds.begin(), seeds.end(), [&](const std::string& seed) {
      const BackendFacts* about = Find(facts, seed);
      return SpeaksFor(cluster, about, member.id) && about->connected;
    });
    if (!covered && !member.client_addresses.empty()) {
      addresses.push_back(member.client_addresses.front());
    }
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace synod::balancer
