// Commands that change who takes part. A change is computed from the newest configuration that the
// node knows, as a client's request would be.
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/paxos/configuration.h"
#include "tests/scenarios/commands.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

using Members = std::vector<paxos::ConfigMember>;

void ProposeChange(Node& node, const std::function<void(Members&)>& edit) {
  const paxos::ReplicaStatus status = node.status();
  Members members = status.configuration->members();
  edit(members);
  const paxos::ConfigurationChange change{status.configuration_slot,
                                          paxos::Configuration(std::move(members))};
  node.Propose({{}, change.Encode(), paxos::CommandKind::kConfiguration});
}

// True when the node knows a configuration, and it contains `member` or not, as wanted.
bool Allows(Cluster& cluster, Arguments& arguments, NodeId node, NodeId member, bool contained) {
  if (!node || !member) return arguments.done();
  const auto configuration = cluster.at(node).status().configuration;
  if (configuration == nullptr) {
    arguments.Fail(absl::StrCat(NodeName(node), " knows no configuration yet"));
  } else if (configuration->Contains(member) != contained) {
    arguments.Fail(absl::StrCat(NodeName(member), contained ? " is no member" : " is a member"));
  }
  return arguments.done();
}

void Join(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.AnyNode();
  arguments.Literal("via");
  const NodeId contact = arguments.Existing();
  if (node && cluster.Has(node)) arguments.Fail(absl::StrCat(NodeName(node), " exists already"));
  if (arguments.done()) cluster.Join(node, contact);
}

void AddLearner(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  const NodeId learner = arguments.AnyNode();
  if (!Allows(cluster, arguments, node, learner, /*contained=*/false)) return;
  ProposeChange(cluster.at(node), [&](Members& members) {
    members.push_back({learner, false, 0, ""});
  });
}

void Promote(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  const NodeId learner = arguments.AnyNode();
  if (!Allows(cluster, arguments, node, learner, /*contained=*/true)) return;
  uint64_t instance = 0;
  for (const paxos::MemberProgress& member : cluster.at(node).progress()) {
    if (member.id == learner) instance = member.instance;
  }
  if (instance == 0) {
    cluster.transcript().Add(Level::kAnswer, absl::StrCat(NodeName(node), " has not heard ",
                                                          NodeName(learner), ", or does not lead"));
    return;
  }
  ProposeChange(cluster.at(node), [&](Members& members) {
    for (paxos::ConfigMember& member : members) {
      if (member.id == learner) member = {learner, true, instance, ""};
    }
  });
}

void Remove(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  const NodeId member = arguments.AnyNode();
  if (!Allows(cluster, arguments, node, member, /*contained=*/true)) return;
  ProposeChange(cluster.at(node), [&](Members& members) {
    std::erase_if(members, [&](const paxos::ConfigMember& one) { return one.id == member; });
  });
}

void HandOver(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  const NodeId to = arguments.Existing();
  if (arguments.done()) cluster.at(node).HandOver(to);
}

}  // namespace

std::vector<Command> MembershipCommands() {
  return {
      {"join NODE via CONTACT", "a new node starts with an empty log; it knows its contact", Join},
      {"add-learner NODE LEARNER", "a client of NODE asks for it; the learner may start later",
       AddLearner},
      {"promote NODE LEARNER", "a client of the leader asks for it", Promote},
      {"remove NODE MEMBER", "a client of NODE asks for it", Remove},
      {"hand-over NODE TO", "the leader NODE asks TO to lead", HandOver},
  };
}

}  // namespace synod::scenarios
