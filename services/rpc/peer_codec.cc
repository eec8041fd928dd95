#include "services/rpc/peer_codec.h"

#include <climits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace synod::rpc {
namespace {

namespace wire = paxos::v1;
using paxos::Ballot;
using paxos::Value;

// Leaves room to add to any number without overflow.
constexpr uint64_t kLimit = uint64_t{1} << 62;

// --- to the wire -----------------------------------------------------------------------------

void Put(Ballot ballot, wire::Ballot* out) {
  out->set_round(ballot.round);
  out->set_node(ballot.node.value());
}

void Put(const Value& value, std::string* out) {
  out->assign(value.bytes().data(), value.bytes().size());
}

class Encoder {
 public:
  explicit Encoder(wire::Message& out) : out_(out) {}

  void operator()(const paxos::Probe& body) {
    auto* out = out_.mutable_probe();
    Put(body.ballot, out->mutable_ballot());
    out->set_chosen_through(body.chosen_through.value());
  }
  void operator()(const paxos::ProbeReply& body) {
    auto* out = out_.mutable_probe_reply();
    Put(body.ballot, out->mutable_ballot());
    out->set_welcome(body.welcome);
    if (body.promised) Put(body.promised, out->mutable_promised());
    out->set_chosen_through(body.chosen_through.value());
  }
  void operator()(const paxos::Prepare& body) {
    auto* out = out_.mutable_prepare();
    Put(body.ballot, out->mutable_ballot());
    out->set_chosen_through(body.chosen_through.value());
  }
  void operator()(const paxos::Promise& body) {
    auto* out = out_.mutable_promise();
    Put(body.ballot, out->mutable_ballot());
    out->set_chosen_through(body.chosen_through.value());
    for (const paxos::AcceptedValue& accepted : body.accepted) {
      auto* element = out->add_accepted();
      element->set_slot(accepted.slot.value());
      Put(accepted.ballot, element->mutable_ballot());
      Put(accepted.value, element->mutable_value());
    }
    for (const paxos::ChosenValue& chosen : body.chosen) {
      auto* element = out->add_chosen();
      element->set_slot(chosen.slot.value());
      Put(chosen.value, element->mutable_value());
    }
    for (const paxos::UnknownVote& unknown : body.unknown) {
      auto* element = out->add_unknown();
      element->set_slot(unknown.slot.value());
      if (unknown.bound != Ballot::Max()) Put(unknown.bound, element->mutable_bound());
    }
    if (body.lost_through) Put(body.lost_through, out->mutable_lost_through());
  }
  void operator()(const paxos::Reject& body) {
    auto* out = out_.mutable_reject();
    Put(body.ballot, out->mutable_ballot());
    Put(body.promised, out->mutable_promised());
  }
  void operator()(const paxos::Accept& body) {
    auto* out = out_.mutable_accept();
    Put(body.ballot, out->mutable_ballot());
    out->set_slot(body.slot.value());
    Put(body.value, out->mutable_value());
    out->set_chosen_through(body.chosen_through.value());
  }
  void operator()(const paxos::Accepted& body) {
    auto* out = out_.mutable_accepted();
    Put(body.ballot, out->mutable_ballot());
    out->set_slot(body.slot.value());
  }
  void operator()(const paxos::Heartbeat& body) {
    auto* out = out_.mutable_heartbeat();
    Put(body.ballot, out->mutable_ballot());
    out->set_chosen_through(body.chosen_through.value());
    out->set_read_round(body.read_round);
    out->set_cut_through(body.cut_through.value());
    out->set_serves(body.serves);
    out->set_sealed(body.sealed.value());
  }
  void operator()(const paxos::HeartbeatReply& body) {
    auto* out = out_.mutable_heartbeat_reply();
    Put(body.ballot, out->mutable_ballot());
    out->set_read_round(body.read_round);
    out->set_chosen_through(body.chosen_through.value());
    out->set_durable_applied(body.durable_applied.value());
    out->set_instance(body.instance);
    out->set_durable_chosen(body.durable_chosen.value());
  }
  void operator()(const paxos::ReadRequest& body) {
    auto* out = out_.mutable_read_request();
    Put(body.ballot, out->mutable_ballot());
    out->set_read_id(body.read_id);
  }
  void operator()(const paxos::ReadReply& body) {
    auto* out = out_.mutable_read_reply();
    out->set_read_id(body.read_id);
    out->set_slot(body.slot.value());
  }
  void operator()(const paxos::Forward& body) {
    auto* out = out_.mutable_forward();
    Put(body.ballot, out->mutable_ballot());
    out->set_life(body.life);
    out->set_number(body.number);
    for (const paxos::Command& command : body.commands) {
      auto* element = out->add_commands();
      element->set_origin(command.id.origin.value());
      element->set_sequence(command.id.sequence);
      element->set_payload(command.payload);
      element->set_configuration(command.kind == paxos::CommandKind::kConfiguration);
    }
  }
  void operator()(const paxos::LearnRequest& body) {
    out_.mutable_learn_request()->set_first_slot(body.first_slot.value());
  }
  void operator()(const paxos::Learned& body) {
    auto* out = out_.mutable_learned();
    out->set_chosen_through(body.chosen_through.value());
    for (const paxos::ChosenValue& chosen : body.values) {
      auto* element = out->add_values();
      element->set_slot(chosen.slot.value());
      Put(chosen.value, element->mutable_value());
    }
  }
  void operator()(const paxos::SnapshotOffer& body) {
    out_.mutable_snapshot_offer()->set_slot(body.slot.value());
  }
  void operator()(const paxos::TakeOver& body) {
    Put(body.ballot, out_.mutable_take_over()->mutable_ballot());
  }
  void operator()(const paxos::Greeting& body) {
    auto* out = out_.mutable_greeting();
    out->set_instance(body.instance);
    out->set_founded(body.founded);
    out->set_your_instance(body.your_instance);
    out->set_answer_wanted(body.answer_wanted);
  }

