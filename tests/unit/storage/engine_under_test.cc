#include "tests/unit/storage/engine_under_test.h"

#include "common/check.h"
#include "services/storage/memory_engine.h"
#include "services/storage/rocksdb_engine.h"
#include "tests/support/temp_dir.h"

namespace synod::storage {
namespace {

class MemoryUnderTest final : public EngineUnderTest {
 public:
  Engine& engine() override { return *engine_; }
  void Crash() override { engine_ = OpenMemoryEngine(disk_).value(); }
  absl::Status Checkpoint(const std::string& name) override { return engine_->Checkpoint(name); }
  void OpenCheckpoint(const std::string& name) override {
    engine_ = OpenMemoryEngine(disk_, name).value();
  }

 private:
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<Engine> engine_ = OpenMemoryEngine(disk_).value();
};

// Small buffers, so that background flushes and compactions take part.
class RocksdbUnderTest final : public EngineUnderTest {
 public:
  RocksdbUnderTest() { Open("engine"); }
  Engine& engine() override { return *engine_; }
  void Crash() override { Open(name_); }
  absl::Status Checkpoint(const std::string& name) override {
    return engine_->Checkpoint(dir_ / name);
  }
  void OpenCheckpoint(const std::string& name) override { Open(name); }

 private:
  void Open(const std::string& name) {
    name_ = name;
    engine_.reset();
    auto engine = OpenRocksdbEngine({dir_ / name, 1 << 20, 64 << 10});
    SYNOD_CHECK(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }

  const testing::TempDir dir_;
  std::string name_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

std::vector<EngineKind> AllEngineKinds() {
  return {EngineKind::kMemory, EngineKind::kRocksdb};
}

std::string EngineKindName(EngineKind kind) {
  switch (kind) {
    case EngineKind::kMemory:
      return "Memory";
    case EngineKind::kRocksdb:
      return "Rocksdb";
  }
  return "";
}

std::unique_ptr<EngineUnderTest> MakeEngineUnderTest(EngineKind kind) {
  switch (kind) {
    case EngineKind::kMemory:
      return std::make_unique<MemoryUnderTest>();
    case EngineKind::kRocksdb:
      return std::make_unique<RocksdbUnderTest>();
  }
  return nullptr;
}

}  // namespace synod::storage
