// Paxos messages from the wire: everything is checked, nothing trusted.
#include <climits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/rpc/peer_codec.h"

namespace synod::rpc {
namespace {

namespace wire = paxos::v1;
using paxos::Ballot;
using paxos::Value;

// Leaves room to add to any number without overflow.
constexpr uint64_t kLimit = uint64_t{1} << 62;

// Reads fields one by one; the first bad one is remembered and fails the whole.
class Decoder {
 public:
  absl::Status status;

  Ballot NeededBallot(const wire::Ballot& in, const char* field) {
    const Ballot ballot{in.round(), NodeId(in.node())};
    if (!ballot || !ballot.node || in.round() >= kLimit) Fail(field, "is no ballot");
    return ballot;
  }
  Ballot BallotOrNone(const wire::Ballot& in, const char* field) {
    return in.round() == 0 && in.node() == 0 ? Ballot() : NeededBallot(in, field);
  }
  Slot NeededSlot(uint64_t in, const char* field) {
    if (in == 0) Fail(field, "is zero");
    return SlotOrNone(in, field);
  }
  // A slot above `last`, which becomes it.
  Slot NextSlot(uint64_t in, const char* field, Slot& last) {
    const Slot slot = NeededSlot(in, field);
    Require(slot > last, field, "is out of order");
    return last = slot;
  }
  Slot SlotOrNone(uint64_t in, const char* field) {
    if (in >= kLimit) Fail(field, "is absurdly large");
    return Slot(in);
  }
  Value TakeValue(std::string* in, const char* field) {
    absl::StatusOr<Value> value = Value::Parse(std::move(*in));
    if (value.ok()) return *std::move(value);
    Fail(field, value.status().message());
    return Value();
  }
  void Require(bool condition, const char* field, absl::string_view problem) {
    if (!condition) Fail(field, problem);
  }

  paxos::MessageBody Body(wire::Message& in);

 private:
  void Fail(const char* field, absl::string_view problem) {
    if (!status.ok()) return;
    status = absl::InvalidArgumentError(absl::StrCat("peer message: ", field, " ", problem));
  }

