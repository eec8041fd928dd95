// The log thread of a simulated node: makes records durable in order, as many as have gathered with
// one sync, and then lets go of what waited for them (ready.h, rules 2 and 5).
#ifndef SYNOD_TESTS_SIM_LOG_WRITER_H_
#define SYNOD_TESTS_SIM_LOG_WRITER_H_

#include <functional>
#include <vector>

#include "common/random.h"
#include "services/paxos/ready.h"
#include "services/storage/acceptor_log.h"
#include "tests/sim/process.h"

namespace synod::sim {

class LogWriter {
 public:
  // The part of a Ready that waits for the log.
  struct Work {
    std::vector<paxos::Record> records;
    std::vector<paxos::Message> messages;
    std::vector<paxos::LearnReply> learn_replies;
    paxos::PersistToken token = 0;

    bool empty() const { return records.empty() && messages.empty() && learn_replies.empty(); }
  };

  struct Hooks {
    std::function<absl::Duration()> draw_latency;  // of one sync
    std::function<void()> settle;                  // the device is done
    std::function<void(Work)> done;            // per Work, in order; everything of it is durable
    std::function<void(absl::Status)> failed;  // nothing more will be written
  };

  LogWriter(Process& process, storage::AcceptorLog& log, Hooks hooks)
      : process_(process), log_(log), hooks_(std::move(hooks)) {}

  void Push(Work work);

 private:
  void StartSync();
  void FinishSync();
  void Release(std::vector<Work> works);
  static bool NeedsNoSync(const Work& work) { return work.records.empty(); }

  Process& process_;
  storage::AcceptorLog& log_;
  Hooks hooks_;
  bool syncing_ = false;
  std::vector<Work> in_flight_;
  std::vector<Work> waiting_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_LOG_WRITER_H_
