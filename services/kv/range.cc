#include "services/kv/range.h"

#include <algorithm>
#include <limits>

namespace synod::kv {
namespace {

bool HasRevisionFilters(const RangeRequest& request) {
  return request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
         request.min_create_revision != 0 || request.max_create_revision != 0;
}

bool PassesFilters(const RangeRequest& request, const Version& version) {
  const auto within = [](Revision revision, Revision min, Revision max) {
    return (min == 0 || revision >= min) && (max == 0 || revision <= max);
  };
  return within(version.mod_revision(), request.min_mod_revision, request.max_mod_revision) &&
         within(version.create_revision, request.min_create_revision, request.max_create_revision);
}

// Whether the order asked for is the one keys are stored in. etcd's oddity is kept: without a sort
// order this holds for every sort target, so that the limit then cuts before the sort below.
bool IsStoredOrder(SortTarget target, SortOrder order) {
  return order == SortOrder::kNone || (target == SortTarget::kKey && order == SortOrder::kAscend);
}

// How many pairs to collect: one more than the limit tells whether there are more; all of them when
// filters or a sort come first.
size_t CollectLimit(const RangeRequest& request) {
  const bool limited = request.limit > 0 && request.limit < std::numeric_limits<int64_t>::max() &&
                       IsStoredOrder(request.sort_target, request.sort_order) &&
                       !HasRevisionFilters(request);
  return limited ? static_cast<size_t>(request.limit) + 1 : std::numeric_limits<size_t>::max();
}

bool Precedes(SortTarget target, const KeyValue& a, const KeyValue& b) {
  switch (target) {
    case SortTarget::kKey:
      return a.key < b.key;
    case SortTarget::kVersion:
      return a.version < b.version;
    case SortTarget::kCreate:
      return a.create_revision < b.create_revision;
    case SortTarget::kMod:
      return a.mod_revision < b.mod_revision;
    case SortTarget::kValue:
      return a.value < b.value;
  }
  return false;
}

// Stable, so that equal pairs stay in key order on every replica.
void Sort(const RangeRequest& request, std::vector<KeyValue>& kvs) {
  const SortTarget target = request.sort_target;
  SortOrder order = request.sort_order;
  if (target != SortTarget::kKey && order == SortOrder::kNone) order = SortOrder::kAscend;
  if (IsStoredOrder(target, order)) return;
  const bool descend = order == SortOrder::kDescend;
  std::stable_sort(kvs.begin(), kvs.end(), [&](const KeyValue& a, const KeyValue& b) {
    return descend ? Precedes(target, b, a) : Precedes(target, a, b);
  });
}

template <class T>
bool Holds(CompareResult result, const T& actual, const T& wanted) {
  switch (result) {
    case CompareResult::kEqual:
      return actual == wanted;
    case CompareResult::kGreater:
      return actual > wanted;
    case CompareResult::kLess:
      return actual < wanted;
    case CompareResult::kNotEqual:
      return actual != wanted;
  }
  return true;
}

bool Holds(const Compare& compare, const Version& version) {
  switch (compare.target) {
    case CompareTarget::kVersion:
      return Holds(compare.result, version.version, compare.number);
    case CompareTarget::kCreate:
      return Holds(compare.result, version.create_revision, compare.number);
    case CompareTarget::kMod:
      return Holds(compare.result, version.mod_revision(), compare.number);
    case CompareTarget::kValue:
      return Holds(compare.result, version.value, absl::string_view(compare.value));
    case CompareTarget::kLease:
      return Holds(compare.result, version.lease, compare.number);
  }
  return false;
}

}  // namespace

Error CheckRevision(const RangeRequest& request, Bounds bounds) {
  if (request.revision > bounds.revision) return Error::kFutureRevision;
  if (request.revision > 0 && request.revision < bounds.floor) return Error::kCompacted;
  return Error::kNone;
}

Error CheckRevisionInTxn(const RangeRequest& request, Bounds bounds) {
  if (request.revision == 0) return Error::kNone;
  if (request.revision > bounds.revision) return Error::kFutureRevision;
  if (request.revision < bounds.floor) return Error::kCompacted;
  return Error::kNone;
}

absl::StatusOr<RangeResponse> ExecuteRange(const Versions& versions, const RangeRequest& request,
                                           Revision newest) {
  RangeResponse response;
  const size_t collect = CollectLimit(request);
  const bool drop_values = request.keys_only && request.sort_target != SortTarget::kValue;
  const absl::Status status = WalkLive(versions, {request.key, request.range_end},
                                       request.revision > 0 ? request.revision : newest,
                                       [&](absl::string_view key, const Version& version) {
                                         ++response.count;
                                         if (request.count_only || response.kvs.size() >= collect)
                                           return true;
                                         if (!PassesFilters(request, version)) return true;
                                         Version kept = version;
                                         if (drop_values) kept.value = {};
                                         response.kvs.push_back(ToKeyValue(key, kept));
                                         return true;
                                       });
  if (!status.ok()) return status;

  Sort(request, response.kvs);
  if (request.limit > 0 && response.kvs.size() > static_cast<size_t>(request.limit)) {
    response.kvs.resize(static_cast<size_t>(request.limit));
    response.more = true;
  }
  if (request.keys_only) {
    for (KeyValue& kv : response.kvs) kv.value.clear();
  }
  return response;
}

absl::StatusOr<bool> HoldAll(const Versions& versions, const std::vector<Compare>& compares,
                             Revision newest) {
  for (const Compare& compare : compares) {
    bool holds = true;
    bool missing = true;
    const absl::Status status = WalkLive(versions, {compare.key, compare.range_end}, newest,
                                         [&](absl::string_view, const Version& version) {
                                           missing = false;
                                           holds = Holds(compare, version);
                                           return holds;
                                         });
    if (!status.ok()) return status;
    // No value can say "missing", so a value never compares with a missing key; every other target
    // is then zero.
    if (missing) holds = compare.target != CompareTarget::kValue && Holds(compare, Version());
    if (!holds) return false;
  }
  return true;
}

}  // namespace synod::kv
