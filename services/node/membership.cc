#include "services/node/membership.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"

namespace synod::node {
namespace {

using paxos::ConfigMember;
using paxos::Configuration;
using rpc::MemberRefusal;

constexpr uint32_t kAttributesFormat = 1;

// etcd's default for --max-learners.
constexpr int kMaxLearners = 1;

// A learner that lacks more than a tenth of what is chosen would make the cluster wait for it.
constexpr uint64_t kReadyNumerator = 9;
constexpr uint64_t kReadyDenominator = 10;

// One that waits for its vote gets it when it lacks no more than so many slots.
constexpr uint64_t kReadySlots = 1024;

MemberAttributes AttributesOf(const ConfigMember& member) {
  auto attributes = MemberAttributes::Parse(member.attributes);
  return attributes.ok() ? *std::move(attributes) : MemberAttributes();
}

// Has a vote, or is going to have one.
bool IsVoterToBe(const ConfigMember& member) {
  return member.voter || AttributesOf(member).votes_when_ready;
}

bool HasStarted(const ConfigMember& member, const MembershipFacts& facts) {
  return facts.names.count(member.id) != 0 || !AttributesOf(member).name.empty();
}

bool IsConnected(NodeId member, const MembershipFacts& facts) {
  return member == facts.self || facts.connected.count(member) != 0;
}

bool IsSteady(NodeId member, const MembershipFacts& facts) {
  return member == facts.self || facts.steady.count(member) != 0;
}

// Of the members that vote, or are going to, without `except`.
struct Count {
  size_t members = 0;
  size_t started = 0;
};

Count CountVoters(const Configuration& now, const MembershipFacts& facts, NodeId except) {
  Count count;
  for (const ConfigMember& member : now.members()) {
    if (member.id == except || !IsVoterToBe(member)) continue;
    ++count.members;
    if (HasStarted(member, facts)) ++count.started;
  }
  return count;
}

size_t QuorumOf(size_t voters) {
  return voters / 2 + 1;
}

bool IsQuorum(size_t some, size_t of) {
  return some >= QuorumOf(of);
}

bool HasUrlOf(const Configuration& now, const std::vector<std::string>& urls, NodeId except) {
  for (const ConfigMember& member : now.members()) {
    if (member.id == except) continue;
    for (const std::string& taken : AttributesOf(member).peer_urls) {
      if (std::find(urls.begin(), urls.end(), taken) != urls.end()) return true;
    }
  }
  return false;
}

NextConfiguration Refuse(MemberRefusal refusal) {
  return {refusal, std::nullopt, NodeId()};
}

NextConfiguration Allow(std::vector<ConfigMember> members, NodeId added = NodeId()) {
  return {MemberRefusal::kNone, Configuration(std::move(members)), added};
}

std::vector<ConfigMember> Replace(const Configuration& now, ConfigMember changed) {
  std::vector<ConfigMember> members = now.members();
  for (ConfigMember& member : members) {
    if (member.id == changed.id) member = std::move(changed);
  }
  return members;
}

class Changer {
 public:
  Changer(const Configuration& now, const MembershipFacts& facts, uint64_t random)
      : now_(now), facts_(facts), random_(random) {}

  NextConfiguration operator()(const rpc::AddMember& change) const {
    if (HasUrlOf(now_, change.peer_urls, NodeId())) return Refuse(MemberRefusal::kPeerUrlExists);
    if (change.learner) {
      const auto stays_learner = [](const ConfigMember& member) { return !IsVoterToBe(member); };
      if (std::count_if(now_.members().begin(), now_.members().end(), stays_learner) >=
          kMaxLearners) {
        return Refuse(MemberRefusal::kTooManyLearners);
      }
    } else if (const Count count = CountVoters(now_, facts_, NodeId());
               // A cluster of one may always grow: there is no other way to mend it.
               count.members > 1 && !IsQuorum(count.started, count.members + 1)) {
      return Refuse(MemberRefusal::kNotEnoughStarted);
    }
    if (SteadyVoters() != now_.voters().size()) return Refuse(MemberRefusal::kUnhealthy);
    if (now_.members().size() >= Configuration::kMaxMembers ||
        now_.voters().size() >= Configuration::kMaxVoters) {
      return Refuse(MemberRefusal::kTooManyLearners);
    }
    ConfigMember added;
    added.id = FreshId();
    added.voter = false;
    added.attributes = MemberAttributes{"", change.peer_urls, !change.learner}.Encode();
    std::vector<ConfigMember> members = now_.members();
    const NodeId id = added.id;
    members.push_back(std::move(added));
    return Allow(std::move(members), id);
  }

