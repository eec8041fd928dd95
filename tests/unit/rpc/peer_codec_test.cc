#include "services/rpc/peer_codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace synod::rpc {
namespace {

using paxos::Ballot;
using paxos::Command;
using paxos::CommandKind;
using paxos::Message;
using paxos::MessageBody;
using paxos::Value;

const NodeId kFrom(11);
const NodeId kTo(22);
const Ballot kBallot{7, NodeId(11)};

Value Batch() {
  return Value::OfCommands(
      {{{NodeId(5), 6}, std::string("put\0a", 5)}, {{NodeId(5), 7}, std::string(3000, 'x')}});
}

// One of each kind, every field set.
std::vector<MessageBody> AllKinds() {
  return {
      paxos::Probe{kBallot, Slot(3)},
      paxos::ProbeReply{kBallot, true, Ballot{6, NodeId(22)}, Slot(4)},
      paxos::ProbeReply{kBallot, false, Ballot(), Slot()},
      paxos::Prepare{kBallot, Slot(5)},
      paxos::Promise{kBallot, Slot(6), {}, Slot(6)},
      paxos::Promise{kBallot,
                     Slot(6),
                     {},
                     Slot(7),
                     {{Slot(8), Slot(8), kBallot}, {Slot(9), Slot(12), Ballot::Max()}},
                     Ballot{3, NodeId(9)}},
      paxos::Promise{kBallot,
                     Slot(6),
                     {{Slot(7), Ballot{2, NodeId(9)}, Batch()}, {Slot(9), kBallot, Value()}},
                     Slot(6)},
      paxos::Reject{kBallot, Ballot{9, NodeId(22)}},
      paxos::Accept{kBallot, Slot(8), Batch(), Slot(7)},
      paxos::Accept{kBallot, Slot(8),
                    Value::OfCommands({{{NodeId(5), 9}, "change", CommandKind::kConfiguration}}),
                    Slot()},
      paxos::Accepted{kBallot, Slot(8)},
      paxos::Heartbeat{kBallot, Slot(9), 77, Slot(2), true, Slot(3)},
      paxos::HeartbeatReply{kBallot, 77, Slot(8), Slot(1), ~uint64_t{7}, Slot(6), kBallot},
      paxos::ReadRequest{kBallot, 123},
      paxos::ReadReply{123, Slot(9)},
      paxos::Forward{kBallot, ~uint64_t{0}, 3, {Command{{NodeId(5), 8}, "payload"}}},
      paxos::Forward{
          kBallot, 1, 4, {Command{{NodeId(5), 9}, "change", CommandKind::kConfiguration}}},
      paxos::LearnRequest{Slot(1)},
      paxos::LearnRequest{Slot()},
      paxos::SnapshotOffer{Slot(9)},
      paxos::TakeOver{kBallot},
      paxos::Greeting{~uint64_t{5}, true, 6, true},
      paxos::Learned{{{Slot(1), Value()}, {Slot(2), Batch()}}, Slot(30)},
  };
}

Message With(MessageBody body) {
  return {GroupId(1), kFrom, kTo, std::move(body)};
}

TEST(PeerCodecTest, EveryKindRoundTrips) {
  std::vector<bool> seen(std::variant_size_v<MessageBody>, false);
  for (const MessageBody& body : AllKinds()) {
    seen[body.index()] = true;
    const std::string bytes = SerializeMessage(With(body));
    const absl::StatusOr<Message> decoded = ParseMessage(bytes, kFrom, kTo);
    ASSERT_TRUE(decoded.ok()) << body.index() << ": " << decoded.status();
    EXPECT_EQ(decoded->group, GroupId(1));
    EXPECT_EQ(decoded->from, kFrom);
    EXPECT_EQ(decoded->to, kTo);
    EXPECT_EQ(decoded->body.index(), body.index());
    // Encoding again gives the same bytes, so no field was lost or changed.
    EXPECT_EQ(SerializeMessage(*decoded), bytes) << body.index();
  }
  EXPECT_EQ(seen, std::vector<bool>(seen.size(), true)) << "a kind has no example above";
}

TEST(PeerCodecTest, KeepsTheFieldsOfAnAccept) {
  const auto decoded = ParseMessage(
      SerializeMessage(With(paxos::Accept{kBallot, Slot(8), Batch(), Slot(7)})), kFrom, kTo);
  ASSERT_TRUE(decoded.ok());
  const auto& accept = std::get<paxos::Accept>(decoded->body);
  EXPECT_EQ(accept.ballot, kBallot);
  EXPECT_EQ(accept.slot, Slot(8));
  EXPECT_EQ(accept.chosen_through, Slot(7));
  EXPECT_EQ(accept.value, Batch());
}

struct BadCase {
  const char* name;
  MessageBody body;                                // valid
  std::function<void(paxos::v1::Message&)> spoil;  // what makes it bad
};

TEST(PeerCodecTest, RefusesWhatNoCorrectPeerSends) {
  constexpr uint64_t kHuge = uint64_t{1} << 62;
  const MessageBody accept = paxos::Accept{kBallot, Slot(8), Batch(), Slot(7)};
  const MessageBody promise = paxos::Promise{
      kBallot, Slot(6), {{Slot(8), kBallot, Value()}, {Slot(10), kBallot, Value()}}, Slot(7)};
  const MessageBody repair = paxos::Promise{
      kBallot, Slot(6), {}, Slot(7), {{Slot(8), Slot(9), kBallot}, {Slot(10), Slot(10), kBallot}}};
  const MessageBody learned = paxos::Learned{{{Slot(1), Value()}, {Slot(2), Value()}}, Slot(3)};
  const MessageBody forward = paxos::Forward{kBallot, 1, 3, {Command{{NodeId(5), 8}, "p"}}};
  const BadCase cases[] = {
      {"no group", accept, [](auto& m) { m.set_group(0); }},
      {"no body", accept, [](auto& m) { m.clear_body(); }},
      {"no ballot", accept, [](auto& m) { m.mutable_accept()->clear_ballot(); }},
      {"no round", accept, [](auto& m) { m.mutable_accept()->mutable_ballot()->set_round(0); }},
      {"no node", accept, [](auto& m) { m.mutable_accept()->mutable_ballot()->set_node(0); }},
      {"huge round", accept,
       [](auto& m) { m.mutable_accept()->mutable_ballot()->set_round(kHuge); }},
      {"no slot", accept, [](auto& m) { m.mutable_accept()->set_slot(0); }},
      {"huge slot", accept, [](auto& m) { m.mutable_accept()->set_slot(kHuge); }},
      {"huge watermark", accept, [](auto& m) { m.mutable_accept()->set_chosen_through(~0ull); }},
      {"no value", accept, [](auto& m) { m.mutable_accept()->clear_value(); }},
      {"bad value kind", accept, [](auto& m) { m.mutable_accept()->set_value("\x7f"); }},
      {"cut value", accept, [](auto& m) { m.mutable_accept()->mutable_value()->pop_back(); }},
      {"half a promised ballot", paxos::ProbeReply{kBallot, true, kBallot, Slot(4)},
       [](auto& m) { m.mutable_probe_reply()->mutable_promised()->set_node(0); }},
      {"reject without promise", paxos::Reject{kBallot, kBallot},
       [](auto& m) { m.mutable_reject()->clear_promised(); }},
      {"promise of a vote that needs no telling", promise,
       [](auto& m) { m.mutable_promise()->set_told_above(8); }},
      {"promise told from below its watermark", promise,
       [](auto& m) { m.mutable_promise()->set_told_above(5); }},
      {"promise out of order", promise,
       [](auto& m) { m.mutable_promise()->mutable_accepted(1)->set_slot(8); }},
      {"promise without ballot", promise,
       [](auto& m) { m.mutable_promise()->mutable_accepted(1)->clear_ballot(); }},
      {"promise with bad value", promise,
       [](auto& m) { m.mutable_promise()->mutable_accepted(1)->set_value(""); }},
      {"promise of untold votes that overlap", repair,
       [](auto& m) { m.mutable_promise()->mutable_untold(1)->set_first(9); }},
      {"promise of untold votes that end before they begin", repair,
       [](auto& m) { m.mutable_promise()->mutable_untold(1)->set_last(9); }},
      {"promise of untold votes without an end", repair,
       [](auto& m) { m.mutable_promise()->mutable_untold(1)->set_last(kHuge); }},
      {"promise of an untold vote that needs no telling", repair,
       [](auto& m) { m.mutable_promise()->mutable_untold(0)->set_first(7); }},
      {"learned with a gap", learned,
       [](auto& m) { m.mutable_learned()->mutable_values(1)->set_slot(3); }},
      {"learned slot zero", learned,
       [](auto& m) { m.mutable_learned()->mutable_values(0)->set_slot(0); }},
      {"forward without commands", forward, [](auto& m) { m.mutable_forward()->clear_commands(); }},
      {"forward without number", forward, [](auto& m) { m.mutable_forward()->set_number(0); }},
      {"forward of nobody", forward,
       [](auto& m) { m.mutable_forward()->mutable_commands(0)->set_origin(0); }},
      {"greeting of no log", paxos::Greeting{5, true, 6, true},
       [](auto& m) { m.mutable_greeting()->set_instance(0); }},
  };
  for (const BadCase& bad : cases) {
    paxos::v1::Message encoded;
    EncodeMessage(With(bad.body), encoded);
    paxos::v1::Message intact = encoded;
    EXPECT_TRUE(DecodeMessage(intact, kFrom, kTo).ok()) << bad.name;
    bad.spoil(encoded);
    EXPECT_EQ(DecodeMessage(encoded, kFrom, kTo).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad.name;
  }
}

TEST(PeerCodecTest, RefusesCutAndForeignBytes) {
  // A cut is refused wherever it falls inside the body.
  const std::string whole =
      SerializeMessage(With(paxos::Accept{kBallot, Slot(8), Batch(), Slot(7)}));
  for (size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_EQ(ParseMessage(whole.substr(0, size), kFrom, kTo).status().code(),
              absl::StatusCode::kInvalidArgument)
        << size;
  }
  // A body of a later release: field 99, length 1.
  const std::string unknown("\x08\x01\x9a\x06\x01x", 6);
  const absl::Status status = ParseMessage(unknown, kFrom, kTo).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("unknown kind"), absl::string_view::npos) << status;
}

TEST(PeerCodecTest, ApproximateBytesIsNearTheTruth) {
  for (const MessageBody& body : AllKinds()) {
    const size_t exact = SerializeMessage(With(body)).size();
    const size_t guess = ApproximateBytes(With(body));
    EXPECT_GE(guess, exact) << body.index();
    EXPECT_LE(guess, exact + 200) << body.index();
  }
}

}  // namespace
}  // namespace synod::rpc
