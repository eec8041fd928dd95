// Responses as text: comparable, and readable when a comparison fails.
#ifndef SYNOD_TESTS_UNIT_KV_TEXT_H_
#define SYNOD_TESTS_UNIT_KV_TEXT_H_

#include <string>

#include "services/kv/state_machine.h"
#include "services/kv/types.h"

namespace synod::kv {

std::string Text(const KeyValue& kv);
std::string Text(const RangeResponse& response);
std::string Text(const PutResponse& response);
std::string Text(const DeleteRangeResponse& response);
std::string Text(const TxnResponse& response);
std::string Text(const CompactResponse& response);
std::string Text(const AlarmResponse& response);
std::string Text(const Result& result);

template <class T>
std::string Text(const ReadResult<T>& result) {
  if (result.error != Error::kNone)
    return "error " + std::to_string(static_cast<int>(result.error));
  return Text(result.response);
}

}  // namespace synod::kv

#endif  // SYNOD_TESTS_UNIT_KV_TEXT_H_
