// Paxos messages to the wire.
#include <utility>
#include <variant>

#include "services/rpc/peer_codec.h"

namespace synod::rpc {
namespace {

namespace wire = paxos::v1;
using paxos::Ballot;
using paxos::Value;

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
    out->set_told_above(body.told_above.value());
    for (const paxos::UntoldVotes& untold : body.untold) {
      auto* element = out->add_untold();
      element->set_first(untold.first.value());
      element->set_last(untold.last.value());
      if (untold.bound != Ballot::Max()) Put(untold.bound, element->mutable_bound());
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
    if (body.lost_through) Put(body.lost_through, out->mutable_lost_through());
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

// Numbers and framing of one message, value or command.
constexpr size_t kOverhead = 48;

struct BodyBytes {
  size_t operator()(const paxos::Accept& body) const { return body.value.bytes().size(); }
  size_t operator()(const paxos::Promise& body) const {
    return OfValues(body.accepted) + kOverhead * body.untold.size();
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

std::string SerializeMessage(const paxos::Message& message) {
  wire::Message out;
  EncodeMessage(message, out);
  return out.SerializeAsString();
}

size_t ApproximateBytes(const paxos::Message& message) {
  return kOverhead + std::visit(BodyBytes(), message.body);
}

}  // namespace synod::rpc
