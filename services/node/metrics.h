// What a node counts. All are safe to update from any thread.
#ifndef SYNOD_SERVICES_NODE_METRICS_H_
#define SYNOD_SERVICES_NODE_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>

#include "services/node/call_metrics.h"

namespace synod::node {

class NodeMetrics {
 private:
  // First, because the members below live in it.
  const std::shared_ptr<prometheus::Registry> registry_;

 public:
  NodeMetrics();

  std::shared_ptr<prometheus::Registry> registry() const { return registry_; }

  // Clients.
  CallMetrics calls;
  prometheus::Counter& proposals;
  prometheus::Gauge& proposals_failed;
  prometheus::Counter& reads;
  prometheus::Counter& read_rounds;
  prometheus::Gauge& pending_proposals;
  prometheus::Gauge& pending_reads;

  // Consensus.
  prometheus::Counter& leader_changes;
  prometheus::Gauge& has_leader;
  prometheus::Gauge& is_leader;
  prometheus::Gauge& ballot_round;
  prometheus::Gauge& chosen_slot;
  prometheus::Gauge& quorum_contact_age_seconds;
  prometheus::Gauge& messages_dropped;

  // Log.
  prometheus::Histogram& log_sync_seconds;
  prometheus::Histogram& log_batch_records;
  prometheus::Gauge& log_bytes;
  prometheus::Gauge& log_backlog_bytes;

  prometheus::Counter& unreadable_values;

  // State machine.
  prometheus::Counter& commands_applied;
  prometheus::Histogram& apply_seconds;
  prometheus::Histogram& apply_batch_commands;
  prometheus::Gauge& applied_slot;
  prometheus::Gauge& apply_backlog_bytes;
  prometheus::Gauge& database_bytes;
  prometheus::Histogram& flush_seconds;

  // The process.
  prometheus::Gauge& cpu_seconds;
  prometheus::Gauge& log_lines_dropped;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_METRICS_H_
