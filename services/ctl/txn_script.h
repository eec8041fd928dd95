// The little language in which etcdctl reads a transaction: three paragraphs, each ended by an
// empty line or the end of input:
//
//   mod("key") > "0"                compares: mod, create, version, value, lease;  =  !=  <  >
//                                   (lease IDs are hexadecimal)
//
//   put "key" "value"               when all compares hold
//   get key --prefix
//
//   del key                         otherwise
#ifndef SYNOD_SERVICES_CTL_TXN_SCRIPT_H_
#define SYNOD_SERVICES_CTL_TXN_SCRIPT_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace etcdserverpb {
class TxnRequest;
}

namespace synod::ctl {

// InvalidArgument, quoting the line, for anything else.
absl::StatusOr<etcdserverpb::TxnRequest> ReadTxn(std::istream& input);

// Words of a line; double quotes hold a word together and take C escapes (\n, \x00, \").
absl::StatusOr<std::vector<std::string>> SplitWords(absl::string_view line);

// Where the range of all keys that begin with `prefix` begins: for the empty one, at the first key
// there can be.
std::string PrefixBegin(std::string prefix);

// The end of the range of all keys that begin with `prefix`; "\0" ("to the end") when there is
// none.
std::string PrefixEnd(std::string prefix);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_TXN_SCRIPT_H_
