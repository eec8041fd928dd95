// What the clients saw: every operation with the times it was sent and answered.
#ifndef SYNOD_TESTS_SIM_HISTORY_H_
#define SYNOD_TESTS_SIM_HISTORY_H_

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/ids.h"
#include "services/kv/types.h"
#include "services/paxos/value.h"

namespace synod::sim {

enum class Outcome {
  kOk,
  kRefused,    // certainly not done
  kAmbiguous,  // no answer: may be done, may be done later
};

// The answer to a write.
struct WriteReply {
  Outcome outcome = Outcome::kAmbiguous;
  kv::Result result;  // kOk only
};

// The answer to a read.
struct ReadReply {
  Outcome outcome = Outcome::kAmbiguous;
  kv::RangeResponse response;          // kOk only, and without an error
  kv::Revision revision = 0;           // of the store that answered
  kv::Error error = kv::Error::kNone;  // why no such revision can be read
};

struct WriteOperation {
  kv::Request request;
  paxos::CommandId command;                 // none when it was refused before it had one
  std::vector<paxos::CommandId> repeats{};  // what it became when it was handed over again
  WriteReply reply;
};

struct ReadOperation {
  kv::RangeRequest request;
  ReadReply reply;
  kv::Revision min_revision = 0;  // the answer shows this or a later one; 0: any
};

struct Operation {
  int client = 0;
  NodeId node;
  absl::Duration sent;
  absl::Duration answered = absl::InfiniteDuration();
  std::variant<WriteOperation, ReadOperation> body;
};

using History = std::vector<Operation>;

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_HISTORY_H_
