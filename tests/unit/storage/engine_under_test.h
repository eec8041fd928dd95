// One engine with its disk, so that a test can crash it and go on.
#ifndef SYNOD_TESTS_UNIT_STORAGE_ENGINE_UNDER_TEST_H_
#define SYNOD_TESTS_UNIT_STORAGE_ENGINE_UNDER_TEST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/storage/engine.h"

namespace synod::storage {

enum class EngineKind { kMemory, kRocksdb };

class EngineUnderTest {
 public:
  virtual ~EngineUnderTest() = default;
  virtual Engine& engine() = 0;

  // Drops what was not flushed and opens the engine again.
  virtual void Crash() = 0;

  virtual absl::Status Checkpoint(const std::string& name) = 0;

  // From now on engine() is the checkpoint.
  virtual void OpenCheckpoint(const std::string& name) = 0;
};

std::vector<EngineKind> AllEngineKinds();
std::string EngineKindName(EngineKind kind);
std::unique_ptr<EngineUnderTest> MakeEngineUnderTest(EngineKind kind);

}  // namespace synod::storage

#endif  // SYNOD_TESTS_UNIT_STORAGE_ENGINE_UNDER_TEST_H_