  paxos::Promise Promise(wire::Promise& in);
  paxos::Forward Forward(wire::Forward& in);
  paxos::Learned Learned(wire::Learned& in);
  paxos::Heartbeat Heartbeat(const wire::Heartbeat& in);
  paxos::HeartbeatReply HeartbeatReply(const wire::HeartbeatReply& in);
};

paxos::Promise Decoder::Promise(wire::Promise& in) {
  paxos::Promise out{NeededBallot(in.ballot(), "promise.ballot"),
                     SlotOrNone(in.chosen_through(), "promise.chosen_through"),
                     {},
                     SlotOrNone(in.told_above(), "promise.told_above"),
                     {},
                     BallotOrNone(in.lost_through(), "promise.lost_through")};
  Require(out.told_above >= out.chosen_through, "promise.told_above", "is below the watermark");
  out.accepted.reserve(static_cast<size_t>(in.accepted_size()));
  Slot last_accepted = out.told_above;
  for (wire::AcceptedValue& element : *in.mutable_accepted()) {
    const Slot slot = NextSlot(element.slot(), "promise.accepted.slot", last_accepted);
    out.accepted.push_back({slot, NeededBallot(element.ballot(), "promise.accepted.ballot"),
                            TakeValue(element.mutable_value(), "promise.accepted.value")});
  }
  Slot last_untold = out.told_above;
  for (const wire::UntoldVotes& element : in.untold()) {
    const Slot first = NextSlot(element.first(), "promise.untold.first", last_untold);
    Require(element.last() >= element.first(), "promise.untold.last", "is out of order");
    last_untold = SlotOrNone(element.last(), "promise.untold.last");
    const Ballot bound =
        element.has_bound() ? NeededBallot(element.bound(), "promise.untold.bound") : Ballot::Max();
    out.untold.push_back({first, last_untold, bound});
  }
  return out;
}

paxos::Forward Decoder::Forward(wire::Forward& in) {
  paxos::Forward out{NeededBallot(in.ballot(), "forward.ballot"), in.life(), in.number(), {}};
  Require(in.number() != 0, "forward.number", "is zero");
  Require(in.commands_size() != 0, "forward.commands", "is empty");
  out.commands.reserve(static_cast<size_t>(in.commands_size()));
  for (wire::Command& command : *in.mutable_commands()) {
    Require(command.origin() != 0, "forward.commands.origin", "is zero");
    out.commands.push_back({{NodeId(command.origin()), command.sequence()},
                            std::move(*command.mutable_payload()),
                            command.configuration() ? paxos::CommandKind::kConfiguration
                                                    : paxos::CommandKind::kRequest});
  }
  return out;
}

paxos::Learned Decoder::Learned(wire::Learned& in) {
  paxos::Learned out{{}, SlotOrNone(in.chosen_through(), "learned.chosen_through")};
  out.values.reserve(static_cast<size_t>(in.values_size()));
  for (wire::ChosenValue& element : *in.mutable_values()) {
    const Slot slot = NeededSlot(element.slot(), "learned.values.slot");
    Require(out.values.empty() || slot == out.values.back().slot.next(), "learned.values.slot",
            "is not the one after its predecessor");
    out.values.push_back({slot, TakeValue(element.mutable_value(), "learned.values.value")});
  }
  return out;
}

paxos::Heartbeat Decoder::Heartbeat(const wire::Heartbeat& in) {
  return {NeededBallot(in.ballot(), "heartbeat.ballot"),
          SlotOrNone(in.chosen_through(), "heartbeat.chosen_through"),
          in.read_round(),
          SlotOrNone(in.cut_through(), "heartbeat.cut_through"),
          in.serves(),
          SlotOrNone(in.sealed(), "heartbeat.sealed")};
}

paxos::HeartbeatReply Decoder::HeartbeatReply(const wire::HeartbeatReply& in) {
  return {NeededBallot(in.ballot(), "heartbeat_reply.ballot"),
          in.read_round(),
          SlotOrNone(in.chosen_through(), "heartbeat_reply.chosen_through"),
          SlotOrNone(in.durable_applied(), "heartbeat_reply.durable_applied"),
          in.instance(),
          SlotOrNone(in.durable_chosen(), "heartbeat_reply.durable_chosen"),
          BallotOrNone(in.lost_through(), "heartbeat_reply.lost_through")};
}

paxos::MessageBody Decoder::Body(wire::Message& in) {
  switch (in.body_case()) {
    case wire::Message::kProbe:
      return paxos::Probe{NeededBallot(in.probe().ballot(), "probe.ballot"),
                          SlotOrNone(in.probe().chosen_through(), "probe.chosen_through")};
    case wire::Message::kProbeReply: {
      const auto& body = in.probe_reply();
      return paxos::ProbeReply{NeededBallot(body.ballot(), "probe_reply.ballot"), body.welcome(),
                               BallotOrNone(body.promised(), "probe_reply.promised"),
                               SlotOrNone(body.chosen_through(), "probe_reply.chosen_through")};
    }
    case wire::Message::kPrepare:
      return paxos::Prepare{NeededBallot(in.prepare().ballot(), "prepare.ballot"),
                            SlotOrNone(in.prepare().chosen_through(), "prepare.chosen_through")};
    case wire::Message::kPromise:
      return Promise(*in.mutable_promise());
    case wire::Message::kReject:
      return paxos::Reject{NeededBallot(in.reject().ballot(), "reject.ballot"),
                           NeededBallot(in.reject().promised(), "reject.promised")};
    case wire::Message::kAccept: {
      auto& body = *in.mutable_accept();
      return paxos::Accept{NeededBallot(body.ballot(), "accept.ballot"),
                           NeededSlot(body.slot(), "accept.slot"),
                           TakeValue(body.mutable_value(), "accept.value"),
                           SlotOrNone(body.chosen_through(), "accept.chosen_through")};
    }
    case wire::Message::kAccepted:
      return paxos::Accepted{NeededBallot(in.accepted().ballot(), "accepted.ballot"),
                             NeededSlot(in.accepted().slot(), "accepted.slot")};
    case wire::Message::kHeartbeat:
      return Heartbeat(in.heartbeat());
    case wire::Message::kHeartbeatReply:
      return HeartbeatReply(in.heartbeat_reply());
    case wire::Message::kReadRequest:
      return paxos::ReadRequest{NeededBallot(in.read_request().ballot(), "read_request.ballot"),
                                in.read_request().read_id()};
    case wire::Message::kReadReply:
      return paxos::ReadReply{in.read_reply().read_id(),
                              SlotOrNone(in.read_reply().slot(), "read_reply.slot")};
    case wire::Message::kForward:
      return Forward(*in.mutable_forward());
    case wire::Message::kLearnRequest:
      return paxos::LearnRequest{
          SlotOrNone(in.learn_request().first_slot(), "learn_request.first_slot")};
    case wire::Message::kLearned:
      return Learned(*in.mutable_learned());
    case wire::Message::kSnapshotOffer:
      return paxos::SnapshotOffer{NeededSlot(in.snapshot_offer().slot(), "snapshot_offer.slot")};
    case wire::Message::kTakeOver:
      return paxos::TakeOver{NeededBallot(in.take_over().ballot(), "take_over.ballot")};
    case wire::Message::kGreeting: {
      const auto& body = in.greeting();
      Require(body.instance() != 0, "greeting.instance", "is zero");
      return paxos::Greeting{body.instance(), body.founded(), body.your_instance(),
                             body.answer_wanted()};
    }
    case wire::Message::BODY_NOT_SET:
      break;
  }
  Fail("body", "is missing or of an unknown kind");
  return paxos::Probe();
}

}  // namespace

absl::StatusOr<paxos::Message> DecodeMessage(paxos::v1::Message& in, NodeId from, NodeId to) {
  Decoder decoder;
  decoder.Require(in.group() != 0, "group", "is zero");
  paxos::Message message{GroupId(in.group()), from, to, decoder.Body(in)};
  if (!decoder.status.ok()) return decoder.status;
  return message;
}

absl::StatusOr<paxos::Message> ParseMessage(absl::string_view bytes, NodeId from, NodeId to) {
  wire::Message in;
  if (bytes.size() > INT_MAX || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("peer message: the bytes are no protobuf message");
  }
  return DecodeMessage(in, from, to);
}

}  // namespace synod::rpc
