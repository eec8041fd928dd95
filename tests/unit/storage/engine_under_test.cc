#include "tests/unit/storage/engine_under_test.h"

#include "services/storage/memory_engine.h"

namespace synod::storage {
namespace {

class MemoryUnderTest final : public EngineUnderTest {
 public:
  Engine& engine() override { return *engine_; }
  void Crash() override { engine_ = OpenMemoryEngine(disk_); }
  absl::Status Checkpoint(const std::string& name) override { return engine_->Checkpoint(name); }
  void OpenCheckpoint(const std::string& name) override { engine_ = OpenMemoryEngine(disk_, name); }

 private:
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<Engine> engine_ = OpenMemoryEngine(disk_);
};

}  // namespace

std::vector<EngineKind> AllEngineKinds() {
  return {EngineKind::kMemory};
}

std::string EngineKindName(EngineKind kind) {
  switch (kind) {
    case EngineKind::kMemory:
      return "Memory";
  }
  return "";
}

std::unique_ptr<EngineUnderTest> MakeEngineUnderTest(EngineKind kind) {
  switch (kind) {
    case EngineKind::kMemory:
      return std::make_unique<MemoryUnderTest>();
  }
  return nullptr;
}

}  // namespace synod::storage
