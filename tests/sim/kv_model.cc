#include "tests/sim/kv_model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/bytes.h"
#include "tests/sim/trace.h"

namespace synod::sim {
namespace {

// etcd's range rules: "" is one key, a single zero byte is "to the end".
bool InRange(const std::string& candidate, const std::string& key, const std::string& range_end) {
  if (range_end.empty()) return candidate == key;
  if (candidate < key) return false;
  return range_end == std::string(1, '\0') || candidate < range_end;
}

template <class T>
bool Compares(const T& actual, kv::CompareResult result, const T& wanted) {
  switch (result) {
    case kv::CompareResult::kEqual:
      return actual == wanted;
    case kv::CompareResult::kGreater:
      return actual > wanted;
    case kv::CompareResult::kLess:
      return actual < wanted;
    case kv::CompareResult::kNotEqual:
      return actual != wanted;
  }
  return false;
}

void AppendNumber(std::string& out, int64_t number) {
  AppendFixed(out, static_cast<uint64_t>(number));
}

void AppendKeyValue(std::string& out, const kv::KeyValue& kv) {
  AppendBytes(out, kv.key);
  AppendBytes(out, kv.value);
  AppendNumber(out, kv.create_revision);
  AppendNumber(out, kv.mod_revision);
  AppendNumber(out, kv.version);
  AppendNumber(out, kv.lease);
}

void AppendResponse(std::string& out, const kv::RangeResponse& response) {
  AppendNumber(out, response.count);
  AppendNumber(out, response.more ? 1 : 0);
  AppendNumber(out, static_cast<int64_t>(response.kvs.size()));
  for (const kv::KeyValue& kv : response.kvs) AppendKeyValue(out, kv);
}

void AppendResponse(std::string& out, const kv::PutResponse& response) {
  AppendNumber(out, response.prev_kv ? 1 : 0);
  if (response.prev_kv) AppendKeyValue(out, *response.prev_kv);
}

void AppendResponse(std::string& out, const kv::DeleteRangeResponse& response) {
  AppendNumber(out, response.deleted);
  AppendNumber(out, static_cast<int64_t>(response.prev_kvs.size()));
  for (const kv::KeyValue& kv : response.prev_kvs) AppendKeyValue(out, kv);
}

void AppendResponse(std::string& out, const kv::CompactResponse&) {
  AppendNumber(out, 0);
}

void AppendResponse(std::string& out, const kv::AlarmResponse& response) {
  for (const kv::Alarm& alarm : response.alarms) {
    AppendNumber(out, static_cast<int64_t>(alarm.member.value()));
    AppendNumber(out, static_cast<int64_t>(alarm.type));
  }
}

void AppendResponse(std::string& out, const kv::TxnResponse& response) {
  AppendNumber(out, response.succeeded ? 1 : 0);
  for (const kv::OperationResponse& part : response.responses) {
    AppendNumber(out, static_cast<int64_t>(part.index()));
    std::visit([&out](const auto& inner) { AppendResponse(out, inner); }, part);
  }
}

}  // namespace

const kv::KeyValue* KvModel::Find(const std::string& key, kv::Revision at) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  for (auto version = found->second.rbegin(); version != found->second.rend(); ++version) {
    if (version->revision <= at) return version->value.get();
  }
  return nullptr;
}

std::vector<const kv::KeyValue*> KvModel::FindAll(const std::string& key,
                                                  const std::string& range_end,
                                                  kv::Revision at) const {
  std::vector<const kv::KeyValue*> found;
  for (const auto& [candidate, versions] : keys_) {
    if (!InRange(candidate, key, range_end)) continue;
    if (const kv::KeyValue* kv = Find(candidate, at)) found.push_back(kv);
  }
  return found;
}

kv::RangeResponse KvModel::Range(const kv::RangeRequest& request, kv::Revision at) const {
  kv::RangeResponse response;
  for (const kv::KeyValue* kv : FindAll(request.key, request.range_end, at)) {
    ++response.count;
    if (request.count_only) continue;
    if (request.limit > 0 && response.count > request.limit) {
      response.more = true;
      continue;
    }
    response.kvs.push_back(*kv);
    if (request.keys_only) response.kvs.back().value.clear();
  }
  return response;
}

