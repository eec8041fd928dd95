// A state machine on an in-memory engine, driven one command a slot.
#ifndef SYNOD_TESTS_UNIT_KV_STORE_H_
#define SYNOD_TESTS_UNIT_KV_STORE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "services/kv/command.h"
#include "services/kv/state_machine.h"
#include "services/storage/memory_engine.h"

namespace synod::kv {

class Store {
 public:
  explicit Store(size_t cache_bytes = StateMachine::Options().cache_bytes)
      : cache_bytes_(cache_bytes) {
    Reopen();
  }

  // Loses what was not flushed.
  void Reopen() {
    machine_.reset();
    engine_ = storage::OpenMemoryEngine(disk_).value();
    auto machine = StateMachine::Open(engine_.get(), {.cache_bytes = cache_bytes_});
    SYNOD_CHECK(machine.ok()) << machine.status();
    machine_ = *std::move(machine);
  }

  Result Apply(const Request& request) {
    const std::string command = EncodeCommand(request);
    return ApplyBytes({absl::string_view(command)})[0];
  }

  // All in one slot, in one Apply.
  std::vector<Result> ApplyBytes(std::vector<absl::string_view> commands) {
    const SlotCommands slot{machine_->applied().next(), std::move(commands)};
    auto results = machine_->Apply({&slot, 1});
    SYNOD_CHECK(results.ok()) << results.status();
    return *std::move(results);
  }

  Result Put(const std::string& key, const std::string& value) {
    return Apply(PutRequest{.key = key, .value = value});
  }
  DeleteRangeResponse Delete(const std::string& key, const std::string& range_end = "") {
    const Result result = Apply(DeleteRangeRequest{.key = key, .range_end = range_end});
    SYNOD_CHECK(result.error == Error::kNone);
    return std::get<DeleteRangeResponse>(result.response);
  }
  Error Compact(Revision revision) { return Apply(CompactRequest{.revision = revision}).error; }

  ReadResult<RangeResponse> TryRange(const RangeRequest& request) {
    return machine_->View()->Range(request);
  }
  RangeResponse Range(const RangeRequest& request) {
    auto result = TryRange(request);
    SYNOD_CHECK(result.error == Error::kNone) << static_cast<int>(result.error);
    return std::move(result.response);
  }
  std::vector<KeyValue> Get(const std::string& key, Revision revision = 0) {
    return Range({.key = key, .revision = revision}).kvs;
  }
  Revision revision() { return machine_->View()->revision(); }

  StateMachine& machine() { return *machine_; }
  storage::Engine& engine() { return *engine_; }

 private:
  const size_t cache_bytes_;
  const std::shared_ptr<storage::MemoryDisk> disk_ = std::make_shared<storage::MemoryDisk>();
  std::unique_ptr<storage::Engine> engine_;
  std::unique_ptr<StateMachine> machine_;
};

inline std::string FromKey() {
  return std::string(1, '\0');
}

}  // namespace synod::kv

#endif  // SYNOD_TESTS_UNIT_KV_STORE_H_
