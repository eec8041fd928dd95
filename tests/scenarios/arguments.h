// The words behind a command's name, taken one by one. The first thing that is wrong is remembered,
// and everything after it is taken for empty: a command reads all its words, then asks done().
//
// Thread-safety: none.
#ifndef SYNOD_TESTS_SCENARIOS_ARGUMENTS_H_
#define SYNOD_TESTS_SCENARIOS_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "tests/scenarios/cluster.h"
#include "tests/scenarios/network.h"

namespace synod::scenarios {

class Arguments {
 public:
  // `cluster` outlives it.
  Arguments(std::vector<std::string> words, const Cluster& cluster)
      : words_(std::move(words)), cluster_(cluster) {}

  // Each fails when the next word is not what it is named for. Nodes are written n1, n2, ...
  NodeId Running();    // a node that is up
  NodeId Down();       // one that is not
  NodeId Existing();   // either
  NodeId AnyNode();    // even one that does not exist yet
  uint64_t Number();   // at least 1
  std::string Text();  // one word, whatever it is
  void Literal(absl::string_view word);

  // True, and taken, when the next word is this one.
  bool Skip(absl::string_view word);
  bool empty() const { return next_ == words_.size(); }

  // "n1->n2", either side of which may be missing. All the rest: "n1->n2 Accept slot 3", in parts.
  MessageFilter Link();
  MessageFilter Filter();
  bool AtLink() const;

  // No word is left, and none was wrong.
  bool done();
  void Fail(std::string why);
  const std::string& error() const { return error_; }  // empty when nothing is wrong

 private:
  std::string Take(absl::string_view wanted);
  NodeId ParseNode(absl::string_view word);

  const std::vector<std::string> words_;
  const Cluster& cluster_;
  size_t next_ = 0;
  std::string error_;
};

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_ARGUMENTS_H_
