// The puts and deletes of one command. All of them share the next revision; the command makes that
// revision only when it changes something.
//
// Not thread-safe. Status codes: versions.h.
#ifndef SYNOD_SERVICES_KV_MUTATION_H_
#define SYNOD_SERVICES_KV_MUTATION_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "services/kv/range.h"
#include "services/kv/types.h"
#include "services/kv/write_set.h"

namespace synod::kv {

class Mutation {
 public:
  // `bounds`: the store before the command.
  Mutation(WriteSet& writes, Bounds bounds) : writes_(writes), bounds_(bounds) {}

  // Precondition: CheckPut (txn.h) passed.
  absl::StatusOr<PutResponse> Put(const PutRequest& request);
  absl::StatusOr<DeleteRangeResponse> DeleteRange(const DeleteRangeRequest& request);

  const Versions& versions() const { return writes_; }

  // The newest revision now: what later operations of the command read, and its result's revision.
  Revision revision() const { return bounds_.revision + (changes_ > 0 ? 1 : 0); }

 private:
  // Makes `next`, all but its position, the newest version of `key`; `current` is the present one.
  absl::Status Write(absl::string_view key, const Newest* current, Version next);
  absl::Status Delete(absl::string_view key);

  WriteSet& writes_;
  const Bounds bounds_;
  uint32_t changes_ = 0;
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_MUTATION_H_
