#include "tests/unit/kv/twin.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace synod::kv {
namespace {

bool HasPut(const std::vector<Operation>& branch) {
  for (const Operation& operation : branch) {
    if (std::holds_alternative<PutRequest>(operation)) return true;
    const auto* nested = std::get_if<TxnRequest>(&operation);
    if (nested != nullptr && (HasPut(nested->success) || HasPut(nested->failure))) return true;
  }
  return false;
}

bool HasPut(const Request& request) {
  const auto* txn = std::get_if<TxnRequest>(&request);
  if (txn == nullptr) return std::holds_alternative<PutRequest>(request);
  return HasPut(txn->success) || HasPut(txn->failure);
}

}  // namespace

std::vector<KeyValue> Twin::Select(const State& state, const std::string& key,
                                   const std::string& range_end) {
  std::vector<KeyValue> selected;
  for (const auto& [name, kv] : state) {
    const bool inside =
        range_end.empty() ? name == key
                          : name >= key && (range_end == std::string(1, '\0') || name < range_end);
    if (inside) selected.push_back(kv);
  }
  return selected;
}

bool Twin::Holds(const State& state, const Compare& compare) {
  std::vector<KeyValue> kvs = Select(state, compare.key, compare.range_end);
  if (kvs.empty() && compare.target == CompareTarget::kValue) return false;
  if (kvs.empty()) kvs.emplace_back();
  return std::all_of(kvs.begin(), kvs.end(), [&](const KeyValue& kv) {
    int order = 0;
    const auto number = [&](int64_t actual) {
      order = actual < compare.number ? -1 : actual > compare.number ? 1 : 0;
    };
    if (compare.target == CompareTarget::kValue) order = kv.value.compare(compare.value);
    if (compare.target == CompareTarget::kVersion) number(kv.version);
    if (compare.target == CompareTarget::kCreate) number(kv.create_revision);
    if (compare.target == CompareTarget::kMod) number(kv.mod_revision);
    if (compare.target == CompareTarget::kLease) number(kv.lease);
    if (compare.result == CompareResult::kEqual) return order == 0;
    if (compare.result == CompareResult::kNotEqual) return order != 0;
    return compare.result == CompareResult::kLess ? order < 0 : order > 0;
  });
}

RangeResponse Twin::Read(const RangeRequest& request, const State& newest, bool changed) const {
  const bool old = request.revision > 0 && (changed || request.revision < revision());
  const State& state = old ? states_[static_cast<size_t>(request.revision - 1)] : newest;
  std::vector<KeyValue> kvs = Select(state, request.key, request.range_end);
  RangeResponse response{.count = static_cast<int64_t>(kvs.size())};
  if (request.count_only) return response;

  const auto limit = static_cast<size_t>(std::max<int64_t>(request.limit, 0));
  const auto cut = [&](size_t size) {
    if (limit > 0 && kvs.size() > size) kvs.resize(size);
  };
  const bool filters = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                       request.min_create_revision != 0 || request.max_create_revision != 0;
  if (request.sort_order == SortOrder::kNone && !filters) cut(limit + 1);
  std::erase_if(kvs, [&](const KeyValue& kv) {
    const auto outside = [](Revision revision, Revision min, Revision max) {
      return revision < min || (max != 0 && revision > max);
    };
    return outside(kv.mod_revision, request.min_mod_revision, request.max_mod_revision) ||
           outside(kv.create_revision, request.min_create_revision, request.max_create_revision);
  });
  const auto sort_by = [&](const std::function<bool(const KeyValue&, const KeyValue&)>& less) {
    std::stable_sort(kvs.begin(), kvs.end(), [&](const KeyValue& a, const KeyValue& b) {
      return request.sort_order == SortOrder::kDescend ? less(b, a) : less(a, b);
    });
  };
  switch (request.sort_target) {
    case SortTarget::kKey:
      sort_by([](const auto& a, const auto& b) { return a.key < b.key; });
      break;
    case SortTarget::kVersion:
      sort_by([](const auto& a, const auto& b) { return a.version < b.version; });
      break;
    case SortTarget::kCreate:
      sort_by([](const auto& a, const auto& b) { return a.create_revision < b.create_revision; });
      break;
    case SortTarget::kMod:
      sort_by([](const auto& a, const auto& b) { return a.mod_revision < b.mod_revision; });
      break;
    case SortTarget::kValue:
      sort_by([](const auto& a, const auto& b) { return a.value < b.value; });
      break;
  }
  response.more = limit > 0 && kvs.size() > limit;
  cut(limit);
  for (KeyValue& kv : kvs) {
    if (request.keys_only) kv.value.clear();
  }
  response.kvs = std::move(kvs);
  return response;
}

ReadResult<RangeResponse> Twin::Range(const RangeRequest& request) const {
  if (request.revision > revision()) return {Error::kFutureRevision, {}};
  if (request.revision > 0 && request.revision < floor_) return {Error::kCompacted, {}};
  return {Error::kNone, Read(request, before(), false)};
}

