#include "services/kv/alarms.h"

#include <algorithm>

#include "common/bytes.h"
#include "services/kv/format.h"
#include "services/kv/versions.h"

namespace synod::kv {
namespace {

bool Puts(const TxnRequest& request);

bool Puts(const Operation& operation) {
  if (const auto* nested = std::get_if<TxnRequest>(&operation)) return Puts(*nested);
  return std::holds_alternative<PutRequest>(operation);
}

bool Puts(const TxnRequest& request) {
  const auto puts = [](const Operation& operation) { return Puts(operation); };
  return std::any_of(request.success.begin(), request.success.end(), puts) ||
         std::any_of(request.failure.begin(), request.failure.end(), puts);
}

bool Grows(const Request& request) {
  if (const auto* txn = std::get_if<TxnRequest>(&request)) return Puts(*txn);
  return std::holds_alternative<PutRequest>(request);
}

}  // namespace

AlarmResponse Alarms::Activate(Alarm alarm) {
  if (alarm.type == AlarmType::kNone) return {};
  if (alarms_.size() >= kMost && alarms_.count(alarm) == 0) return {};
  alarms_.insert(alarm);
  return {{alarm}};
}

AlarmResponse Alarms::Deactivate(Alarm alarm) {
  if (alarms_.erase(alarm) == 0) return {};
  return {{alarm}};
}

std::vector<Alarm> Alarms::List(AlarmType type) const {
  std::vector<Alarm> list;
  for (const Alarm& alarm : alarms_) {
    if (type == AlarmType::kNone || type == alarm.type) list.push_back(alarm);
  }
  return list;
}

RaisedKinds Alarms::raised() const {
  RaisedKinds raised;
  for (const Alarm& alarm : alarms_) {
    raised.no_space = raised.no_space || alarm.type == AlarmType::kNoSpace;
    raised.corrupt = raised.corrupt || alarm.type == AlarmType::kCorrupt;
  }
  return raised;
}

std::string Alarms::Encode() const {
  std::string out;
  for (const Alarm& alarm : alarms_) {
    AppendFixed(out, alarm.member.value());
    AppendFixed(out, static_cast<uint8_t>(alarm.type));
  }
  return out;
}

absl::StatusOr<Alarms> Alarms::Load(const storage::EngineReader& reader) {
  std::string bytes;
  const absl::StatusOr<bool> found = reader.Get(storage::Column::kMeta, kAlarmsKey, &bytes);
  if (!found.ok()) return found.status();
  Alarms alarms;
  if (*found && !alarms.Decode(bytes)) return DamagedRecord("list of alarms", kAlarmsKey);
  return alarms;
}

bool Alarms::Decode(absl::string_view bytes) {
  ByteReader reader(bytes);
  while (reader.ok() && !reader.done()) {
    const NodeId member(reader.Fixed<uint64_t>());
    const auto type = static_cast<AlarmType>(reader.Fixed<uint8_t>());
    const bool known = type == AlarmType::kNoSpace || type == AlarmType::kCorrupt;
    if (!known || !alarms_.insert({member, type}).second) return false;
  }
  return reader.done() && alarms_.size() <= kMost;
}

Error Refusal(RaisedKinds raised, const Request& request) {
  if (std::holds_alternative<AlarmRequest>(request)) return Error::kNone;
  if (raised.corrupt) return Error::kCorrupt;
  return raised.no_space && Grows(request) ? Error::kNoSpace : Error::kNone;
}

}  // namespace synod::kv
