#include "services/ctl/txn_script.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "etcd/kv.pb.h"

namespace synod::ctl {
namespace {

using etcdserverpb::Compare;
using etcdserverpb::RequestOp;

absl::Status BadLine(absl::string_view line, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("txn: \"", line, "\": ", why));
}

// The place of the first ')' behind the word that begins at `at`, which may be quoted.
size_t FindClose(absl::string_view line, size_t at) {
  while (at < line.size() && absl::ascii_isspace(static_cast<unsigned char>(line[at]))) ++at;
  if (at < line.size() && line[at] == '"') {
    for (++at; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] == '\\') ++at;
    }
  }
  return line.find(')', at);
}

absl::StatusOr<Compare> ParseCompare(absl::string_view line) {
  constexpr absl::string_view kForm =
      "a compare looks like mod(\"key\") > \"0\"; mod, create, version, value or lease; =, !=, < "
      "or >";
  const size_t open = line.find('(');
  if (open == absl::string_view::npos) return BadLine(line, kForm);
  const size_t close = FindClose(line, open + 1);
  if (close == absl::string_view::npos) return BadLine(line, kForm);
  const std::string target(absl::StripAsciiWhitespace(line.substr(0, open)));
  const auto key = SplitWords(line.substr(open + 1, close - open - 1));
  const auto rest = SplitWords(line.substr(close + 1));
  if (!key.ok() || key->size() != 1 || !rest.ok() || rest->size() != 2) return BadLine(line, kForm);

  Compare compare;
  compare.set_key((*key)[0]);
  static const auto* const results =
      new std::map<std::string, Compare::CompareResult>{{"=", Compare::EQUAL},
                                                        {"!=", Compare::NOT_EQUAL},
                                                        {"<", Compare::LESS},
                                                        {">", Compare::GREATER}};
  const auto result = results->find((*rest)[0]);
  if (result == results->end()) return BadLine(line, kForm);
  compare.set_result(result->second);

  const std::string& operand = (*rest)[1];
  if (target == "value" || target == "val") {
    compare.set_target(Compare::VALUE);
    compare.set_value(operand);
    return compare;
  }
  int64_t number = 0;
  if (target == "lease") {
    if (!absl::SimpleHexAtoi(operand, &number)) {
      return BadLine(line, "the operand is not a lease ID in hexadecimal");
    }
  } else if (!absl::SimpleAtoi(operand, &number)) {
    return BadLine(line, "the operand is not a number");
  }
  if (target == "mod" || target == "m") {
    compare.set_target(Compare::MOD);
    compare.set_mod_revision(number);
  } else if (target == "create" || target == "c") {
    compare.set_target(Compare::CREATE);
    compare.set_create_revision(number);
  } else if (target == "version" || target == "ver") {
    compare.set_target(Compare::VERSION);
    compare.set_version(number);
  } else if (target == "lease") {
    compare.set_target(Compare::LEASE);
    compare.set_lease(number);
  } else {
    return BadLine(line, kForm);
  }
  return compare;
}

absl::StatusOr<RequestOp> ParseOperation(absl::string_view line) {
  absl::StatusOr<std::vector<std::string>> words = SplitWords(line);
  if (!words.ok()) return words.status();
  bool prefix = false;
  bool prev_kv = false;
  std::vector<std::string> plain;
  for (std::string& word : *words) {
    if (word == "--prefix") {
      prefix = true;
    } else if (word == "--prev-kv") {
      prev_kv = true;
    } else if (absl::StartsWith(word, "--")) {
      return BadLine(line, "here only --prefix and --prev-kv are understood");
    } else {
      plain.push_back(std::move(word));
    }
  }
  constexpr absl::string_view kForm =
      "an operation is put KEY VALUE, get KEY [END] or del KEY [END]";
  if (plain.size() < 2 || plain.size() > 3) return BadLine(line, kForm);
  if (prefix && plain.size() == 3) return BadLine(line, "--prefix has no END, and put no --prefix");
  const std::string begin = prefix ? PrefixBegin(plain[1]) : plain[1];
  const std::string end = prefix ? PrefixEnd(plain[1]) : plain.size() == 3 ? plain[2] : "";
  RequestOp operation;
  if (plain[0] == "put" && plain.size() == 3) {
    operation.mutable_request_put()->set_key(plain[1]);
    operation.mutable_request_put()->set_value(plain[2]);
    operation.mutable_request_put()->set_prev_kv(prev_kv);
  } else if (plain[0] == "get") {
    operation.mutable_request_range()->set_key(begin);
    operation.mutable_request_range()->set_range_end(end);
  } else if (plain[0] == "del") {
    operation.mutable_request_delete_range()->set_key(begin);
    operation.mutable_request_delete_range()->set_range_end(end);
    operation.mutable_request_delete_range()->set_prev_kv(prev_kv);
  } else {
    return BadLine(line, kForm);
  }
  return operation;
}

}  // namespace

std::string PrefixBegin(std::string prefix) {
  return prefix.empty() ? std::string(1, '\0') : std::move(prefix);
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

absl::StatusOr<std::vector<std::string>> SplitWords(absl::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while (at < line.size()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(line[at]))) {
      ++at;
      continue;
    }
    const size_t begin = at;
    if (line[at] != '"') {
      while (at < line.size() && !absl::ascii_isspace(static_cast<unsigned char>(line[at]))) ++at;
      words.emplace_back(line.substr(begin, at - begin));
      continue;
    }
    for (++at; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] == '\\') ++at;
    }
    std::string word;
    if (at >= line.size() || !absl::CUnescape(line.substr(begin + 1, at - begin - 1), &word)) {
      return BadLine(line, "a quoted word does not end, or has an unknown escape");
    }
    ++at;
    words.push_back(std::move(word));
  }
  return words;
}

absl::StatusOr<etcdserverpb::TxnRequest> ReadTxn(std::istream& input) {
  etcdserverpb::TxnRequest txn;
  int paragraph = 0;
  std::string line;
  while (paragraph < 3 && std::getline(input, line)) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty()) {
      ++paragraph;
      continue;
    }
    if (paragraph == 0) {
      absl::StatusOr<Compare> compare = ParseCompare(text);
      if (!compare.ok()) return compare.status();
      *txn.add_compare() = *std::move(compare);
      continue;
    }
    absl::StatusOr<RequestOp> operation = ParseOperation(text);
    if (!operation.ok()) return operation.status();
    *(paragraph == 1 ? txn.add_success() : txn.add_failure()) = *std::move(operation);
  }
  return txn;
}

}  // namespace synod::ctl