ReadResult<TxnResponse> Twin::ReadOnlyTxn(const TxnRequest& request) const {
  Attempt attempt{.state = before()};
  TxnResponse response = Txn(request, attempt);
  return {attempt.error, std::move(response)};
}

PutResponse Twin::Put(const PutRequest& request, Attempt& attempt) const {
  const auto old = attempt.state.find(request.key);
  const bool exists = old != attempt.state.end() && before().count(request.key) > 0;
  if (request.lease != 0) {
    attempt.error = Error::kLeaseNotFound;
    return {};
  }
  if ((request.ignore_value || request.ignore_lease) && !exists) {
    attempt.error = Error::kKeyNotFound;
    return {};
  }
  PutResponse response;
  KeyValue next{.key = request.key, .value = request.value};
  next.create_revision = next.mod_revision = revision() + 1;
  next.version = 1;
  if (old != attempt.state.end()) {
    next.create_revision = old->second.create_revision;
    next.version = old->second.version + 1;
    if (request.ignore_value) next.value = old->second.value;
    if (request.prev_kv) response.prev_kv = old->second;
  }
  attempt.state[request.key] = next;
  attempt.changed = true;
  return response;
}

DeleteRangeResponse Twin::DeleteRange(const DeleteRangeRequest& request, Attempt& attempt) const {
  const std::vector<KeyValue> kvs = Select(attempt.state, request.key, request.range_end);
  for (const KeyValue& kv : kvs) attempt.state.erase(kv.key);
  attempt.changed = attempt.changed || !kvs.empty();
  return {.deleted = static_cast<int64_t>(kvs.size()),
          .prev_kvs = request.prev_kv ? kvs : std::vector<KeyValue>()};
}

RangeResponse Twin::RangeInTxn(const RangeRequest& request, Attempt& attempt) const {
  if (request.revision > revision()) attempt.error = Error::kFutureRevision;
  if (request.revision != 0 && request.revision < floor_) attempt.error = Error::kCompacted;
  if (attempt.error != Error::kNone) return {};
  return Read(request, attempt.state, attempt.changed);
}

TxnResponse Twin::Txn(const TxnRequest& request, Attempt& attempt) const {
  TxnResponse response;
  response.succeeded = std::all_of(request.compare.begin(), request.compare.end(),
                                   [&](const Compare& c) { return Holds(before(), c); });
  for (const Operation& operation : response.succeeded ? request.success : request.failure) {
    if (const auto* range = std::get_if<RangeRequest>(&operation)) {
      response.responses.emplace_back(RangeInTxn(*range, attempt));
    } else if (const auto* put = std::get_if<PutRequest>(&operation)) {
      response.responses.emplace_back(Put(*put, attempt));
    } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&operation)) {
      response.responses.emplace_back(DeleteRange(*erase, attempt));
    } else {
      response.responses.emplace_back(Txn(std::get<TxnRequest>(operation), attempt));
    }
    if (attempt.error != Error::kNone) break;
  }
  return response;
}

AlarmResponse Twin::AllAlarms() const {
  AlarmResponse all{alarms_};
  std::sort(all.alarms.begin(), all.alarms.end());
  return all;
}

AlarmResponse Twin::ApplyAlarm(const AlarmRequest& request) {
  if (request.alarm.type == AlarmType::kNone) return {};
  const auto erased = std::erase(alarms_, request.alarm);
  if (request.action == AlarmAction::kDeactivate && erased == 0) return {};
  if (request.action == AlarmAction::kActivate) alarms_.push_back(request.alarm);
  return {{request.alarm}};
}

Error Twin::Forbidden(const Request& request) const {
  Error error = Error::kNone;
  for (const Alarm& alarm : alarms_) {
    if (alarm.type == AlarmType::kCorrupt) return Error::kCorrupt;
    if (HasPut(request)) error = Error::kNoSpace;
  }
  return error;
}

Result Twin::Apply(const Request& request) {
  if (const auto* alarm = std::get_if<AlarmRequest>(&request)) {
    return {Error::kNone, ApplyAlarm(*alarm), revision()};
  }
  if (const Error error = Forbidden(request); error != Error::kNone) return {error, {}, revision()};
  if (const auto* compact = std::get_if<CompactRequest>(&request)) {
    if (compact->revision <= floor_) return {Error::kCompacted, {}, revision()};
    if (compact->revision > revision()) return {Error::kFutureRevision, {}, revision()};
    floor_ = compact->revision;
    return {Error::kNone, CompactResponse(), revision()};
  }
  Attempt attempt{.state = before()};
  Result result;
  if (const auto* put = std::get_if<PutRequest>(&request)) {
    result.response = Put(*put, attempt);
  } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&request)) {
    result.response = DeleteRange(*erase, attempt);
  } else {
    result.response = Txn(std::get<TxnRequest>(request), attempt);
  }
  result.error = attempt.error;
  if (attempt.error == Error::kNone && attempt.changed) states_.push_back(std::move(attempt.state));
  result.revision = revision();
  return result;
}

}  // namespace synod::kv