  NextConfiguration operator()(const rpc::RemoveMember& change) const {
    const ConfigMember* member = now_.Find(change.id);
    if (member == nullptr) return Refuse(MemberRefusal::kNotFound);
    if (member->voter) {
      const Count left = CountVoters(now_, facts_, change.id);
      // Nobody would be left to decide anything, or those who decide have never been seen.
      if (now_.voters().size() == 1 || !IsQuorum(left.started, left.members)) {
        return Refuse(MemberRefusal::kNotEnoughStarted);
      }
      // One that is down was no part of the working quorum.
      if (IsConnected(change.id, facts_) &&
          SteadyVoters() < 1 + QuorumOf(now_.voters().size() - 1)) {
        return Refuse(MemberRefusal::kUnhealthy);
      }
    }
    std::vector<ConfigMember> members = now_.members();
    members.erase(members.begin() + (member - now_.members().data()));
    return Allow(std::move(members));
  }

  NextConfiguration operator()(const rpc::UpdateMember& change) const {
    const ConfigMember* member = now_.Find(change.id);
    if (member == nullptr) return Refuse(MemberRefusal::kNotFound);
    if (HasUrlOf(now_, change.peer_urls, change.id)) {
      return Refuse(MemberRefusal::kPeerUrlExists);
    }
    ConfigMember updated = *member;
    MemberAttributes attributes = AttributesOf(*member);
    attributes.peer_urls = change.peer_urls;
    updated.attributes = attributes.Encode();
    return Allow(Replace(now_, std::move(updated)));
  }

  NextConfiguration operator()(const rpc::PromoteMember& change) const {
    const ConfigMember* member = now_.Find(change.id);
    if (member == nullptr) return Refuse(MemberRefusal::kNotFound);
    if (member->voter) return Refuse(MemberRefusal::kNotLearner);
    const auto progress = facts_.learners.find(change.id);
    if (progress == facts_.learners.end() || progress->second.instance == 0 ||
        progress->second.chosen_through.value() * kReadyDenominator <
            facts_.chosen_through.value() * kReadyNumerator) {
      return Refuse(MemberRefusal::kLearnerNotReady);
    }
    const Count others = CountVoters(now_, facts_, change.id);
    if (!IsQuorum(others.started + 1, others.members + 1)) {
      return Refuse(MemberRefusal::kNotEnoughStarted);
    }
    if (now_.voters().size() >= Configuration::kMaxVoters) {
      return Refuse(MemberRefusal::kUnhealthy);
    }
    ConfigMember voter = *member;
    voter.voter = true;
    voter.instance = progress->second.instance;
    MemberAttributes attributes = AttributesOf(*member);
    attributes.votes_when_ready = false;
    const auto name = facts_.names.find(change.id);
    if (name != facts_.names.end()) attributes.name = name->second;
    voter.attributes = attributes.Encode();
    return Allow(Replace(now_, std::move(voter)));
  }

 private:
  size_t SteadyVoters() const {
    return static_cast<size_t>(
        std::count_if(now_.voters().begin(), now_.voters().end(),
                      [this](NodeId voter) { return IsSteady(voter, facts_); }));
  }

