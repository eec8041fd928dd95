// The smaller parts of the core: catch-up, command queue, outbox, read rounds, tally.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "services/paxos/acceptor.h"
#include "services/paxos/catch_up.h"
#include "services/paxos/command_queue.h"
#include "services/paxos/configuration.h"
#include "services/paxos/election.h"
#include "services/paxos/outbox.h"
#include "services/paxos/proposer.h"
#include "services/paxos/read_index.h"
#include "tests/unit/paxos/words.h"

namespace synod::paxos {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(TallyTest, QuorumIsAMajorityAndNobodyCountsTwice) {
  for (uint64_t voters = 1; voters <= 7; ++voters) {
    std::vector<NodeId> ids;
    for (uint64_t id = 1; id <= voters; ++id) ids.push_back(NodeId(id));
    const Configuration configuration = Configuration::OfVoters(ids);
    Tally tally;
    for (uint64_t id = 1; id <= voters; ++id) {
      EXPECT_EQ(tally.IsQuorum(configuration), (id - 1) * 2 > voters) << voters;
      tally.Add(NodeId(id));
      tally.Add(NodeId(id));
    }
  }
}

// After a restart the log's value of a slot at or below the recorded watermark counts as chosen.
// Only the acceptor's own watermark says so; the leader's may cover a slot where this node accepted
// a value that lost.
TEST(AcceptorTest, RecordsItsOwnWatermarkAndNotTheLeaders) {
  Acceptor acceptor(Ballot(), {}, 100);
  const auto answer =
      acceptor.OnAccept({{1, NodeId(1)}, Slot(9), Value(), /*chosen_through=*/Slot(8)}, Slot(3));
  ASSERT_TRUE(answer && answer->record);
  EXPECT_EQ(answer->record->chosen_through, Slot(3));
}

TEST(AcceptorTest, IsSilentBelowTheWatermarkAndBeyondTheHorizon) {
  Acceptor acceptor(Ballot(), {}, 100);
  EXPECT_FALSE(acceptor.OnAccept({{1, NodeId(1)}, Slot(3), Value(), Slot()}, Slot(3)));
  EXPECT_FALSE(acceptor.OnAccept({{1, NodeId(1)}, Slot(104), Value(), Slot()}, Slot(3)));
  EXPECT_TRUE(acceptor.OnAccept({{1, NodeId(1)}, Slot(103), Value(), Slot()}, Slot(3)));
}

TEST(ElectionTest, PreparesAboveEveryPromiseThatAProbeMet) {
  const ConfigurationHistory configurations(kThree);
  Election election(&configurations, NodeId(1), 10, Ballot(), Random(1));
  const Probe probe = election.StartProbe(Slot());
  EXPECT_FALSE(election.OnProbeReply(NodeId(1), {probe.ballot, true, Ballot(), Slot()}, Slot()));
  EXPECT_TRUE(
      election.OnProbeReply(NodeId(2), {probe.ballot, true, {7, NodeId(3)}, Slot()}, Slot()));
  EXPECT_GT(election.StartPrepare(), (Ballot{7, NodeId(3)}));
}

TEST(CatchUpTest, AsksTheFurthestAheadAndOneAtATime) {
  CatchUp catch_up(2);
  catch_up.SetPeers({NodeId(1), NodeId(2)});
  EXPECT_FALSE(catch_up.Due(Slot(), 0));
  catch_up.Saw(NodeId(2), Slot(9));
  catch_up.Saw(NodeId(1), Slot(5));
  EXPECT_EQ(catch_up.Due(Slot(), 0), NodeId(2));
  EXPECT_FALSE(catch_up.Due(Slot(), 1));
  catch_up.Answered();
  EXPECT_EQ(catch_up.Due(Slot(4), 1), NodeId(2));
  EXPECT_FALSE(catch_up.Due(Slot(9), 9));
}

TEST(CatchUpTest, WhenTheFurthestIsSilentTheOthersAreAskedInTurn) {
  CatchUp catch_up(2);
  catch_up.SetPeers({NodeId(1), NodeId(2), NodeId(3)});
  catch_up.Saw(NodeId(2), Slot(9));
  EXPECT_EQ(catch_up.Due(Slot(), 0), NodeId(2));
  std::set<NodeId> asked;
  for (uint64_t now = 2; now <= 6; now += 2) {
    catch_up.Saw(NodeId(2), Slot(9));  // it speaks, but does not teach
    asked.insert(*catch_up.Due(Slot(), now));
  }
  EXPECT_EQ(asked, (std::set<NodeId>{NodeId(1), NodeId(2), NodeId(3)}));
  catch_up.Answered();
  EXPECT_EQ(catch_up.Due(Slot(3), 7), NodeId(2));
}

TEST(CommandQueueTest, TakesWholeCommandsUpToTheBatchSize) {
  CommandQueue queue(10'000);
  for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(queue.Push({{NodeId(1), i}, std::string(100, 'x')}));
  EXPECT_THAT(queue.Take(400), SizeIs(2));
  EXPECT_THAT(queue.Take(1), SizeIs(1));  // one that is larger than a batch has a slot of its own
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(CommandQueueTest, KeepsOnlyItsOwnNodesCommands) {
  CommandQueue queue(10'000);
  queue.Push({{NodeId(1), 1}, "a"});
  queue.Push({{NodeId(2), 1}, "b"});
  queue.KeepOnlyFrom(NodeId(1));
  const auto rest = queue.Take(1000);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].payload, "a");
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(OutboxTest, AMessageToItselfComesBackOnlyWhenItsRecordIsDurable) {
  Outbox outbox(GroupId(1), NodeId(1));
  outbox.Persist(PromiseRecord{{1, NodeId(1)}});
  outbox.SendAfterSync(NodeId(1), Accepted{{1, NodeId(1)}, Slot(1)});
  const Ready ready = outbox.Take(0);
  EXPECT_NE(ready.token, 0u);
  EXPECT_FALSE(outbox.TakeDelivered());
  outbox.OnPersisted(ready.token);
  EXPECT_TRUE(outbox.TakeDelivered());
  EXPECT_FALSE(outbox.TakeDelivered());
}

TEST(OutboxTest, ARepeatedAnswerWaitsForTheRecordOfTheFirst) {
  Outbox outbox(GroupId(1), NodeId(1));
  outbox.Persist(PromiseRecord{{1, NodeId(2)}});
  outbox.SendAfterSync(NodeId(2), Promise{});
  const Ready first = outbox.Take(0);
  outbox.SendAfterSync(NodeId(2), Promise{});
  const Ready second = outbox.Take(0);
  EXPECT_EQ(second.token, 0u);
  EXPECT_THAT(second.messages, IsEmpty());
  EXPECT_THAT(second.messages_after_sync, SizeIs(1));
  outbox.OnPersisted(first.token);
  outbox.SendAfterSync(NodeId(2), Promise{});
  EXPECT_THAT(outbox.Take(0).messages, SizeIs(1));
}

TEST(ProposerTest, BytesInFlightAreBoundedButNeverBelowOneValue) {
  const ConfigurationHistory configurations(kThree);
  Proposer proposer(&configurations, {1, NodeId(1)}, 100, /*window_bytes=*/10);
  proposer.OnPromise(NodeId(1), {{1, NodeId(1)}, Slot(), {}}, Slot());
  proposer.OnPromise(NodeId(2), {{1, NodeId(1)}, Slot(), {}}, Slot());
  proposer.Repropose(Slot(), 0);
  const Slot large =
      proposer.Propose(Value::OfCommands({{{NodeId(1), 1}, std::string(50, 'x')}}), Slot(), 0).slot;
  EXPECT_FALSE(proposer.CanPropose(Slot()));
  proposer.OnAccepted(NodeId(1), large);
  EXPECT_TRUE(proposer.OnAccepted(NodeId(2), large));
  EXPECT_TRUE(proposer.CanPropose(Slot()));
}

TEST(OutboxTest, KnowsSinceWhenTheLogIsBusy) {
  Outbox outbox(GroupId(1), NodeId(1));
  EXPECT_FALSE(outbox.SyncingSince());
  outbox.Persist(PromiseRecord{});
  const Ready first = outbox.Take(5);
  outbox.Persist(PromiseRecord{});
  const Ready second = outbox.Take(9);
  EXPECT_EQ(outbox.SyncingSince(), 5u);
  outbox.OnPersisted(first.token);
  EXPECT_EQ(outbox.SyncingSince(), 9u);
  outbox.OnPersisted(second.token);
  EXPECT_FALSE(outbox.Syncing());
}

TEST(ReadRoundsTest, ReadsThatComeDuringARoundWaitForTheNext) {
  const auto configuration = std::make_shared<const Configuration>(kThree);
  ReadRounds rounds(10);
  rounds.Add({NodeId(1), 1});
  rounds.Start(Slot(4), configuration);
  const uint64_t first = rounds.round();
  rounds.Add({NodeId(1), 2});
  EXPECT_FALSE(rounds.OnAnswer(NodeId(1), first));
  const auto confirmed = rounds.OnAnswer(NodeId(2), first);
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->slot, Slot(4));
  ASSERT_THAT(confirmed->readers, SizeIs(1));
  ASSERT_TRUE(rounds.Due());
  rounds.Start(Slot(6), configuration);
  EXPECT_FALSE(rounds.OnAnswer(NodeId(1), first));
  EXPECT_FALSE(rounds.OnAnswer(NodeId(2), first));  // late, and about the first round
}

TEST(ReadRequestsTest, AnAnswerIsTakenOnce) {
  ReadRequests requests(1000, 2);
  const auto id = requests.Open(7);
  ASSERT_TRUE(id);
  requests.Open(8);
  EXPECT_FALSE(requests.Open(9));
  EXPECT_EQ(requests.Close(*id), 7u);
  EXPECT_FALSE(requests.Close(*id));
  EXPECT_FALSE(requests.Close(1));
}

}  // namespace
}  // namespace synod::paxos
