#include "tests/scenarios/arguments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

constexpr absl::string_view kArrow = "->";

}  // namespace

NodeId Arguments::AnyNode() {
  return ParseNode(Take("a node"));
}

NodeId Arguments::Existing() {
  const NodeId node = AnyNode();
  if (node && !cluster_.Has(node)) Fail(absl::StrCat(NodeName(node), " does not exist"));
  return error_.empty() ? node : NodeId();
}

NodeId Arguments::Running() {
  const NodeId node = Existing();
  if (node && cluster_.at(node).down()) Fail(absl::StrCat(NodeName(node), " is down"));
  return error_.empty() ? node : NodeId();
}

NodeId Arguments::Down() {
  const NodeId node = Existing();
  if (node && !cluster_.at(node).down()) Fail(absl::StrCat(NodeName(node), " is not down"));
  return error_.empty() ? node : NodeId();
}

uint64_t Arguments::Number() {
  const std::string word = Take("a number");
  uint64_t number = 0;
  if (error_.empty() && (!absl::SimpleAtoi(word, &number) || number == 0)) {
    Fail(absl::StrCat("'", word, "' is no number from 1 on"));
  }
  return number;
}

std::string Arguments::Text() {
  return Take("a word");
}

void Arguments::Literal(absl::string_view word) {
  const std::string found = Take(absl::StrCat("'", word, "'"));
  if (error_.empty() && found != word) {
    Fail(absl::StrCat("'", word, "' is wanted, not '", found, "'"));
  }
}

bool Arguments::Skip(absl::string_view word) {
  if (!error_.empty() || empty() || words_[next_] != word) return false;
  ++next_;
  return true;
}

bool Arguments::AtLink() const {
  return !empty() && absl::StrContains(words_[next_], kArrow);
}

MessageFilter Arguments::Link() {
  const std::string word = Take("a link");
  const std::pair<std::string, std::string> ends = absl::StrSplit(word, kArrow);
  MessageFilter filter;
  if (!ends.first.empty()) filter.from = ParseNode(ends.first);
  if (!ends.second.empty()) filter.to = ParseNode(ends.second);
  return filter;
}

MessageFilter Arguments::Filter() {
  const std::vector<absl::string_view> kinds = MessageKinds();
  MessageFilter filter;
  if (AtLink()) filter = Link();
  while (error_.empty() && !empty()) {
    if (Skip("slot")) {
      filter.slot = Slot(Number());
      continue;
    }
    filter.kind = Take("a kind");
    if (std::find(kinds.begin(), kinds.end(), filter.kind) == kinds.end()) {
      Fail(absl::StrCat("'", filter.kind, "' is no kind of message; there are ",
                        absl::StrJoin(kinds, ", ")));
    }
  }
  return filter;
}

bool Arguments::done() {
  if (!empty()) Fail(absl::StrCat("'", words_[next_], "' is too much"));
  return error_.empty();
}

void Arguments::Fail(std::string why) {
  if (error_.empty()) error_ = std::move(why);
}

std::string Arguments::Take(absl::string_view wanted) {
  if (empty()) Fail(absl::StrCat(wanted, " is missing"));
  return error_.empty() ? words_[next_++] : "";
}

NodeId Arguments::ParseNode(absl::string_view word) {
  uint64_t id = 0;
  const bool named = absl::ConsumePrefix(&word, "n") && absl::SimpleAtoi(word, &id) && id != 0;
  if (!named) Fail(absl::StrCat("a node is wanted (n1, n2, ...), not '", word, "'"));
  return NodeId(id);
}

}  // namespace synod::scenarios
