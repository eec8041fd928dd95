// get, put, del, txn, compaction: etcdctl's flags and output.
#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "etcd/kv.grpc.pb.h"
#include "services/ctl/commands.h"
#include "services/ctl/txn_script.h"
#include "services/ctl/unary_call.h"

namespace synod::ctl {
namespace {

using namespace etcdserverpb;  // NOLINT: the file speaks of nothing else

struct RangeFlags {
  std::string key;
  std::string end;
  bool prefix = false;
  bool from_key = false;
};

void AddRangeFlags(CLI::App& command, RangeFlags& flags) {
  command.add_option("key", flags.key, "Key")->required();
  auto* end = command.add_option("range_end", flags.end, "End of the range, not included");
  auto* prefix = command.add_flag("--prefix", flags.prefix, "All keys that begin with KEY");
  auto* from_key = command.add_flag("--from-key", flags.from_key, "All keys from KEY on");
  prefix->excludes(end);
  from_key->excludes(end)->excludes(prefix);
}

std::string EndOf(const RangeFlags& flags) {
  if (flags.prefix) return PrefixEnd(flags.key);
  if (flags.from_key) return std::string(1, '\0');
  return flags.end;
}

std::string BeginOf(const RangeFlags& flags) {
  return flags.prefix || flags.from_key ? PrefixBegin(flags.key) : flags.key;
}

// As CallAndPrint; without a call when asked for a form that there is not.
template <class Request, class Response, class Print>
ExitCode CallKv(const Session& session, UnaryMethod<KV, Request, Response> method,
                const Request& request, Print print) {
  if (session.output() == "table") {
    return Session::FailInput(absl::InvalidArgumentError(
        "-w table: this command has no table; its forms are simple and json"));
  }
  return CallAndPrint<KV>(session, method, request, print);
}

void Print(const mvccpb::KeyValue& kv, bool value_only = false) {
  if (!value_only) std::cout << kv.key() << "\n";
  std::cout << kv.value() << "\n";
}

void Print(const RangeResponse& response) {
  for (const auto& kv : response.kvs()) Print(kv);
}

void Print(const PutResponse& response) {
  std::cout << "OK\n";
  if (response.has_prev_kv()) Print(response.prev_kv());
}

void Print(const DeleteRangeResponse& response) {
  std::cout << response.deleted() << "\n";
  for (const auto& kv : response.prev_kvs()) Print(kv);
}

void Print(const TxnResponse& response) {
  std::cout << (response.succeeded() ? "SUCCESS" : "FAILURE") << "\n";
  for (const ResponseOp& operation : response.responses()) {
    std::cout << "\n";
    if (operation.has_response_range()) Print(operation.response_range());
    if (operation.has_response_put()) Print(operation.response_put());
    if (operation.has_response_delete_range()) Print(operation.response_delete_range());
    if (operation.has_response_txn()) Print(operation.response_txn());
  }
}

struct GetFlags {
  RangeFlags range;
  RangeRequest request;
  int64_t limit = 0;
  int64_t revision = 0;
  std::string order;
  std::string sort_by;
  std::string consistency = "l";
  bool keys_only = false;
  bool count_only = false;
  bool value_only = false;
};

RangeRequest GetRequest(const GetFlags& flags) {
  RangeRequest request;
  request.set_key(BeginOf(flags.range));
  request.set_range_end(EndOf(flags.range));
  request.set_limit(flags.limit);
  request.set_revision(flags.revision);
  request.set_serializable(flags.consistency == "s");
  request.set_keys_only(flags.keys_only);
  request.set_count_only(flags.count_only);
  if (flags.order == "ASCEND") request.set_sort_order(RangeRequest::ASCEND);
  if (flags.order == "DESCEND") request.set_sort_order(RangeRequest::DESCEND);
  RangeRequest::SortTarget target = RangeRequest::KEY;
  if (!flags.sort_by.empty() &&
      RangeRequest::SortTarget_Parse(flags.sort_by == "MODIFY" ? "MOD" : flags.sort_by, &target)) {
    request.set_sort_target(target);
  }
  return request;
}

void AddGet(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("get", "Gets a key or a range of keys");
  const auto flags = std::make_shared<GetFlags>();
  AddRangeFlags(*command, flags->range);
  command->add_option("--limit", flags->limit, "At most so many");
  command->add_option("--rev", flags->revision, "As of this revision");
  command->add_option("--order", flags->order, "Order of the result")
      ->transform(CLI::IsMember({"ASCEND", "DESCEND"}, CLI::ignore_case));
  command->add_option("--sort-by", flags->sort_by, "What the order is by")
      ->transform(CLI::IsMember({"KEY", "VERSION", "CREATE", "MODIFY", "VALUE"}, CLI::ignore_case));
  command->add_option("--consistency", flags->consistency, "l: linearizable, s: serializable")
      ->check(CLI::IsMember({"l", "s"}));
  command->add_flag("--keys-only", flags->keys_only, "Without the values");
  command->add_flag("--count-only", flags->count_only, "Only how many (with -w json)");
  command->add_flag("--print-value-only", flags->value_only, "Without the keys");
  command->callback([flags, &action] {
    action = [flags](const Session& session) {
      return CallKv(session, &KV::Stub::Range, GetRequest(*flags),
                    [&](const RangeResponse& response) {
                      for (const auto& kv : response.kvs()) Print(kv, flags->value_only);
                    });
    };
  });
}

struct PutFlags {
  PutRequest request;
  std::string key;
  std::optional<std::string> value;
  std::string lease = "0";
  bool prev_kv = false;
  bool ignore_value = false;
  bool ignore_lease = false;
};

absl::StatusOr<PutRequest> MakePut(const PutFlags& flags) {
  PutRequest request;
  request.set_key(flags.key);
  if (flags.value) {
    request.set_value(*flags.value);
  } else if (!flags.ignore_value) {
    request.set_value(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  }
  char* end = nullptr;
  request.set_lease(static_cast<int64_t>(std::strtoull(flags.lease.c_str(), &end, 16)));
  if (*end != '\0') {
    return absl::InvalidArgumentError(
        absl::StrCat("--lease: \"", flags.lease, "\" is not a lease ID in hexadecimal"));
  }
  request.set_prev_kv(flags.prev_kv);
  request.set_ignore_value(flags.ignore_value);
  request.set_ignore_lease(flags.ignore_lease);
  return request;
}

void AddPut(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("put", "Puts a key; the value from stdin when not given");
  const auto flags = std::make_shared<PutFlags>();
  command->add_option("key", flags->key, "Key")->required();
  command->add_option("value", flags->value, "Value");
  command->add_option("--lease", flags->lease, "Lease ID in hexadecimal");
  command->add_flag("--prev-kv", flags->prev_kv, "Print what it replaces");
  command->add_flag("--ignore-value", flags->ignore_value, "Keep the value");
  command->add_flag("--ignore-lease", flags->ignore_lease, "Keep the lease");
  command->callback([flags, &action] {
    action = [flags](const Session& session) {
      const absl::StatusOr<PutRequest> request = MakePut(*flags);
      if (!request.ok()) return Session::FailInput(request.status());
      return CallKv(session, &KV::Stub::Put, *request,
                    [](const PutResponse& response) { Print(response); });
    };
  });
}

void AddDel(CLI::App& app, Action& action) {
  struct Flags {
    RangeFlags range;
    bool prev_kv = false;
  };
  auto* command = app.add_subcommand("del", "Deletes a key or a range; prints how many");
  const auto flags = std::make_shared<Flags>();
  AddRangeFlags(*command, flags->range);
  command->add_flag("--prev-kv", flags->prev_kv, "Print what was deleted");
  command->callback([flags, &action] {
    action = [flags](const Session& session) {
      DeleteRangeRequest request;
      request.set_key(BeginOf(flags->range));
      request.set_range_end(EndOf(flags->range));
      request.set_prev_kv(flags->prev_kv);
      return CallKv(session, &KV::Stub::DeleteRange, request,
                    [](const DeleteRangeResponse& response) { Print(response); });
    };
  });
}

void AddTxn(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand(
      "txn",
      "Reads compares, then operations if they hold, then operations if not, from stdin;\n"
      "each part ends with an empty line");
  command->callback([&action] {
    action = [](const Session& session) {
      const absl::StatusOr<TxnRequest> request = ReadTxn(std::cin);
      if (!request.ok()) return Session::FailInput(request.status());
      return CallKv(session, &KV::Stub::Txn, *request,
                    [](const TxnResponse& response) { Print(response); });
    };
  });
}

void AddCompaction(CLI::App& app, Action& action) {
  struct Flags {
    int64_t revision = 0;
    bool physical = false;
  };
  auto* command = app.add_subcommand("compaction", "Forgets what was replaced before a revision");
  const auto flags = std::make_shared<Flags>();
  command->add_option("revision", flags->revision, "Revision that stays readable")->required();
  command->add_flag("--physical", flags->physical,
                    "Accepted for etcd's sake; it is `defrag` that gives the space back");
  command->callback([flags, &action] {
    action = [flags](const Session& session) {
      CompactionRequest request;
      request.set_revision(flags->revision);
      request.set_physical(flags->physical);
      return CallKv(session, &KV::Stub::Compact, request, [&](const CompactionResponse&) {
        std::cout << "compacted revision " << flags->revision << "\n";
      });
    };
  });
}

}  // namespace

void AddKvCommands(CLI::App& app, Action& action) {
  AddGet(app, action);
  AddPut(app, action);
  AddDel(app, action);
  AddTxn(app, action);
  AddCompaction(app, action);
}

}  // namespace synod::ctl
