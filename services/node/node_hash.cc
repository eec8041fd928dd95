// Hashes of whole stores: this member's for others, and others' for this one.
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/steady_wait.h"
#include "services/node/node.h"
#include "services/rpc/peer_calls.h"

namespace synod::node {
namespace {

// Whoever asks has reached a quorum a moment ago.
constexpr absl::Duration kReadableTimeout = absl::Seconds(10);
// Between two looks at whether anybody still waits.
constexpr absl::Duration kGiveUpCheck = absl::Milliseconds(20);

// A store of a hundred gigabytes; a connection that breaks ends a call within seconds.
constexpr absl::Duration kHashTimeout = absl::Hours(1);

}  // namespace

// The revision is there when this member has applied what any member had before the question: that
// is what a linearizable read waits for.
absl::StatusOr<kv::HashResponse> Node::HashStore(kv::Revision revision, kv::GiveUp give_up) {
  struct Answer {
    rpc::Failure failure = rpc::Failure::kNone;
    Event given;
  };
  const auto given_up = [&] { return stopping_.load() || give_up(); };
  const auto answer = std::make_shared<Answer>();
  AwaitReadable(Now() + kReadableTimeout, [answer](rpc::Failure failure) {
    answer->failure = failure;
    answer->given.Notify();
  });
  while (!answer->given.WaitWithTimeout(kGiveUpCheck)) {
    if (given_up()) return absl::CancelledError("nobody waits for this hash");
  }
  if (answer->failure != rpc::Failure::kNone) {
    return absl::UnavailableError("this member cannot catch up with the others");
  }
  const kv::ReadResult<kv::HashResponse> result = View()->Hash(revision, given_up);
  switch (result.error) {
    case kv::Error::kNone:
      return result.response;
    case kv::Error::kCompacted:
    case kv::Error::kFutureRevision:
      return absl::OutOfRangeError(absl::StrCat("revision ", revision, " cannot be read here"));
    case kv::Error::kGivenUp:
      return absl::CancelledError("nobody waits for this hash");
    default:
      return absl::DataLossError("this member cannot read its own store");
  }
}

absl::StatusOr<kv::HashResponse> Node::AskForHash(NodeId member, kv::Revision revision,
                                                  kv::GiveUp give_up) const {
  const std::string address = AddressOf(member);
  if (address.empty()) return absl::NotFoundError("it is no member any more");
  return rpc::AskForHash(address, {self_.cluster, self_.self, revision}, kHashTimeout, give_up);
}

}  // namespace synod::node
