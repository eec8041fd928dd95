// A few threads that answer clients' proposals, so that neither consensus nor the state machine
// waits for the encoding of results or a socket.
//
// Bounded by what is pending: an answer is queued only for a proposal that was admitted.
//
// Thread-safety: Post from any thread.
#ifndef SYNOD_SERVICES_NODE_REPLY_POOL_H_
#define SYNOD_SERVICES_NODE_REPLY_POOL_H_

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/node/pending_table.h"

namespace synod::node {

class ReplyPool {
 public:
  explicit ReplyPool(int threads);

  // Runs what is queued, then joins.
  ~ReplyPool();
  ReplyPool(const ReplyPool&) = delete;
  ReplyPool& operator=(const ReplyPool&) = delete;

  // Takes the content and leaves the vector empty.
  void Post(PendingTable::Finished& finished);

 private:
  void Run();

  absl::Mutex mutex_;
  absl::CondVar posted_;
  std::deque<PendingTable::Finished> chunks_ ABSL_GUARDED_BY(mutex_);
  int sleeping_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_REPLY_POOL_H_