 private:
  wire::Message& out_;
};

// --- from the wire ---------------------------------------------------------------------------

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
};

paxos::Promise Decoder::Promise(wire::Promise& in) {
  paxos::Promise out{NeededBallot(in.ballot(), "promise.ballot"),
                     SlotOrNone(in.chosen_through(), "promise.chosen_through"),
                     {},
                     {},
                     {},
                     BallotOrNone(in.lost_through(), "promise.lost_through")};
  out.accepted.reserve(static_cast<size_t>(in.accepted_size()));
  Slot last_accepted = out.chosen_through;
  for (wire::AcceptedValue& element : *in.mutable_accepted()) {
    const Slot slot = NextSlot(element.slot(), "promise.accepted.slot", last_accepted);
    out.accepted.push_back({slot, NeededBallot(element.ballot(), "promise.accepted.ballot"),
                            TakeValue(element.mutable_value(), "promise.accepted.value")});
  }
  Slot last_chosen = out.chosen_through;
  for (wire::ChosenValue& element : *in.mutable_chosen()) {
    out.chosen.push_back({NextSlot(element.slot(), "promise.chosen.slot", last_chosen),
                          TakeValue(element.mutable_value(), "promise.chosen.value")});
  }
  Slot last_unknown = out.chosen_through;
  for (const wire::UnknownVote& element : in.unknown()) {
    const Ballot bound = element.has_bound()
                             ? NeededBallot(element.bound(), "promise.unknown.bound")
                             : Ballot::Max();
    out.unknown.push_back({NextSlot(element.slot(), "promise.unknown.slot", last_unknown), bound});
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
    case wire::Message::kHeartbeat: {
      const auto& body = in.heartbeat();
      return paxos::Heartbeat{NeededBallot(body.ballot(), "heartbeat.ballot"),
                              SlotOrNone(body.chosen_through(), "heartbeat.chosen_through"),
                              body.read_round(),
                              SlotOrNone(body.cut_through(), "heartbeat.cut_through"),
                              body.serves(),
                              SlotOrNone(body.sealed(), "heartbeat.sealed")};
    }
    case wire::Message::kHeartbeatReply: {
      const auto& body = in.heartbeat_reply();
      return paxos::HeartbeatReply{
          NeededBallot(body.ballot(), "heartbeat_reply.ballot"),
          body.read_round(),
          SlotOrNone(body.chosen_through(), "heartbeat_reply.chosen_through"),
          SlotOrNone(body.durable_applied(), "heartbeat_reply.durable_applied"),
          body.instance(),
          SlotOrNone(body.durable_chosen(), "heartbeat_reply.durable_chosen")};
    }
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

// --- sizes -----------------------------------------------------------------------------------

// Numbers and framing of one message, value or command.
constexpr size_t kOverhead = 48;

struct BodyBytes {
  size_t operator()(const paxos::Accept& body) const { return body.value.bytes().size(); }
  size_t operator()(const paxos::Promise& body) const {
    return OfValues(body.accepted) + OfValues(body.chosen) + kOverhead * body.unknown.size();
  }
  size_t operator()(const paxos::Learned& body) const { return OfValues(body.values); }
  size_t operator()(const paxos::Forward& body) const {
    size_t bytes = 0;
    for (const paxos::Command& command : body.commands) bytes += kOverhead + command.payload.size();
    return bytes;
  }
  template <class Fixed>
  size_t operator()(const Fixed&) const {
    return 0;
  }

  template <class Element>
  static size_t OfValues(const std::vector<Element>& elements) {
    size_t bytes = 0;
    for (const Element& element : elements) bytes += kOverhead + element.value.bytes().size();
    return bytes;
  }
};

}  // namespace

void EncodeMessage(const paxos::Message& message, paxos::v1::Message& out) {
  out.set_group(message.group.value());
  std::visit(Encoder(out), message.body);
}

absl::StatusOr<paxos::Message> DecodeMessage(paxos::v1::Message& in, NodeId from, NodeId to) {
  Decoder decoder;
  decoder.Require(in.group() != 0, "group", "is zero");
  paxos::Message message{GroupId(in.group()), from, to, decoder.Body(in)};
  if (!decoder.status.ok()) return decoder.status;
  return message;
}

std::string SerializeMessage(const paxos::Message& message) {
  wire::Message out;
  EncodeMessage(message, out);
  return out.SerializeAsString();
}

absl::StatusOr<paxos::Message> ParseMessage(absl::string_view bytes, NodeId from, NodeId to) {
  wire::Message in;
  if (bytes.size() > INT_MAX || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("peer message: the bytes are no protobuf message");
  }
  return DecodeMessage(in, from, to);
}

size_t ApproximateBytes(const paxos::Message& message) {
  return kOverhead + std::visit(BodyBytes(), message.body);
}

}  // namespace synod::rpc
