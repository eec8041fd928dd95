// Random valid requests over a handful of keys, so that they collide often.
#ifndef SYNOD_TESTS_UNIT_KV_RANDOM_REQUESTS_H_
#define SYNOD_TESTS_UNIT_KV_RANDOM_REQUESTS_H_

#include <string>

#include "common/random.h"
#include "services/kv/types.h"

namespace synod::kv {

class RandomRequests {
 public:
  explicit RandomRequests(Random random) : random_(random) {}

  // `newest`: revisions asked for lie around the range up to it.
  Request Command(Revision newest);
  RangeRequest Range(Revision newest);
  TxnRequest ReadOnlyTxn(Revision newest);

 private:
  std::string Key();
  std::string RangeEnd();
  Revision AnyRevision(Revision newest);
  PutRequest Put();
  DeleteRangeRequest DeleteRange();
  AlarmRequest Alarm();
  Compare OneCompare(Revision newest);
  Operation OneOperation(Revision newest, int depth, bool writes);
  TxnRequest Txn(Revision newest, int depth, bool writes);

  Random random_;
};

}  // namespace synod::kv

#endif  // SYNOD_TESTS_UNIT_KV_RANDOM_REQUESTS_H_
