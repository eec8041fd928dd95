#include "tests/scenarios/words.h"

#include <array>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace synod::scenarios {
namespace {

using paxos::MessageBody;

// In the order of MessageBody.
constexpr std::array<const char*, std::variant_size_v<MessageBody>> kKinds = {
    "Probe",        "ProbeReply", "Prepare",        "Promise",     "Reject",    "Accept",
    "Accepted",     "Heartbeat",  "HeartbeatReply", "ReadRequest", "ReadReply", "Forward",
    "LearnRequest", "Learned",    "SnapshotOffer",  "TakeOver",    "Greeting"};

std::string At(const paxos::Ballot& ballot) {
  return absl::StrCat("ballot ", BallotWord(ballot));
}
std::string Through(Slot slot) {
  return absl::StrCat(", chosen through ", slot.value());
}
std::string SlotWord(Slot slot) {
  return absl::StrCat("slot ", slot.value());
}

// What a message says behind its kind.
struct Details {
  std::string operator()(const paxos::Probe& probe) const {
    return absl::StrCat(At(probe.ballot), Through(probe.chosen_through));
  }
  std::string operator()(const paxos::ProbeReply& reply) const {
    return absl::StrCat(At(reply.ballot), reply.welcome ? ", welcome" : ", not welcome",
                        ", promised ", BallotWord(reply.promised), Through(reply.chosen_through));
  }
  std::string operator()(const paxos::Prepare& prepare) const {
    return absl::StrCat(At(prepare.ballot), Through(prepare.chosen_through));
  }
  std::string operator()(const paxos::Promise& promise) const {
    std::string words = absl::StrCat(At(promise.ballot), Through(promise.chosen_through));
    for (const paxos::AcceptedValue& value : promise.accepted) {
      absl::StrAppend(&words, "; accepted ", SlotWord(value.slot), " at ", BallotWord(value.ballot),
                      ": ", ValueWords(value.value));
    }
    for (const paxos::UntoldVotes& votes : promise.untold) {
      absl::StrAppend(&words, "; ", UntoldWords(votes));
    }
    if (promise.lost_through) {
      absl::StrAppend(&words, "; votes lost in any slot at most at ",
                      BallotWord(promise.lost_through));
    }
    return words;
  }
  std::string operator()(const paxos::Reject& reject) const {
    return absl::StrCat(At(reject.ballot), ", promised ", BallotWord(reject.promised));
  }
  std::string operator()(const paxos::Accept& accept) const {
    return absl::StrCat(At(accept.ballot), ", ", SlotWord(accept.slot), ": ",
                        ValueWords(accept.value), Through(accept.chosen_through));
  }
  std::string operator()(const paxos::Accepted& accepted) const {
    return absl::StrCat(At(accepted.ballot), ", ", SlotWord(accepted.slot));
  }
  std::string operator()(const paxos::Heartbeat& heartbeat) const {
    std::string words = absl::StrCat(At(heartbeat.ballot), Through(heartbeat.chosen_through));
    if (heartbeat.read_round != 0) absl::StrAppend(&words, ", round ", heartbeat.read_round);
    if (heartbeat.sealed) absl::StrAppend(&words, ", sealed ", SlotWord(heartbeat.sealed));
    return words;
  }
  std::string operator()(const paxos::HeartbeatReply& reply) const {
    std::string words = absl::StrCat(At(reply.ballot), Through(reply.chosen_through));
    if (reply.durable_chosen != reply.chosen_through) {
      absl::StrAppend(&words, ", after a crash through ", reply.durable_chosen.value());
    }
    if (reply.lost_through) {
      absl::StrAppend(&words, ", votes lost through ", BallotWord(reply.lost_through));
    }
    return absl::StrCat(words, ", round ", reply.read_round);
  }
  std::string operator()(const paxos::ReadRequest& request) const { return At(request.ballot); }
  std::string operator()(const paxos::ReadReply& reply) const { return SlotWord(reply.slot); }
  std::string operator()(const paxos::Forward& forward) const {
    return absl::StrCat(At(forward.ballot), ": ",
                        ValueWords(paxos::Value::OfCommands(forward.commands)));
  }
  std::string operator()(const paxos::LearnRequest& request) const {
    return request.first_slot ? absl::StrCat("from ", SlotWord(request.first_slot), " on")
                              : "for a snapshot";
  }
  std::string operator()(const paxos::Learned& learned) const {
    std::vector<std::string> values;
    for (const paxos::ChosenValue& value : learned.values) {
      values.push_back(absl::StrCat(SlotWord(value.slot), ": ", ValueWords(value.value)));
    }
    return absl::StrCat(absl::StrJoin(values, "; "), Through(learned.chosen_through));
  }
  std::string operator()(const paxos::SnapshotOffer& offer) const {
    return absl::StrCat("through ", SlotWord(offer.slot));
  }
  std::string operator()(const paxos::TakeOver& take_over) const { return At(take_over.ballot); }
  std::string operator()(const paxos::Greeting& greeting) const {
    std::string words = absl::StrCat("from log ", greeting.instance,
                                     greeting.founded ? ", founded" : ", not founded");
    if (greeting.your_instance != 0) {
      absl::StrAppend(&words, ", knows the receiver by log ", greeting.your_instance);
    }
    return words + (greeting.answer_wanted ? ", wants an answer" : "");
  }
};

struct RecordDetails {
  std::string operator()(const paxos::PromiseRecord& promise) const {
    return absl::StrCat("promise of ", At(promise.ballot));
  }
  std::string operator()(const paxos::AcceptedRecord& accepted) const {
    return absl::StrCat("accepted ", SlotWord(accepted.slot), " at ", At(accepted.ballot), ": ",
                        ValueWords(accepted.value));
  }
  std::string operator()(const paxos::LearnedRecord& learned) const {
    return absl::StrCat("learned ", SlotWord(learned.slot), ": ", ValueWords(learned.value));
  }
  std::string operator()(const paxos::MetRecord& met) const {
    std::string names;
    for (const auto& [node, instance] : met.instances) absl::StrAppend(&names, " ", NodeName(node));
    return absl::StrCat("met", names);
  }
  std::string operator()(const paxos::FoundedRecord& /*founded*/) const { return "founded"; }
  std::string operator()(const paxos::RepairedRecord& /*repaired*/) const { return "repaired"; }
};

std::string Names(const paxos::Configuration& configuration, bool voters) {
  std::string names;
  for (const paxos::ConfigMember& member : configuration.members()) {
    if (member.voter == voters) absl::StrAppend(&names, " ", NodeName(member.id));
  }
  return names;
}

}  // namespace

