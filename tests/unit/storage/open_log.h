// A log on a filesystem in memory, for tests of what it does when nothing is damaged.
#ifndef SYNOD_TESTS_UNIT_STORAGE_OPEN_LOG_H_
#define SYNOD_TESTS_UNIT_STORAGE_OPEN_LOG_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/storage/acceptor_log.h"
#include "tests/unit/storage/fault_env.h"
#include "tests/unit/storage/log_twin.h"

namespace synod::storage {

inline const GroupId kGroup(1);

inline AcceptorLogOptions Options(const std::string& dir = "log") {
  AcceptorLogOptions options;
  options.dir = dir;
  options.cluster = ClusterId(0xc1);
  options.node = NodeId(7);
  options.segment_bytes = 64 << 10;
  options.spare_segments = 0;
  options.new_instance = 0x1257;
  return options;
}

inline std::vector<uint64_t> SlotsOf(
    const absl::StatusOr<std::vector<paxos::AcceptedValue>>& values) {
  std::vector<uint64_t> slots;
  EXPECT_TRUE(values.ok()) << values.status();
  for (const auto& value : *values) slots.push_back(value.slot.value());
  return slots;
}

class AcceptorLogTest : public ::testing::Test {
 protected:
  void Open() {
    log_.reset();
    auto log = AcceptorLog::Open(&env_, Options());
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  void Write(const std::vector<paxos::Record>& records) {
    ASSERT_TRUE(log_->Append(records).ok());
    ASSERT_TRUE(log_->Sync().ok());
  }
  // Fills slots first..last with values of 4 KiB: a dozen to a segment.
  void WriteSlots(uint64_t first, uint64_t last, uint64_t group = 1) {
    for (uint64_t slot = first; slot <= last; ++slot) {
      Write({Accepted(group, slot, 1, ValueOf(slot, 4000))});
    }
  }
  absl::Status OpenStatus(const AcceptorLogOptions& options) {
    return AcceptorLog::Open(&env_, options).status();
  }

  FaultEnv env_;
  std::unique_ptr<AcceptorLog> log_;
};

}  // namespace synod::storage

#endif  // SYNOD_TESTS_UNIT_STORAGE_OPEN_LOG_H_
