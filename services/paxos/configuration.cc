#include "services/paxos/configuration.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "common/bytes.h"
#include "common/check.h"

namespace synod::paxos {
namespace {

bool ById(const ConfigMember& a, const ConfigMember& b) {
  return a.id < b.id;
}

// What is wrong with members that stand in order; null when nothing is.
const char* Problem(const std::vector<ConfigMember>& members) {
  size_t voters = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (!members[i].id) return "a member has no id";
    if (i > 0 && !ById(members[i - 1], members[i])) return "members are not ascending by id";
    voters += members[i].voter ? 1 : 0;
  }
  if (voters == 0) return "nobody votes";
  if (voters > Configuration::kMaxVoters) return "too many voters";
  return members.size() > Configuration::kMaxMembers ? "too many members" : nullptr;
}

}  // namespace

Configuration::Configuration(std::vector<ConfigMember> members) : members_(std::move(members)) {
  std::sort(members_.begin(), members_.end(), ById);
  const char* problem = Problem(members_);
  SYNOD_CHECK(problem == nullptr) << problem;
  for (const ConfigMember& member : members_) {
    if (member.voter) voters_.push_back(member.id);
  }
}

Configuration Configuration::OfVoters(const std::vector<NodeId>& voters) {
  std::vector<ConfigMember> members;
  for (const NodeId voter : voters) members.push_back({voter, true, 0, ""});
  return Configuration(std::move(members));
}

const ConfigMember* Configuration::Find(NodeId node) const {
  const auto at = std::lower_bound(members_.begin(), members_.end(), node,
                                   [](const ConfigMember& a, NodeId id) { return a.id < id; });
  return at != members_.end() && at->id == node ? &*at : nullptr;
}

bool Configuration::IsVoter(NodeId node) const {
  return std::binary_search(voters_.begin(), voters_.end(), node);
}

std::string Configuration::Encode() const {
  std::string out;
  AppendFixed(out, static_cast<uint32_t>(members_.size()));
  for (const ConfigMember& member : members_) {
    AppendFixed(out, member.id.value());
    AppendFixed(out, static_cast<uint8_t>(member.voter));
    AppendFixed(out, member.instance);
    AppendBytes(out, member.attributes);
  }
  return out;
}

absl::StatusOr<Configuration> Configuration::Parse(absl::string_view bytes) {
  ByteReader reader(bytes);
  std::vector<ConfigMember> members;
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    ConfigMember& member = members.emplace_back();
    member.id = NodeId(reader.Fixed<uint64_t>());
    member.voter = reader.Fixed<uint8_t>() != 0;
    member.instance = reader.Fixed<uint64_t>();
    const absl::string_view attributes = reader.Bytes();
    member.attributes.assign(attributes.data(), attributes.size());
  }
  if (!reader.done()) return absl::InvalidArgumentError("configuration: not its exact bytes");
  if (const char* problem = Problem(members)) {
    return absl::InvalidArgumentError(std::string("configuration: ") + problem);
  }
  return Configuration(std::move(members));
}

std::string ConfigurationChange::Encode() const {
  std::string out;
  AppendFixed(out, based_on.value());
  return out + next.Encode();
}

absl::StatusOr<ConfigurationChange> ConfigurationChange::Parse(absl::string_view bytes) {
  ByteReader reader(bytes);
  const Slot based_on(reader.Fixed<uint64_t>());
  absl::StatusOr<Configuration> next = Configuration::Parse(reader.rest());
  if (!next.ok()) return next.status();
  return ConfigurationChange{based_on, *std::move(next)};
}

void Tally::Add(NodeId node) {
  const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), node);
  if (at == nodes_.end() || *at != node) nodes_.insert(at, node);
}

bool Tally::Has(NodeId node) const {
  return std::binary_search(nodes_.begin(), nodes_.end(), node);
}

bool Tally::IsQuorum(const Configuration& configuration) const {
  const auto votes = std::count_if(nodes_.begin(), nodes_.end(),
                                   [&](NodeId node) { return configuration.IsVoter(node); });
  return static_cast<size_t>(votes) >= configuration.quorum_size();
}

