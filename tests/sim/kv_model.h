// etcd's key-value semantics written down a second time, as plainly as possible: the state
// machine's dumb twin. Keeps every version for ever, also those that a compaction has made
// unreadable; no engine, no encoding.
//
// Covers what the simulator's clients send: put, delete range, transactions of these with compares
// on one key, compactions, ranges without filters or sorting.
#ifndef SYNOD_TESTS_SIM_KV_MODEL_H_
#define SYNOD_TESTS_SIM_KV_MODEL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/kv/types.h"

namespace synod::sim {

class KvModel {
 public:
  kv::Result Apply(const kv::Request& request);

  // Why a range at this revision is refused now; 0 is the newest.
  kv::Error Refuses(kv::Revision at) const;

  // As of `at`, which is a revision that has been; compacted or not.
  kv::RangeResponse Range(const kv::RangeRequest& request, kv::Revision at) const;

  kv::Revision revision() const { return revision_; }
  kv::Revision floor() const { return floor_; }

  // Equal states have equal ones; different states, but for luck, have not.
  uint64_t digest() const { return digest_; }

 private:
  struct Version {
    kv::Revision revision = 0;
    std::shared_ptr<const kv::KeyValue> value;  // null: deleted
  };

  // The newest version at or below `at`; null when the key does not exist then.
  const kv::KeyValue* Find(const std::string& key, kv::Revision at) const;
  std::vector<const kv::KeyValue*> FindAll(const std::string& key, const std::string& range_end,
                                           kv::Revision at) const;
  bool Holds(const kv::Compare& compare) const;

  // Write at revision_ + 1; `revision_` moves when the whole request is done.
  kv::PutResponse Put(const kv::PutRequest& request);
  kv::DeleteRangeResponse Delete(const kv::DeleteRangeRequest& request);
  kv::TxnResponse Txn(const kv::TxnRequest& request);
  kv::Error Compact(kv::Revision revision);

  void Add(const std::string& key, Version version);

  std::map<std::string, std::vector<Version>> keys_;
  uint64_t digest_ = 0;
  kv::Revision revision_ = 1;
  kv::Revision floor_ = -1;  // of compaction
  bool wrote_ = false;
};

// Everything a client sees of an answer, as bytes: equal answers, equal bytes.
std::string Flatten(const kv::Result& result);
std::string Flatten(const kv::RangeResponse& response);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_KV_MODEL_H_
