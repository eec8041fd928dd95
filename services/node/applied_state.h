// The applied state: an engine and the state machine in it. It is replaced as a whole when a
// snapshot is installed; who reads meanwhile keeps what he holds until he is done with it.
//
// Thread-safety: AppliedState's methods from any thread; Replace only from where nothing is being
// applied (apply_thread.h).
#ifndef SYNOD_SERVICES_NODE_APPLIED_STATE_H_
#define SYNOD_SERVICES_NODE_APPLIED_STATE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/kv/state_machine.h"
#include "services/storage/engine.h"

namespace synod::node {

struct State {
  std::string dir;
  std::unique_ptr<storage::Engine> engine;
  std::unique_ptr<kv::StateMachine> machine;  // in the engine
};

class AppliedState {
 public:
  explicit AppliedState(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> Get() const {
    absl::ReaderMutexLock lock(&mutex_);
    return state_;
  }

  // The newest view; it keeps its state.
  std::shared_ptr<const kv::ReadView> View() const;

  void Replace(std::shared_ptr<State> state) {
    absl::MutexLock lock(&mutex_);
    state_.swap(state);
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<State> state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_APPLIED_STATE_H_
