// Paxos messages to and from their wire form, synod.paxos.v1.Message.
//
// The sender and the receiver of a message are properties of the stream it travels on and are not
// part of its bytes. Decoding trusts nothing: whatever it accepts keeps the contracts of
// services/paxos/message.h, so that the core need not look twice.
//
// Thread-safety: pure functions.
#ifndef SYNOD_SERVICES_RPC_PEER_CODEC_H_
#define SYNOD_SERVICES_RPC_PEER_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/paxos/message.h"
#include "synod/paxos/v1/peer.pb.h"

namespace synod::rpc {

// Raised when the meaning of a message changes or a new kind of message or command comes: replicas
// that read one log differently must not form one cluster. Peers of another version refuse the
// hello (docs/operations.md, "Rolling restart").
inline constexpr uint32_t kPeerProtocolVersion = 3;

// Fills `out`, which must be empty; the bytes of values and commands are copied.
void EncodeMessage(const paxos::Message& message, paxos::v1::Message& out);

// InvalidArgument, naming the field, when `in` is no message a correct peer could send: no or an
// unknown body, a zero group, slot or ballot where one is needed, half a ballot, slots
// and rounds at or above 2^62, bytes that are no Value, slots out of order or, in a promise, not
// above its watermark. Moves the byte fields out of `in`.
absl::StatusOr<paxos::Message> DecodeMessage(paxos::v1::Message& in, NodeId from, NodeId to);

// The same from and to bytes, for those who have no stream.
std::string SerializeMessage(const paxos::Message& message);
absl::StatusOr<paxos::Message> ParseMessage(absl::string_view bytes, NodeId from, NodeId to);

// About what the message occupies on the wire, in constant time per value or command in it.
size_t ApproximateBytes(const paxos::Message& message);

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_CODEC_H_
