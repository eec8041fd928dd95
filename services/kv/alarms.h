// The alarms that members have raised, and what may not run meanwhile: etcd's rules
// (etcdserver/apply, the capped and the corrupt applier).
//
// Replicated state beside the store: it has no revision, and the store's hash leaves it out, but it
// is in the engine and so in every snapshot. Values; not thread-safe.
#ifndef SYNOD_SERVICES_KV_ALARMS_H_
#define SYNOD_SERVICES_KV_ALARMS_H_

#include <cstddef>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/kv/types.h"
#include "services/storage/engine.h"

namespace synod::kv {

// Which kinds at least one member has raised.
struct RaisedKinds {
  bool no_space = false;
  bool corrupt = false;
};

class Alarms {
 public:
  // Anybody may raise alarms in any member's name, so there is a bound; what goes beyond it has no
  // effect, as one alarm of a kind has the effect of all.
  static constexpr size_t kMost = 1024;

  // Both answer with the alarm: if it is raised now, or if it was raised before. Else with none.
  AlarmResponse Activate(Alarm alarm);
  AlarmResponse Deactivate(Alarm alarm);

  // Those of `type`, or all for kNone; by member.
  std::vector<Alarm> List(AlarmType type) const;
  RaisedKinds raised() const;

  // The bytes under kAlarmsKey, and what they say there. Status codes: versions.h.
  std::string Encode() const;
  static absl::StatusOr<Alarms> Load(const storage::EngineReader& reader);

 private:
  // False for bytes that Encode did not write.
  bool Decode(absl::string_view bytes);

  std::set<Alarm> alarms_;
};

// kNone, or why `request` may not run. Without space: no put, nor a transaction with a put in
// either branch at any depth (etcd overlooks those of nested transactions), while what frees space
// and what reads runs. With corrupt data: nothing that writes. Alarms themselves always run.
Error Refusal(RaisedKinds raised, const Request& request);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_ALARMS_H_