bool KvModel::Holds(const kv::Compare& compare) const {
  const kv::KeyValue* found = Find(compare.key, revision_);
  // A key that does not exist has zeros for its numbers and fails every comparison of values.
  if (found == nullptr && compare.target == kv::CompareTarget::kValue) return false;
  const kv::KeyValue kv = found != nullptr ? *found : kv::KeyValue();
  switch (compare.target) {
    case kv::CompareTarget::kVersion:
      return Compares(kv.version, compare.result, compare.number);
    case kv::CompareTarget::kCreate:
      return Compares(kv.create_revision, compare.result, compare.number);
    case kv::CompareTarget::kMod:
      return Compares(kv.mod_revision, compare.result, compare.number);
    case kv::CompareTarget::kLease:
      return Compares(kv.lease, compare.result, compare.number);
    case kv::CompareTarget::kValue:
      return Compares(kv.value, compare.result, compare.value);
  }
  return false;
}

void KvModel::Add(const std::string& key, Version version) {
  std::string flat = key;
  AppendNumber(flat, version.revision);
  if (version.value) AppendKeyValue(flat, *version.value);
  digest_ += HashBytes(flat);
  keys_[key].push_back(std::move(version));
  wrote_ = true;
}

kv::PutResponse KvModel::Put(const kv::PutRequest& request) {
  const kv::Revision revision = revision_ + 1;
  kv::PutResponse response;
  kv::KeyValue next{request.key, request.value, revision, revision, 1, request.lease};
  if (const kv::KeyValue* previous = Find(request.key, revision)) {
    next.create_revision = previous->create_revision;
    next.version = previous->version + 1;
    if (request.prev_kv) response.prev_kv = *previous;
  }
  Add(request.key, {revision, std::make_shared<const kv::KeyValue>(std::move(next))});
  return response;
}

kv::DeleteRangeResponse KvModel::Delete(const kv::DeleteRangeRequest& request) {
  const kv::Revision revision = revision_ + 1;
  kv::DeleteRangeResponse response;
  for (const kv::KeyValue* found : FindAll(request.key, request.range_end, revision)) {
    const kv::KeyValue previous = *found;
    ++response.deleted;
    Add(previous.key, {revision, nullptr});
    if (request.prev_kv) response.prev_kvs.push_back(previous);
  }
  return response;
}

kv::TxnResponse KvModel::Txn(const kv::TxnRequest& request) {
  kv::TxnResponse response;
  response.succeeded = std::all_of(request.compare.begin(), request.compare.end(),
                                   [this](const kv::Compare& compare) { return Holds(compare); });
  for (const kv::Operation& operation : response.succeeded ? request.success : request.failure) {
    if (const auto* range = std::get_if<kv::RangeRequest>(&operation)) {
      response.responses.emplace_back(Range(*range, revision_ + 1));
    } else if (const auto* put = std::get_if<kv::PutRequest>(&operation)) {
      response.responses.emplace_back(Put(*put));
    } else if (const auto* erase = std::get_if<kv::DeleteRangeRequest>(&operation)) {
      response.responses.emplace_back(Delete(*erase));
    }
  }
  return response;
}

kv::Error KvModel::Refuses(kv::Revision at) const {
  if (at > revision_) return kv::Error::kFutureRevision;
  return at > 0 && at < floor_ ? kv::Error::kCompacted : kv::Error::kNone;
}

kv::Error KvModel::Compact(kv::Revision revision) {
  if (revision <= floor_) return kv::Error::kCompacted;
  if (revision > revision_) return kv::Error::kFutureRevision;
  floor_ = revision;
  digest_ += HashBytes(std::to_string(revision));
  return kv::Error::kNone;
}

kv::Result KvModel::Apply(const kv::Request& request) {
  kv::Result result;
  wrote_ = false;
  if (const auto* put = std::get_if<kv::PutRequest>(&request)) {
    result.response = Put(*put);
  } else if (const auto* erase = std::get_if<kv::DeleteRangeRequest>(&request)) {
    result.response = Delete(*erase);
  } else if (const auto* txn = std::get_if<kv::TxnRequest>(&request)) {
    result.response = Txn(*txn);
  } else if (const auto* compact = std::get_if<kv::CompactRequest>(&request)) {
    result.response = kv::CompactResponse();
    result.error = Compact(compact->revision);
  }
  if (wrote_) ++revision_;
  result.revision = revision_;
  return result;
}

std::string Flatten(const kv::Result& result) {
  std::string out;
  AppendNumber(out, static_cast<int64_t>(result.error));
  AppendNumber(out, result.revision);
  if (result.error != kv::Error::kNone) return out;
  AppendNumber(out, static_cast<int64_t>(result.response.index()));
  std::visit([&out](const auto& response) { AppendResponse(out, response); }, result.response);
  return out;
}

std::string Flatten(const kv::RangeResponse& response) {
  std::string out;
  AppendResponse(out, response);
  return out;
}

}  // namespace synod::sim
