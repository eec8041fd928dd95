#include "tests/unit/kv/random_requests.h"

#include <algorithm>

#include "services/kv/validate.h"

namespace synod::kv {

std::string RandomRequests::Key() {
  std::string key(1, static_cast<char>('a' + random_.Below(6)));
  if (random_.Chance(0.3)) key += static_cast<char>('a' + random_.Below(3));
  return key;
}

std::string RandomRequests::RangeEnd() {
  if (random_.Chance(0.4)) return "";
  if (random_.Chance(0.3)) return std::string(1, '\0');
  return Key();
}

Revision RandomRequests::AnyRevision(Revision newest) {
  if (random_.Chance(0.4)) return 0;
  if (random_.Chance(0.5))
    return std::max<Revision>(1, newest - static_cast<Revision>(random_.Below(12)));
  return static_cast<Revision>(random_.Below(static_cast<uint64_t>(newest) + 6)) - 2;
}

RangeRequest RandomRequests::Range(Revision newest) {
  RangeRequest range{.key = Key(), .range_end = RangeEnd(), .revision = AnyRevision(newest)};
  if (random_.Chance(0.3)) range.limit = static_cast<int64_t>(random_.Below(5)) - 1;
  if (random_.Chance(0.4)) range.sort_order = static_cast<SortOrder>(random_.Below(3));
  if (random_.Chance(0.4)) range.sort_target = static_cast<SortTarget>(random_.Below(5));
  range.keys_only = random_.Chance(0.1);
  range.count_only = random_.Chance(0.1);
  const auto filter = [&] {
    return random_.Chance(0.1)
               ? static_cast<Revision>(random_.Below(static_cast<uint64_t>(newest) + 2))
               : 0;
  };
  range.min_mod_revision = filter();
  range.max_mod_revision = filter();
  range.min_create_revision = filter();
  range.max_create_revision = filter();
  return range;
}

PutRequest RandomRequests::Put() {
  PutRequest put{.key = Key(), .prev_kv = random_.Chance(0.3)};
  put.ignore_value = random_.Chance(0.1);
  put.ignore_lease = random_.Chance(0.1);
  if (!put.ignore_value)
    put.value = std::string(random_.Below(4), static_cast<char>('0' + random_.Below(10)));
  if (!put.ignore_lease && random_.Chance(0.03)) put.lease = 7;
  return put;
}

DeleteRangeRequest RandomRequests::DeleteRange() {
  return {.key = Key(), .range_end = RangeEnd(), .prev_kv = random_.Chance(0.3)};
}

Compare RandomRequests::OneCompare(Revision newest) {
  Compare compare{.result = static_cast<CompareResult>(random_.Below(4)),
                  .target = static_cast<CompareTarget>(random_.Below(5)),
                  .key = Key(),
                  .range_end = random_.Chance(0.3) ? RangeEnd() : ""};
  compare.number = static_cast<int64_t>(compare.target == CompareTarget::kVersion
                                            ? random_.Below(4)
                                            : random_.Below(static_cast<uint64_t>(newest) + 1));
  compare.value = std::string(random_.Below(3), static_cast<char>('0' + random_.Below(10)));
  return compare;
}

Operation RandomRequests::OneOperation(Revision newest, int depth, bool writes) {
  if (depth < 3 && random_.Chance(0.2)) return Txn(newest, depth + 1, writes);
  if (writes && random_.Chance(0.5)) return Put();
  if (writes && random_.Chance(0.4)) return DeleteRange();
  RangeRequest range = Range(newest);
  if (random_.Chance(0.7)) range.revision = 0;  // else few transactions pass their checks
  return range;
}

TxnRequest RandomRequests::Txn(Revision newest, int depth, bool writes) {
  TxnRequest txn;
  for (uint64_t i = random_.Below(3); i > 0; --i) txn.compare.push_back(OneCompare(newest));
  for (auto* branch : {&txn.success, &txn.failure}) {
    for (uint64_t i = random_.Below(4); i > 0; --i) {
      branch->push_back(OneOperation(newest, depth, writes));
    }
  }
  return txn;
}

TxnRequest RandomRequests::ReadOnlyTxn(Revision newest) {
  return Txn(newest, 1, false);
}

// Rarely raised and often disarmed: most commands should do something.
AlarmRequest RandomRequests::Alarm() {
  return {.action = random_.Chance(0.15) ? AlarmAction::kActivate : AlarmAction::kDeactivate,
          .alarm = {NodeId(1 + random_.Below(2)), static_cast<AlarmType>(random_.Below(3))}};
}

Request RandomRequests::Command(Revision newest) {
  if (random_.Chance(0.45)) return Put();
  if (random_.Chance(0.25)) return DeleteRange();
  if (random_.Chance(0.08)) {
    return CompactRequest{.revision = AnyRevision(newest), .physical = random_.Chance(0.5)};
  }
  if (random_.Chance(0.06)) return Alarm();
  while (true) {
    TxnRequest txn = Txn(newest, 1, true);
    if (Validate(txn, 128) == Error::kNone) return txn;
  }
}

}  // namespace synod::kv
