// The dumb twin of an acceptor log: all records ever appended, replayed from the start for each
// question. Also makes the records that the tests append.
#ifndef SYNOD_TESTS_UNIT_STORAGE_LOG_TWIN_H_
#define SYNOD_TESTS_UNIT_STORAGE_LOG_TWIN_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "common/random.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"

namespace synod::storage {

inline paxos::Value ValueOf(uint64_t number, size_t bytes = 20) {
  std::string payload = std::to_string(number);
  payload.resize(std::max(payload.size(), bytes), '.');
  return paxos::Value::OfCommands({{{NodeId(1), number}, payload}});
}

inline paxos::Record Promise(uint64_t group, uint64_t round) {
  return {GroupId(group), paxos::PromiseRecord{{round, NodeId(1)}}};
}

inline paxos::Record Accepted(uint64_t group, uint64_t slot, uint64_t round, paxos::Value value,
                              uint64_t chosen_through = 0) {
  return {GroupId(group),
          paxos::AcceptedRecord{
              Slot(slot), {round, NodeId(1)}, std::move(value), Slot(chosen_through)}};
}

inline paxos::Record Learned(uint64_t group, uint64_t slot, paxos::Value value) {
  return {GroupId(group), paxos::LearnedRecord{Slot(slot), std::move(value)}};
}

inline paxos::Record Founded(uint64_t group, std::map<NodeId, uint64_t> instances) {
  return {GroupId(group), paxos::FoundedRecord{std::move(instances)}};
}

inline paxos::Record Repaired(uint64_t group) {
  return {GroupId(group), paxos::RepairedRecord{}};
}

struct TwinGroup {
  paxos::Ballot promised;
  bool founded = false;
  std::map<NodeId, uint64_t> instances;
  std::map<Slot, paxos::AcceptedValue> slots;
};

class LogTwin {
 public:
  std::vector<paxos::Record> records;

  // What the first `count` records add up to.
  TwinGroup Replay(GroupId group, size_t count) const {
    TwinGroup state;
    for (size_t i = 0; i < count; ++i) {
      if (records[i].group != group) continue;
      if (const auto* promise = std::get_if<paxos::PromiseRecord>(&records[i].body)) {
        state.promised = std::max(state.promised, promise->ballot);
      } else if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&records[i].body)) {
        state.promised = std::max(state.promised, accepted->ballot);
        const auto old = state.slots.find(accepted->slot);
        const bool learned = old != state.slots.end() && !old->second.ballot;
        if (learned || (old != state.slots.end() && old->second.ballot > accepted->ballot))
          continue;
        state.slots[accepted->slot] = {accepted->slot, accepted->ballot, accepted->value};
      } else if (const auto* chosen = std::get_if<paxos::LearnedRecord>(&records[i].body)) {
        state.slots[chosen->slot] = {chosen->slot, paxos::Ballot(), chosen->value};
      } else if (const auto* met = std::get_if<paxos::MetRecord>(&records[i].body)) {
        state.instances = met->instances;
      } else if (const auto* founded = std::get_if<paxos::FoundedRecord>(&records[i].body)) {
        state.founded = true;
        state.instances = founded->instances;
      }
    }
    return state;
  }

  // Whether the log holds, for this group, exactly what the first `count` records add up to, as far
  // as it is not cut.
  bool Matches(const AcceptorLog& log, GroupId group, size_t count) const {
    const TwinGroup expected = Replay(group, count);
    const Slot cut = log.State(group).cut_through;
    const auto values = log.ReadAbove(group, cut);
    if (!values.ok()) return false;
    auto it = expected.slots.upper_bound(cut);
    for (const paxos::AcceptedValue& found : *values) {
      if (it == expected.slots.end() || found.slot != it->first ||
          found.ballot != it->second.ballot || !(found.value == it->second.value)) {
        return false;
      }
      ++it;
    }
    return it == expected.slots.end();
  }
};

}  // namespace synod::storage

#endif  // SYNOD_TESTS_UNIT_STORAGE_LOG_TWIN_H_