std::string NodeName(NodeId node) {
  return absl::StrCat("n", node.value());
}

std::string BallotWord(const paxos::Ballot& ballot) {
  if (!ballot) return "none";
  return absl::StrCat(ballot.round, ".", ballot.node.value());
}

std::string ValueWords(const paxos::Value& value) {
  if (value.is_no_op()) return "no-op";
  if (value.kind() == paxos::Value::Kind::kConfiguration) {
    const auto change = paxos::ConfigurationChange::Parse(value.configuration().payload);
    if (!change.ok()) return "configuration that cannot be read";
    return absl::StrCat("configuration of ", ConfigurationWords(change->next), ", based on ",
                        SlotWord(change->based_on));
  }
  return absl::StrJoin(value.Commands(), ", ", [](std::string* out, const auto& command) {
    absl::StrAppend(out, command.payload);
  });
}

std::string UnknownWords(const paxos::UnknownVote& vote) {
  if (vote.bound == paxos::Ballot::Max()) {
    return absl::StrCat("unknown value in ", SlotWord(vote.slot), ", chosen");
  }
  if (!vote.bound) return absl::StrCat("unknown value in ", SlotWord(vote.slot), ", no vote");
  return absl::StrCat("unknown vote in ", SlotWord(vote.slot), ", at most at ",
                      BallotWord(vote.bound));
}

std::string UntoldWords(const paxos::UntoldVotes& votes) {
  const std::string slots = votes.first == votes.last ? SlotWord(votes.first)
                                                      : absl::StrCat("slots ", votes.first.value(),
                                                                     " to ", votes.last.value());
  return absl::StrCat("leaves out ", slots,
                      votes.bound == paxos::Ballot::Max()
                          ? std::string(", any votes")
                          : absl::StrCat(", votes at most at ", BallotWord(votes.bound)));
}

std::string ConfigurationWords(const paxos::Configuration& configuration) {
  const std::string learners = Names(configuration, /*voters=*/false);
  return absl::StrCat("voters", Names(configuration, /*voters=*/true),
                      learners.empty() ? "" : ", learners", learners);
}

const char* KindOf(const MessageBody& body) {
  return kKinds[body.index()];
}

std::vector<absl::string_view> MessageKinds() {
  return {kKinds.begin(), kKinds.end()};
}

Slot SlotOf(const MessageBody& body) {
  return std::visit(
      [](const auto& message) {
        if constexpr (requires { message.slot; }) {
          return message.slot;
        } else {
          return Slot();
        }
      },
      body);
}

std::string MessageWords(const MessageBody& body) {
  return absl::StrCat(KindOf(body), " ", std::visit(Details(), body));
}

std::string RecordWords(const paxos::RecordBody& body) {
  return std::visit(RecordDetails(), body);
}

}  // namespace synod::scenarios
