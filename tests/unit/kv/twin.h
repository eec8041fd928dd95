// The store again, as simply as it can be said: a whole copy of the map for every revision. Shares
// nothing with the real one but the request types.
#ifndef SYNOD_TESTS_UNIT_KV_TWIN_H_
#define SYNOD_TESTS_UNIT_KV_TWIN_H_

#include <map>
#include <string>
#include <vector>

#include "services/kv/state_machine.h"
#include "services/kv/types.h"

namespace synod::kv {

class Twin {
 public:
  Result Apply(const Request& request);
  ReadResult<RangeResponse> Range(const RangeRequest& request) const;
  ReadResult<TxnResponse> ReadOnlyTxn(const TxnRequest& request) const;
  AlarmResponse AllAlarms() const;

  Revision revision() const { return static_cast<Revision>(states_.size()); }
  Revision floor() const { return floor_; }

 private:
  using State = std::map<std::string, KeyValue>;
  struct Attempt {  // one command, undone by forgetting it
    State state;
    bool changed = false;
    Error error = Error::kNone;
  };

  static std::vector<KeyValue> Select(const State& state, const std::string& key,
                                      const std::string& range_end);
  static bool Holds(const State& state, const Compare& compare);
  RangeResponse Read(const RangeRequest& request, const State& newest, bool changed) const;

  PutResponse Put(const PutRequest& request, Attempt& attempt) const;
  DeleteRangeResponse DeleteRange(const DeleteRangeRequest& request, Attempt& attempt) const;
  RangeResponse RangeInTxn(const RangeRequest& request, Attempt& attempt) const;
  TxnResponse Txn(const TxnRequest& request, Attempt& attempt) const;
  AlarmResponse ApplyAlarm(const AlarmRequest& request);
  Error Forbidden(const Request& request) const;

  const State& before() const { return states_.back(); }

  std::vector<State> states_ = {{}};  // states_[r - 1]: the store at revision r
  Revision floor_ = -1;
  std::vector<Alarm> alarms_;
};

}  // namespace synod::kv

#endif  // SYNOD_TESTS_UNIT_KV_TWIN_H_
