// The core's messages, records, values and configurations in the product's words, a line each, for
// scenarios, the simulator's trace, and whoever else shows them to people. Random numbers (of
// lives, reads, logs that were not named by a script) are left out, so that the words are the same
// in every run.
#ifndef SYNOD_TESTS_SCENARIOS_WORDS_H_
#define SYNOD_TESTS_SCENARIOS_WORDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/paxos/ballot.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"
#include "services/paxos/value.h"

namespace synod::scenarios {

std::string NodeName(NodeId node);  // "n2"

// "2.1", round and node; "none" for Ballot().
std::string BallotWord(const paxos::Ballot& ballot);

// "x, y" for commands, "no-op", or a configuration.
std::string ValueWords(const paxos::Value& value);

// "unknown vote in slot 3, at most at 1.1", or "unknown value in slot 3, chosen"
std::string UnknownWords(const paxos::UnknownVote& vote);
std::string UntoldWords(const paxos::UntoldVotes& votes);

// "voters n1 n2, learners n3"
std::string ConfigurationWords(const paxos::Configuration& configuration);

// "Accept", as in message.h.
const char* KindOf(const paxos::MessageBody& body);
// In the order of the variant.
std::vector<absl::string_view> MessageKinds();
// The slot that a message is about; Slot() for kinds that are about none.
Slot SlotOf(const paxos::MessageBody& body);

// "Accept ballot 1.1, slot 2: x, chosen through 1"
std::string MessageWords(const paxos::MessageBody& body);

// "accepted slot 2 at ballot 1.1: x"
std::string RecordWords(const paxos::RecordBody& body);

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_WORDS_H_
