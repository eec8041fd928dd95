// The checks themselves, on small histories and records made by hand: each rule broken once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/sim/kv_model.h"
#include "tests/sim/shadow_acceptor.h"
#include "tests/sim/witness.h"

namespace synod::sim {
namespace {

using testing::IsEmpty;
using testing::StartsWith;

kv::PutRequest PutOf(std::string value) {
  kv::PutRequest put;
  put.key = "k";
  put.value = std::move(value);
  return put;
}

// Two puts one after the other, and a read behind both.
class WitnessTest : public testing::Test {
 protected:
  WitnessTest() {
    for (uint64_t i = 1; i <= 2; ++i) {
      const paxos::CommandId id{NodeId(1), i};
      log_.push_back(paxos::Value::OfCommands({{id, "payload"}}));
      Operation& operation = history_.emplace_back();
      operation.node = NodeId(1);
      operation.sent = absl::Seconds(10 * i);
      operation.answered = absl::Seconds(10 * i + 1);
      WriteOperation write;
      write.request = PutOf(std::to_string(i));
      write.command = id;
      write.reply = {Outcome::kOk, model_.Apply(write.request)};
      operation.body = write;
    }
    Operation& operation = history_.emplace_back();
    operation.node = NodeId(2);
    operation.sent = absl::Seconds(30);
    operation.answered = absl::Seconds(31);
    operation.body = ReadAt(model_.revision());
  }

  ReadOperation ReadAt(kv::Revision revision) const {
    ReadOperation read;
    read.request.key = "k";
    read.reply = {Outcome::kOk, model_.Range(read.request, revision), revision};
    return read;
  }
  WriteOperation& Write(size_t index) { return std::get<WriteOperation>(history_[index].body); }

  std::string Check() const { return CheckHistory(log_, history_); }