ConfigurationHistory::ConfigurationHistory(Configuration first)
    : eras_{{Slot(), Slot(1), std::make_shared<const Configuration>(std::move(first))}} {}

std::vector<ConfigurationHistory::Era>::const_iterator ConfigurationHistory::BeginAbove(
    Slot chosen_through) const {
  // The last era that begins at or below the next slot governs it.
  const auto later =
      std::upper_bound(eras_.begin(), eras_.end(), chosen_through.next(),
                       [](Slot slot, const Era& era) { return slot < era.governs_from; });
  SYNOD_CHECK(later != eras_.begin()) << "no configuration governs slot " << chosen_through.next();
  return std::prev(later);
}

const Configuration& ConfigurationHistory::At(Slot slot) const {
  SYNOD_CHECK(slot);
  return *BeginAbove(Slot(slot.value() - 1))->configuration;
}

bool ConfigurationHistory::IsQuorumOfAll(const Tally& tally, Slot chosen_through) const {
  return std::all_of(BeginAbove(chosen_through), end(),
                     [&](const Era& era) { return tally.IsQuorum(*era.configuration); });
}

bool ConfigurationHistory::IsVoterAbove(NodeId node, Slot chosen_through) const {
  return std::any_of(BeginAbove(chosen_through), end(),
                     [&](const Era& era) { return era.configuration->IsVoter(node); });
}

std::vector<NodeId> ConfigurationHistory::MembersAbove(Slot chosen_through) const {
  return MembersOf(BeginAbove(chosen_through), end());
}

std::vector<NodeId> ConfigurationHistory::Members() const {
  return MembersOf(eras_.begin(), end());
}

std::vector<NodeId> ConfigurationHistory::MembersOf(std::vector<Era>::const_iterator begin,
                                                    std::vector<Era>::const_iterator end) {
  std::vector<NodeId> nodes;
  for (auto era = begin; era != end; ++era) {
    for (const ConfigMember& member : era->configuration->members()) nodes.push_back(member.id);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

bool ConfigurationHistory::Choose(Slot slot, const Value& value, uint64_t window) {
  // What governed only slots chosen by now decides nothing any more; the last such one stays.
  const auto governing = BeginAbove(slot);
  if (governing != eras_.begin()) eras_.erase(eras_.begin(), std::prev(governing));
  if (value.kind() != Value::Kind::kConfiguration) return false;
  absl::StatusOr<ConfigurationChange> change =
      ConfigurationChange::Parse(value.configuration().payload);
  if (!change.ok() || change->based_on != latest().chosen_at || slot < latest().governs_from) {
    return false;
  }
  eras_.push_back(
      {slot, slot + window, std::make_shared<const Configuration>(std::move(change->next))});
  return true;
}

std::string ConfigurationHistory::Encode() const {
  std::string out;
  AppendFixed(out, static_cast<uint32_t>(eras_.size()));
  for (const Era& era : eras_) {
    AppendFixed(out, era.chosen_at.value());
    AppendFixed(out, era.governs_from.value());
    AppendBytes(out, era.configuration->Encode());
  }
  return out;
}

absl::StatusOr<ConfigurationHistory> ConfigurationHistory::Parse(absl::string_view bytes) {
  ByteReader reader(bytes);
  ConfigurationHistory history;
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    const Slot chosen_at(reader.Fixed<uint64_t>());
    const Slot governs_from(reader.Fixed<uint64_t>());
    absl::StatusOr<Configuration> configuration = Configuration::Parse(reader.Bytes());
    if (!configuration.ok()) return configuration.status();
    history.eras_.push_back({chosen_at, governs_from,
                             std::make_shared<const Configuration>(*std::move(configuration))});
  }
  const auto in_order = [](const Era& a, const Era& b) {
    return a.chosen_at < b.chosen_at && a.governs_from < b.governs_from;
  };
  if (!reader.done() || std::adjacent_find(history.eras_.begin(), history.eras_.end(),
                                           std::not_fn(in_order)) != history.eras_.end()) {
    return absl::InvalidArgumentError("configuration history: not its exact bytes");
  }
  return history;
}

}  // namespace synod::paxos
