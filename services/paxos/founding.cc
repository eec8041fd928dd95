#include "services/paxos/founding.h"

#include <utility>

namespace synod::paxos {

std::vector<NodeId> Founding::ToGreet(const ConfigurationHistory& configurations) const {
  std::vector<NodeId> missing;
  // Once the first configuration is history, only a newer one can tell what this log is.
  if (founded_ || impostor_ || configurations.latest().chosen_at) return missing;
  const Configuration& first = *configurations.latest().configuration;
  if (!first.IsVoter(self_)) return missing;
  for (const NodeId voter : first.voters()) {
    if (voter != self_ && !known_by_.contains(voter)) missing.push_back(voter);
  }
  return missing;
}

Greeting Founding::Greet(NodeId peer, bool answer_wanted) const {
  Greeting greeting{instance_, founded_, 0, answer_wanted};
  const auto known = instances_.find(peer);
  if (known != instances_.end()) greeting.your_instance = known->second;
  return greeting;
}

std::optional<MetRecord> Founding::OnGreeting(NodeId from, const Greeting& greeting) {
  if (founded_) return std::nullopt;
  if (greeting.your_instance == instance_) {
    known_by_.insert(from);
  } else if (greeting.your_instance != 0) {
    impostor_ = true;
    return std::nullopt;
  }
  if (!instances_.try_emplace(from, greeting.instance).second) return std::nullopt;
  return MetRecord{instances_};
}

std::optional<Configuration> Founding::Naming(const ConfigurationHistory& configurations) const {
  if (!founded_ || configurations.latest().chosen_at) return std::nullopt;
  std::vector<ConfigMember> members = configurations.latest().configuration->members();
  for (ConfigMember& member : members) {
    const auto known = instances_.find(member.id);
    if (member.id != self_ && known == instances_.end()) return std::nullopt;
    member.instance = member.id == self_ ? instance_ : known->second;
  }
  return Configuration(std::move(members));
}

std::optional<FoundedRecord> Founding::TryFound(const ConfigurationHistory& configurations) {
  if (founded_ || impostor_) return std::nullopt;
  const Configuration& latest = *configurations.latest().configuration;
  const ConfigMember* self = latest.Find(self_);
  if (self == nullptr || !self->voter) return std::nullopt;
  if (self->instance != 0 && self->instance != instance_) {
    impostor_ = true;
    return std::nullopt;
  }
  const bool named = self->instance == instance_;
  const bool born = !configurations.latest().chosen_at && ToGreet(configurations).empty();
  if (!named && !born) return std::nullopt;
  founded_ = true;
  for (const ConfigMember& member : latest.members()) {
    if (member.instance != 0 && member.id != self_) instances_[member.id] = member.instance;
  }
  return FoundedRecord{instances_};
}

}  // namespace synod::paxos