  NodeId FreshId() const {
    NodeId id(random_);
    while (!id || now_.Contains(id)) id = NodeId(id.value() + 1);
    return id;
  }

  const Configuration& now_;
  const MembershipFacts& facts_;
  const uint64_t random_;
};

}  // namespace

std::string MemberAttributes::Encode() const {
  std::string out;
  AppendFixed(out, kAttributesFormat);
  AppendBytes(out, name);
  AppendFixed(out, static_cast<uint32_t>(peer_urls.size()));
  for (const std::string& url : peer_urls) AppendBytes(out, url);
  AppendFixed(out, static_cast<uint8_t>(votes_when_ready));
  return out;
}

absl::StatusOr<MemberAttributes> MemberAttributes::Parse(absl::string_view bytes) {
  ByteReader reader(bytes);
  MemberAttributes attributes;
  const auto format = reader.Fixed<uint32_t>();
  attributes.name = std::string(reader.Bytes());
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    attributes.peer_urls.emplace_back(reader.Bytes());
  }
  const auto votes_when_ready = reader.Fixed<uint8_t>();
  attributes.votes_when_ready = votes_when_ready != 0;
  if (!reader.done() || format != kAttributesFormat || votes_when_ready > 1 ||
      attributes.peer_urls.empty()) {
    return absl::DataLossError("a member's attributes cannot be read");
  }
  return attributes;
}

Configuration FirstConfiguration(const Identity& identity) {
  std::vector<ConfigMember> members;
  for (const IdentifiedMember& member : identity.members) {
    MemberAttributes attributes;
    attributes.name = member.name;
    for (const Url& url : member.peer_urls) attributes.peer_urls.push_back(url.ToString());
    std::sort(attributes.peer_urls.begin(), attributes.peer_urls.end());
    members.push_back({member.id, true, 0, attributes.Encode()});
  }
  return Configuration(std::move(members));
}

std::vector<rpc::Member> MembersOf(const Configuration& configuration) {
  std::vector<rpc::Member> members;
  for (const ConfigMember& member : configuration.members()) {
    MemberAttributes attributes = AttributesOf(member);
    members.push_back({member.id,
                       std::move(attributes.name),
                       std::move(attributes.peer_urls),
                       {},
                       !member.voter});
  }
  return members;
}

std::map<NodeId, std::string> PeerAddresses(const paxos::ConfigurationHistory& history) {
  std::map<NodeId, std::string> addresses;
  // The newest address of each wins.
  for (const paxos::ConfigurationHistory::Era& era : history) {
    for (const ConfigMember& member : era.configuration->members()) {
      for (const std::string& text : AttributesOf(member).peer_urls) {
        if (const auto url = ParseUrl(text); url.ok()) {
          addresses[member.id] = url->address.ToString();
          break;
        }
      }
    }
  }
  return addresses;
}

NodeId FindByPeerUrls(const Configuration& configuration, std::vector<std::string> peer_urls) {
  std::sort(peer_urls.begin(), peer_urls.end());
  for (const ConfigMember& member : configuration.members()) {
    if (AttributesOf(member).peer_urls == peer_urls) return member.id;
  }
  return NodeId();
}

NextConfiguration ApplyChange(const Configuration& now, const rpc::MemberChange& change,
                              const MembershipFacts& facts, uint64_t random) {
  return std::visit(Changer(now, facts, random), change);
}

NodeId ReadyForVote(const Configuration& now, const MembershipFacts& facts) {
  for (const ConfigMember& member : now.members()) {
    if (member.voter || !AttributesOf(member).votes_when_ready) continue;
    const auto progress = facts.learners.find(member.id);
    if (progress != facts.learners.end() && IsConnected(member.id, facts) &&
        progress->second.chosen_through + kReadySlots >= facts.chosen_through &&
        ApplyChange(now, rpc::PromoteMember{member.id}, facts, 0).configuration) {
      return member.id;
    }
  }
  return NodeId();
}

}  // namespace synod::node
