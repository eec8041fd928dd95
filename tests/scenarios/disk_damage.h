// Damage to one record of a crashed node's acceptor log, found by what the record is about.
#ifndef SYNOD_TESTS_SCENARIOS_DISK_DAMAGE_H_
#define SYNOD_TESTS_SCENARIOS_DISK_DAMAGE_H_

#include <string>

#include "common/ids.h"
#include "services/storage/record_codec.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::scenarios {

// Whose log it is, and in which directory of the disk.
struct LogPlace {
  storage::FaultEnv& disk;
  std::string dir;
  ClusterId cluster;
  NodeId node;
};

// Flips a bit in the value of the newest record of the slot: the record is named, and unreadable.
// False when the log has none.
bool FlipValue(const LogPlace& log, Slot slot);

// Zeroes the batch that holds it and every identifier of the batch: nothing tells any more which
// slots it was about. False when the log has none.
bool EraseRecord(const LogPlace& log, Slot slot);

// Flips a bit in each copy of the promises.
void FlipPromises(const LogPlace& log);

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_DISK_DAMAGE_H_