  KvModel model_;
  std::vector<paxos::Value> log_;
  History history_;
};

TEST_F(WitnessTest, AcceptsALinearizableHistory) {
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(WitnessTest, FindsAnAcknowledgedWriteThatIsLost) {
  log_.pop_back();
  history_.pop_back();
  EXPECT_THAT(Check(), StartsWith("W1"));
}

TEST_F(WitnessTest, FindsAWriteDoneTwice) {
  log_.push_back(log_.front());
  EXPECT_THAT(Check(), StartsWith("W1"));
}

TEST_F(WitnessTest, FindsAWriteThatWasHandedOverTwice) {
  Write(1).repeats.push_back({NodeId(3), 1});
  EXPECT_THAT(Check(), IsEmpty()) << "the repetition was not chosen";
  log_.push_back(paxos::Value::OfCommands({{Write(1).repeats[0], "payload"}}));
  EXPECT_THAT(Check(), StartsWith("W1"));
}

TEST_F(WitnessTest, FindsAReadBelowItsMinimum) {
  ReadOperation old = ReadAt(model_.revision() - 1);
  old.request.serializable = true;
  history_[2].body = old;
  EXPECT_THAT(Check(), IsEmpty()) << "nothing newer was asked for";
  old.min_revision = model_.revision();
  history_[2].body = old;
  EXPECT_THAT(Check(), StartsWith("W6"));
  history_[2].client = 1;
  EXPECT_THAT(Check(), IsEmpty()) << "another client, which has seen nothing";
}

TEST_F(WitnessTest, FindsARefusedWriteThatIsDone) {
  Write(1).reply.outcome = Outcome::kRefused;
  EXPECT_THAT(Check(), StartsWith("W1"));
}

TEST_F(WitnessTest, FindsAWrongRevision) {
  ++Write(1).reply.result.revision;
  EXPECT_THAT(Check(), StartsWith("W2"));
}

TEST_F(WitnessTest, FindsAReadThatIsStale) {
  history_[2].body = ReadAt(model_.revision() - 1);
  EXPECT_THAT(Check(), StartsWith("W3"));
}

TEST_F(WitnessTest, LetsAReadBesideAWriteSeeEitherState) {
  history_[2].sent = absl::Seconds(20) + absl::Milliseconds(500);
  EXPECT_THAT(Check(), IsEmpty());
  history_[2].body = ReadAt(model_.revision() - 1);
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(WitnessTest, LetsASerializableReadBeStaleButNotWrong) {
  ReadOperation read = ReadAt(model_.revision() - 1);
  read.request.serializable = true;
  history_[2].body = read;
  EXPECT_THAT(Check(), IsEmpty());
  read.reply.revision = model_.revision();
  history_[2].body = read;
  EXPECT_THAT(Check(), StartsWith("W2"));
}

TEST_F(WitnessTest, FindsWritesOrderedAgainstTime) {
  std::swap(history_[0].sent, history_[1].sent);
  std::swap(history_[0].answered, history_[1].answered);
  EXPECT_THAT(Check(), StartsWith("W3"));
}

// Between the second put and the read, the second put's revision becomes the oldest readable.
class CompactionTest : public WitnessTest {
 protected:
  CompactionTest() {
    const paxos::CommandId id{NodeId(1), 3};
    log_.push_back(paxos::Value::OfCommands({{id, "payload"}}));
    Operation& operation = history_.emplace_back();
    operation.node = NodeId(1);
    operation.sent = absl::Seconds(25);
    operation.answered = absl::Seconds(26);
    WriteOperation write;
    write.request = kv::CompactRequest{model_.revision()};
    write.command = id;
    write.reply = {Outcome::kOk, model_.Apply(write.request)};
    operation.body = write;
  }

  // Makes the read one of the first put's revision.
  std::string CheckRead(double sent, kv::Error error) {
    const kv::Revision old = model_.revision() - 1;
    ReadOperation read = ReadAt(old);
    read.request.revision = old;
    read.reply.revision = model_.revision();
    read.reply.error = error;
    history_[2].sent = absl::Seconds(sent);
    history_[2].answered = absl::Seconds(sent + 1);
    history_[2].body = read;
    return Check();
  }
};

TEST_F(CompactionTest, RefusesTheReadsBehindIt) {
  EXPECT_THAT(CheckRead(30, kv::Error::kCompacted), IsEmpty());
  EXPECT_THAT(CheckRead(30, kv::Error::kNone), StartsWith("W3"));
}

TEST_F(CompactionTest, RefusesNoneAheadOfIt) {
  EXPECT_THAT(CheckRead(23, kv::Error::kNone), IsEmpty());
  EXPECT_THAT(CheckRead(23, kv::Error::kCompacted), StartsWith("W3"));
}

TEST_F(CompactionTest, MustBeInTheLogForARefusal) {
  log_.pop_back();
  history_.pop_back();
  EXPECT_THAT(CheckRead(30, kv::Error::kCompacted), StartsWith("W2"));
}

paxos::Ballot Round(uint64_t round) {
  return {round, NodeId(1)};
}

// Of a log that may vote.
ShadowAcceptor Founded() {
  ShadowAcceptor acceptor;
  acceptor.OnDurable({GroupId(1), paxos::FoundedRecord{}});
  return acceptor;
}

TEST(ShadowAcceptorTest, FindsAFallenPromise) {
  ShadowAcceptor acceptor = Founded();
  EXPECT_THAT(acceptor.OnDurable({GroupId(1), paxos::PromiseRecord{Round(2)}}), IsEmpty());
  EXPECT_THAT(acceptor.OnDurable({GroupId(1), paxos::PromiseRecord{Round(1)}}), StartsWith("A1"));
}

TEST(ShadowAcceptorTest, FindsAnswersAheadOfTheirSync) {
  const ShadowAcceptor acceptor = Founded();
  EXPECT_THAT(acceptor.OnSend(paxos::Promise{Round(1), Slot(), {}}), StartsWith("A2"));
  EXPECT_THAT(acceptor.OnSend(paxos::Prepare{Round(1), Slot()}), StartsWith("A2"));
  EXPECT_THAT(acceptor.OnSend(paxos::Accepted{Round(1), Slot(1)}), StartsWith("A2"));
}

TEST(ShadowAcceptorTest, FindsAHiddenAndAForgottenVote) {
  ShadowAcceptor acceptor = Founded();
  acceptor.OnDurable({GroupId(1), paxos::AcceptedRecord{Slot(1), Round(1), {}, Slot()}});
  acceptor.OnDurable({GroupId(1), paxos::PromiseRecord{Round(2)}});
  EXPECT_THAT(acceptor.OnSend(paxos::Promise{Round(2), Slot(), {}}), StartsWith("A3"));
  paxos::RecoveredState recovered;
  recovered.promised = Round(2);
  EXPECT_THAT(acceptor.OnRecovered(recovered), StartsWith("A4"));
}

// One vote, in slot 1 at ballot 1, then a promise of ballot 2, and the log is damaged.
class LostVoteTest : public testing::Test {
 protected:
  LostVoteTest() {
    acceptor_.OnDurable({GroupId(1), paxos::AcceptedRecord{Slot(1), Round(1), {}, Slot()}});
    acceptor_.OnDurable({GroupId(1), paxos::PromiseRecord{Round(2)}});
    recovered_.promised = Round(2);
    recovered_.founded = true;
  }

  ShadowAcceptor acceptor_ = Founded();
  paxos::RecoveredState recovered_;
};

TEST_F(LostVoteTest, MayBeToldByItsBound) {
  recovered_.unknown = {{Slot(1), Round(1)}};
  EXPECT_THAT(acceptor_.OnRecovered(recovered_), IsEmpty());
  const auto leaving_out = [](Slot first, Slot last) {
    return paxos::Promise{Round(2), Slot(), {}, Slot(), {{first, last, Round(1)}}};
  };
  EXPECT_THAT(acceptor_.OnSend(leaving_out(Slot(1), Slot(1))), IsEmpty());
  EXPECT_THAT(acceptor_.OnSend(leaving_out(Slot(2), Slot(3))), StartsWith("A3"));
  EXPECT_THAT(acceptor_.OnSend(paxos::Promise{Round(2), Slot(), {}}), StartsWith("A3"));
}

TEST_F(LostVoteTest, MustNotBeToldWithALowerBoundOrInAnotherSlot) {
  recovered_.unknown = {{Slot(1), paxos::Ballot()}, {Slot(2), Round(1)}};
  EXPECT_THAT(acceptor_.OnRecovered(recovered_), StartsWith("A4"));
}

TEST_F(LostVoteTest, MayBeToldWithoutItsSlotUntilRepaired) {
  recovered_.lost_through = Round(1);
  EXPECT_THAT(acceptor_.OnRecovered(recovered_), IsEmpty());
  const paxos::Promise silent{Round(2), Slot(), {}};
  EXPECT_THAT(acceptor_.OnSend(silent), StartsWith("A3"));
  acceptor_.OnDurable({GroupId(1), paxos::RepairedRecord{}});
  EXPECT_THAT(acceptor_.OnSend(silent), IsEmpty());
}

TEST(ShadowAcceptorTest, FindsVotesOfALogThatMayNotVote) {
  ShadowAcceptor acceptor;
  EXPECT_THAT(acceptor.OnSend(paxos::Promise{Round(1), Slot(), {}}), StartsWith("A5"));
  acceptor = Founded();
  acceptor.OnWiped();
  EXPECT_THAT(acceptor.OnDurable({GroupId(1), paxos::FoundedRecord{}}), StartsWith("A5"));
}

}  // namespace
}  // namespace synod::sim
