#include "services/kv/validate.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "services/kv/command.h"

namespace synod::kv {
namespace {

// What one branch and everything nested in it may put and delete.
class Footprint {
 public:
  // `range_end` is taken literally, as etcd does: "\0" is no infinity here, so that a delete of
  // "all from this key" overlaps no put.
  void AddDelete(const DeleteRangeRequest& request) {
    std::string end = request.range_end.empty() ? request.key + '\0' : request.range_end;
    if (request.key < end) AddInterval(request.key, std::move(end));
  }

  void AddDeletes(const Footprint& other) {
    for (const auto& [begin, end] : other.deleted_) AddInterval(begin, end);
  }

  // False when the key is put twice, or also deleted.
  bool AddPut(absl::string_view key) { return !Deletes(key) && puts_.insert(key).second; }

  // The puts of the two branches of a nested transaction, only one of which will run.
  bool AddPuts(const Footprint& then, const Footprint& otherwise) {
    for (const absl::string_view key : then.puts_) {
      if (!AddPut(key)) return false;
    }
    for (const absl::string_view key : otherwise.puts_) {
      if (then.puts_.count(key) == 0 && !AddPut(key)) return false;
    }
    return true;
  }

 private:
  bool Deletes(absl::string_view key) const {
    const auto after = deleted_.upper_bound(key);
    return after != deleted_.begin() && key < std::prev(after)->second;
  }

  // Keeps the intervals disjoint, so that one lookup answers Deletes.
  void AddInterval(std::string begin, std::string end) {
    auto it = deleted_.upper_bound(begin);
    if (it != deleted_.begin() && std::prev(it)->second >= begin) --it;
    while (it != deleted_.end() && it->first <= end) {
      begin = std::min(begin, it->first);
      end = std::max(end, it->second);
      it = deleted_.erase(it);
    }
    deleted_.emplace(std::move(begin), std::move(end));
  }

  std::set<absl::string_view> puts_;  // into the request
  std::map<std::string, std::string, std::less<>> deleted_;
};

// The order of the passes is etcd's and decides what is refused: this level's deletes first, then
// nested transactions one by one, then this level's puts. So a nested put before a sibling's nested
// delete of the same key passes, the other way round it does not.
bool Overlaps(const std::vector<Operation>& branch, Footprint* footprint) {
  for (const Operation& operation : branch) {
    if (const auto* request = std::get_if<DeleteRangeRequest>(&operation)) {
      footprint->AddDelete(*request);
    }
  }
  for (const Operation& operation : branch) {
    const auto* nested = std::get_if<TxnRequest>(&operation);
    if (nested == nullptr) continue;
    Footprint success;
    Footprint failure;
    if (Overlaps(nested->success, &success) || Overlaps(nested->failure, &failure)) return true;
    if (!footprint->AddPuts(success, failure)) return true;
    footprint->AddDeletes(success);
    footprint->AddDeletes(failure);
  }
  for (const Operation& operation : branch) {
    const auto* request = std::get_if<PutRequest>(&operation);
    if (request != nullptr && !footprint->AddPut(request->key)) return true;
  }
  return false;
}

bool Overlaps(const std::vector<Operation>& branch) {
  Footprint footprint;
  return Overlaps(branch, &footprint);
}

Error CheckFields(const TxnRequest& request, int max_ops, int depth);

// The fields of one operation of a transaction at `depth`, which leaves `max_ops` to nested ones.
struct FieldsOfOperation {
  int max_ops;
  int depth;

  Error operator()(const TxnRequest& nested) const {
    return CheckFields(nested, max_ops, depth + 1);
  }
  template <class Leaf>
  Error operator()(const Leaf& leaf) const {
    return Validate(leaf);
  }
};

// Limits and fields of a transaction and all it contains; overlaps come after, as in etcd.
Error CheckFields(const TxnRequest& request, int max_ops, int depth) {
  const size_t longest =
      std::max({request.compare.size(), request.success.size(), request.failure.size()});
  if (max_ops < 0 || longest > static_cast<size_t>(max_ops)) return Error::kTooManyOps;
  if (depth > kMaxTxnDepth) return Error::kTooManyOps;
  for (const Compare& compare : request.compare) {
    if (compare.key.empty()) return Error::kEmptyKey;
  }
  const FieldsOfOperation check{max_ops - static_cast<int>(longest), depth};
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const Operation& operation : *branch) {
      const Error error = std::visit(check, operation);
      if (error != Error::kNone) return error;
    }
  }
  return Error::kNone;
}

// True when `accept` holds for every range of both branches, at any depth, and nothing else is
// there.
template <class Accept>
bool OnlyRanges(const TxnRequest& request, const Accept& accept) {
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const Operation& operation : *branch) {
      if (const auto* range = std::get_if<RangeRequest>(&operation)) {
        if (!accept(*range)) return false;
      } else if (const auto* nested = std::get_if<TxnRequest>(&operation)) {
        if (!OnlyRanges(*nested, accept)) return false;
      } else {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

Error Validate(const RangeRequest& request) {
  if (request.key.empty()) return Error::kEmptyKey;
  if (request.sort_order > SortOrder::kDescend) return Error::kInvalidSortOption;
  if (request.sort_target > SortTarget::kValue) return Error::kInvalidSortOption;
  return Error::kNone;
}

Error Validate(const PutRequest& request) {
  if (request.key.empty()) return Error::kEmptyKey;
  if (request.ignore_value && !request.value.empty()) return Error::kValueProvided;
  if (request.ignore_lease && request.lease != 0) return Error::kLeaseProvided;
  return Error::kNone;
}

Error Validate(const DeleteRangeRequest& request) {
  return request.key.empty() ? Error::kEmptyKey : Error::kNone;
}

Error Validate(const TxnRequest& request, int max_ops) {
  const Error error = CheckFields(request, max_ops, 1);
  if (error != Error::kNone) return error;
  const bool overlaps = Overlaps(request.success) || Overlaps(request.failure);
  return overlaps ? Error::kDuplicateKey : Error::kNone;
}

bool IsReadOnly(const TxnRequest& request) {
  return OnlyRanges(request, [](const RangeRequest&) { return true; });
}

bool IsSerializable(const TxnRequest& request) {
  return OnlyRanges(request, [](const RangeRequest& range) { return range.serializable; });
}

bool IsPointRead(const RangeRequest& request) {
  return request.range_end.empty();
}

bool IsPointRead(const TxnRequest& request) {
  const auto is_point = [](const auto& one) { return one.range_end.empty(); };
  if (!std::all_of(request.compare.begin(), request.compare.end(), is_point)) return false;
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const Operation& operation : *branch) {
      if (const auto* range = std::get_if<RangeRequest>(&operation)) {
        if (!IsPointRead(*range)) return false;
      } else if (const auto* nested = std::get_if<TxnRequest>(&operation)) {
        if (!IsPointRead(*nested)) return false;
      } else {
        return false;
      }
    }
  }
  return true;
}

}  // namespace synod::kv
