// Commands that show something, or say how much is shown.
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/scenarios/commands.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

std::string StatusWords(Node& node) {
  if (node.down()) return absl::StrCat(NodeName(node.id()), " is down");
  const paxos::ReplicaStatus status = node.status();
  std::string words = NodeName(node.id());
  if (status.role == paxos::Role::kLeader) {
    absl::StrAppend(&words, status.leader_serves ? " serves" : " leads");
  } else if (status.leader) {
    absl::StrAppend(&words, " follows ", NodeName(status.leader));
  } else {
    absl::StrAppend(&words, " follows nobody");
  }
  absl::StrAppend(&words, ", promised ", BallotWord(status.promised), ", chosen through ",
                  status.chosen_through.value(), ", applied ", node.StateWords());
  if (!status.founded) absl::StrAppend(&words, ", may not vote");
  if (status.removed) absl::StrAppend(&words, ", removed");
  return words;
}

void Status(Cluster& cluster, Arguments& arguments) {
  std::vector<NodeId> nodes = cluster.nodes();
  if (!arguments.empty()) nodes = {arguments.Existing()};
  if (!arguments.done()) return;
  for (const NodeId node : nodes) {
    cluster.transcript().Add(Level::kAnswer, StatusWords(cluster.at(node)));
  }
}

void Log(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (!arguments.done()) return;
  const storage::AcceptorLog& log = cluster.at(node).log();
  const storage::GroupLogState state = log.State(kGroup);
  const auto values = log.ReadAbove(kGroup, state.cut_through);
  SYNOD_CHECK(values.ok()) << values.status();
  std::map<Slot, std::string> lines;
  for (const paxos::AcceptedValue& value : *values) {
    const std::string how =
        value.ballot ? absl::StrCat("accepted at ", BallotWord(value.ballot)) : "learned";
    lines[value.slot] =
        absl::StrCat("slot ", value.slot.value(), " ", how, ": ", ValueWords(value.value));
  }
  for (const paxos::UnknownVote& vote : state.unknown) {
    lines[vote.slot] = UnknownWords(vote);
  }
  Transcript& transcript = cluster.transcript();
  transcript.Add(Level::kAnswer, absl::StrCat("promised ", BallotWord(state.promised),
                                              ", chosen through ", state.chosen_hint.value(),
                                              ", cut through ", state.cut_through.value()));
  for (const auto& [slot, line] : lines) transcript.Add(Level::kAnswer, line);
}

void UnderWay(Cluster& cluster, Arguments& arguments) {
  if (!arguments.done()) return;
  for (const paxos::Message& message : cluster.network().under_way()) {
    cluster.transcript().Add(
        Level::kAnswer, absl::StrCat(NodeName(message.from), " .. ", NodeName(message.to), "  ",
                                     MessageWords(message.body)));
  }
}

void CutLog(Cluster& cluster, Arguments& arguments) {
  const NodeId node = arguments.Running();
  if (!arguments.done()) return;
  cluster.at(node).CutLog();
  cluster.transcript().Add(Level::kAnswer,
                           absl::StrCat(NodeName(node), " cuts its log through slot ",
                                        cluster.at(node).applied().value()));
}

void Show(Cluster& cluster, Arguments& arguments) {
  const std::string what = arguments.Text();
  const std::map<std::string, Level> levels = {{"messages", Level::kMessage},
                                               {"records", Level::kRecord},
                                               {"changes", Level::kChange},
                                               {"nothing", Level::kAnswer}};
  const auto level = levels.find(what);
  if (level == levels.end()) arguments.Fail(absl::StrCat("'", what, "' cannot be shown"));
  if (arguments.done()) cluster.transcript().Show(level->second);
}

}  // namespace

std::vector<Command> ShowingCommands() {
  return {
      {"show messages|records|changes|nothing",
       "from now on this and what stands behind it is shown of what happens", Show},
      {"status [NODE]", "shows what nodes know", Status},
      {"log NODE", "shows what a node's log holds", Log},
      {"under-way", "shows the messages under way", UnderWay},
      {"cut-log NODE", "the state becomes durable, and the log forgets what it covers", CutLog},
  };
}

}  // namespace synod::scenarios
