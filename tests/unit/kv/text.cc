#include "tests/unit/kv/text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace synod::kv {
namespace {

std::string Text(const std::vector<KeyValue>& kvs) {
  return absl::StrJoin(
      kvs, " ", [](std::string* out, const KeyValue& kv) { absl::StrAppend(out, Text(kv)); });
}

}  // namespace

std::string Text(const KeyValue& kv) {
  return absl::StrCat(kv.key, "=", kv.value, "@", kv.mod_revision, "/c", kv.create_revision, "/v",
                      kv.version, "/l", kv.lease);
}

std::string Text(const RangeResponse& response) {
  return absl::StrCat("range [", Text(response.kvs), "] count ", response.count,
                      response.more ? " more" : "");
}

std::string Text(const PutResponse& response) {
  return absl::StrCat("put prev ", response.prev_kv ? Text(*response.prev_kv) : "none");
}

std::string Text(const DeleteRangeResponse& response) {
  return absl::StrCat("deleted ", response.deleted, " [", Text(response.prev_kvs), "]");
}

std::string Text(const TxnResponse& response) {
  return absl::StrCat(response.succeeded ? "then {" : "else {",
                      absl::StrJoin(response.responses, "; ",
                                    [](std::string* out, const OperationResponse& one) {
                                      std::visit([out](const auto& r) { *out += Text(r); }, one);
                                    }),
                      "}");
}

std::string Text(const CompactResponse&) {
  return "compacted";
}

std::string Text(const AlarmResponse& response) {
  return absl::StrCat("alarms [",
                      absl::StrJoin(response.alarms, " ",
                                    [](std::string* out, const Alarm& alarm) {
                                      absl::StrAppend(out, alarm.member.value(), ":",
                                                      static_cast<int>(alarm.type));
                                    }),
                      "]");
}

std::string Text(const Result& result) {
  if (result.error != Error::kNone) {
    return absl::StrCat("error ", static_cast<int>(result.error), " at ", result.revision);
  }
  return absl::StrCat(
      std::visit([](const auto& response) { return Text(response); }, result.response), " at ",
      result.revision);
}

}  // namespace synod::kv
