// Arrows point down: which folder may include which, checked against the text of the sources.
//
// Most forbidden arrows already fail to link, because each folder is a target of its own. This
// check sees the rest: header-only uses, and libraries that should stay behind one folder's walls
// (gRPC types stay in rpc/, RocksDB in storage/, the pure folders know no clock, thread or file).
#ifndef SYNOD_TESTS_UNIT_HOUSE_INCLUDE_DIRECTION_H_
#define SYNOD_TESTS_UNIT_HOUSE_INCLUDE_DIRECTION_H_

#include <map>
#include <string>
#include <vector>

namespace synod::house {

// Path below the root, with forward slashes, to the file's text.
using SourceTree = std::map<std::string, std::string>;

// All .h and .cc files of common/, services/ and balancer/ under `root`.
SourceTree ReadSourceTree(const std::string& root);

// One line for each include that points where it must not, as
// "services/paxos/replica.cc:12: services/paxos must not include services/kv/store.h (...)",
// and one for each folder that holds sources and has no row in the table. Ordered by path.
std::vector<std::string> ForbiddenIncludes(const SourceTree& tree);

}  // namespace synod::house

#endif  // SYNOD_TESTS_UNIT_HOUSE_INCLUDE_DIRECTION_H_
