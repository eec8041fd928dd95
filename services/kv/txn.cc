#include "services/kv/txn.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::kv {
namespace {

// Walks a transaction tree along its choices.
class ChosenBranch {
 public:
  explicit ChosenBranch(const Choices& choices) : next_(choices.begin()) {}

  bool succeeded() const { return succeeded_; }
  const std::vector<Operation>& Enter(const TxnRequest& request) {
    succeeded_ = *next_++;
    return succeeded_ ? request.success : request.failure;
  }

 private:
  Choices::const_iterator next_;
  bool succeeded_ = false;
};

absl::Status AppendChoices(const Versions& versions, const TxnRequest& request, Bounds bounds,
                           Choices* choices) {
  const absl::StatusOr<bool> holds = HoldAll(versions, request.compare, bounds.revision);
  if (!holds.ok()) return holds.status();
  choices->push_back(*holds);
  for (const Operation& operation : *holds ? request.success : request.failure) {
    if (const auto* nested = std::get_if<TxnRequest>(&operation)) {
      const absl::Status status = AppendChoices(versions, *nested, bounds, choices);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// The checks of one transaction tree, operation by operation in the order they would run.
class Checker {
 public:
  Checker(const Versions& versions, Bounds bounds, const Choices& choices)
      : versions_(versions), bounds_(bounds), branch_(choices) {}

  absl::StatusOr<Error> operator()(const TxnRequest& request) {
    for (const Operation& operation : branch_.Enter(request)) {
      absl::StatusOr<Error> error = std::visit(*this, operation);
      if (!error.ok() || *error != Error::kNone) return error;
    }
    return Error::kNone;
  }

  absl::StatusOr<Error> operator()(const RangeRequest& request) {
    return CheckRevisionInTxn(request, bounds_);
  }

  absl::StatusOr<Error> operator()(const DeleteRangeRequest& request) {
    deletes_.push_back({request.key, request.range_end});
    return Error::kNone;
  }

  // etcd checks a put against the state before the transaction only. Validate lets a delete of "all
  // from this key" go before a put of a key it covers; if that put wants to keep what has just been
  // deleted, etcd's server panics and we say that the key is not there.
  absl::StatusOr<Error> operator()(const PutRequest& request) {
    absl::StatusOr<Error> error = CheckPut(versions_, request, bounds_);
    if (!error.ok() || *error != Error::kNone) return error;
    const bool keeps = request.ignore_value || request.ignore_lease;
    const bool deleted =
        keeps && std::any_of(deletes_.begin(), deletes_.end(),
                             [&](const KeyRange& range) { return Contains(range, request.key); });
    return deleted ? Error::kKeyNotFound : Error::kNone;
  }

 private:
  const Versions& versions_;
  const Bounds bounds_;
  ChosenBranch branch_;
  std::vector<KeyRange> deletes_;
};

// Runs one transaction tree. `mutation` is null when it only reads.
class Runner {
 public:
  Runner(const Versions& versions, Revision revision, Mutation* mutation, const Choices& choices)
      : versions_(versions), revision_(revision), mutation_(mutation), branch_(choices) {}

  absl::StatusOr<TxnResponse> Run(const TxnRequest& request) {
    const std::vector<Operation>& operations = branch_.Enter(request);
    TxnResponse response{.succeeded = branch_.succeeded(), .responses = {}};
    response.responses.reserve(operations.size());
    for (const Operation& operation : operations) {
      absl::StatusOr<OperationResponse> one = std::visit(*this, operation);
      if (!one.ok()) return one.status();
      response.responses.push_back(*std::move(one));
    }
    return response;
  }

  absl::StatusOr<OperationResponse> operator()(const TxnRequest& request) { return Run(request); }

  absl::StatusOr<OperationResponse> operator()(const RangeRequest& request) {
    return ExecuteRange(versions_, request,
                        mutation_ != nullptr ? mutation_->revision() : revision_);
  }

  absl::StatusOr<OperationResponse> operator()(const PutRequest& request) {
    SYNOD_CHECK(mutation_ != nullptr) << "a put in a read-only transaction";
    return mutation_->Put(request);
  }

  absl::StatusOr<OperationResponse> operator()(const DeleteRangeRequest& request) {
    SYNOD_CHECK(mutation_ != nullptr) << "a delete in a read-only transaction";
    return mutation_->DeleteRange(request);
  }

 private:
  const Versions& versions_;
  const Revision revision_;
  Mutation* const mutation_;
  ChosenBranch branch_;
};

}  // namespace

absl::StatusOr<Error> CheckPut(const Versions& versions, const PutRequest& request, Bounds bounds) {
  // No lease can be granted yet, so none is ever found.
  if (request.lease != 0) return Error::kLeaseNotFound;
  if (!request.ignore_value && !request.ignore_lease) return Error::kNone;
  bool found = false;
  const absl::Status status = WalkLive(versions, {request.key, {}}, bounds.revision,
                                       [&](absl::string_view, const Version&) {
                                         found = true;
                                         return false;
                                       });
  if (!status.ok()) return status;
  return found ? Error::kNone : Error::kKeyNotFound;
}

absl::StatusOr<Choices> Choose(const Versions& versions, const TxnRequest& request, Bounds bounds) {
  Choices choices;
  const absl::Status status = AppendChoices(versions, request, bounds, &choices);
  if (!status.ok()) return status;
  return choices;
}

absl::StatusOr<Error> CheckTxn(const Versions& versions, const TxnRequest& request,
                               const Choices& choices, Bounds bounds) {
  return Checker(versions, bounds, choices)(request);
}

absl::StatusOr<TxnResponse> RunTxn(Mutation& mutation, const TxnRequest& request,
                                   const Choices& choices) {
  return Runner(mutation.versions(), mutation.revision(), &mutation, choices).Run(request);
}

absl::StatusOr<TxnResponse> RunReadOnlyTxn(const Versions& versions, const TxnRequest& request,
                                           const Choices& choices, Bounds bounds) {
  return Runner(versions, bounds.revision, nullptr, choices).Run(request);
}

}  // namespace synod::kv
