#include "services/paxos/read_index.h"

#include <utility>

#include "common/check.h"

namespace synod::paxos {

bool ReadRounds::Add(Reader reader) {
  if (waiting_.size() >= max_waiting_) return false;
  waiting_.push_back(reader);
  return true;
}

void ReadRounds::Start(Slot slot, std::shared_ptr<const Configuration> configuration) {
  SYNOD_CHECK(Due());
  under_way_ = true;
  ++round_;
  slot_ = slot;
  configuration_ = std::move(configuration);
  readers_ = std::exchange(waiting_, {});
  answered_ = Tally();
}

std::optional<ReadRounds::Confirmed> ReadRounds::OnAnswer(NodeId from, uint64_t round) {
  if (!under_way_ || round != round_) return std::nullopt;
  answered_.Add(from);
  if (!answered_.IsQuorum(*configuration_)) return std::nullopt;
  under_way_ = false;
  return Confirmed{slot_, std::exchange(readers_, {})};
}

std::optional<uint64_t> ReadRequests::Open(uint64_t read_id) {
  if (open_.size() >= max_open_) return std::nullopt;
  const uint64_t wire_id = next_wire_id_++;
  open_.emplace(wire_id, read_id);
  return wire_id;
}

std::optional<uint64_t> ReadRequests::Close(uint64_t wire_id) {
  const auto at = open_.find(wire_id);
  if (at == open_.end()) return std::nullopt;
  const uint64_t read_id = at->second;
  open_.erase(at);
  return read_id;
}

std::vector<uint64_t> ReadRequests::OpenIds() const {
  std::vector<uint64_t> ids;
  ids.reserve(open_.size());
  for (const auto& [wire_id, read_id] : open_) ids.push_back(wire_id);
  return ids;
}

}  // namespace synod::paxos
