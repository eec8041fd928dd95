#include "services/node/metrics.h"

namespace synod::node {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Counter& Count(Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

Gauge& Level(Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

// Powers of two from `first`.
Histogram& Spread(Registry& registry, const char* name, const char* help, double first,
                  int buckets) {
  Histogram::BucketBoundaries bounds;
  for (int i = 0; i < buckets; ++i, first *= 2) bounds.push_back(first);
  return BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
}

Histogram& Seconds(Registry& registry, const char* name, const char* help) {
  return Spread(registry, name, help, 0.0000625, 16);  // 62.5 us to 2 s
}

Histogram& Sizes(Registry& registry, const char* name, const char* help) {
  return Spread(registry, name, help, 1, 13);  // 1 to 4096
}

}  // namespace

NodeMetrics::NodeMetrics()
    : registry_(std::make_shared<Registry>()),
      calls(*registry_),
      proposals(Count(*registry_, "synod_proposals_total", "Writes taken from clients")),
      proposals_failed(Level(*registry_, "synod_proposals_failed_total",
                             "Writes refused, timed out or of unknown outcome")),
      reads(Count(*registry_, "synod_linearizable_reads_total",
                  "Linearizable reads taken from clients")),
      read_rounds(Count(*registry_, "synod_read_rounds_total",
                        "Questions to the leader that those reads shared")),
      pending_proposals(Level(*registry_, "synod_pending_proposals", "Writes not answered yet")),
      pending_reads(
          Level(*registry_, "synod_pending_reads", "Linearizable reads not answered yet")),
      leader_changes(
          Count(*registry_, "synod_leader_changes_total", "New leaders this node came to know")),
      has_leader(Level(*registry_, "synod_has_leader", "1 when this node knows a leader")),
      is_leader(Level(*registry_, "synod_is_leader", "1 when this node leads and may serve")),
      ballot_round(Level(*registry_, "synod_ballot_round", "Round of the highest promise")),
      chosen_slot(Level(*registry_, "synod_chosen_slot", "All slots through this are chosen")),
      quorum_contact_age_seconds(Level(*registry_, "synod_quorum_contact_age_seconds",
                                       "Since the leader, or as leader a quorum, was last heard")),
      messages_dropped(Level(*registry_, "synod_peer_messages_dropped_total",
                             "Messages from peers that found the queue full")),
      log_sync_seconds(Seconds(*registry_, "synod_log_sync_seconds",
                               "Writing and syncing one batch of the acceptor log")),
      log_batch_records(Sizes(*registry_, "synod_log_batch_records", "Records that shared a sync")),
      log_bytes(Level(*registry_, "synod_log_bytes", "Size of the acceptor log")),
      log_backlog_bytes(Level(*registry_, "synod_log_backlog_bytes", "Records not durable yet")),
      unreadable_values(Count(*registry_, "synod_log_unreadable_values_total",
                              "Requests of peers that the log could not answer for damage")),
      commands_applied(
          Count(*registry_, "synod_commands_applied_total", "Commands of any node applied")),
      apply_seconds(Seconds(*registry_, "synod_apply_seconds", "Applying one batch of slots")),
      apply_batch_commands(
          Sizes(*registry_, "synod_apply_batch_commands", "Commands applied together")),
      applied_slot(Level(*registry_, "synod_applied_slot", "All slots through this are applied")),
      apply_backlog_bytes(
          Level(*registry_, "synod_apply_backlog_bytes", "Chosen values not applied yet")),
      database_bytes(Level(*registry_, "synod_database_bytes", "Size of the state engine")),
      flush_seconds(Seconds(*registry_, "synod_flush_seconds", "Flushing the state engine")),
      cpu_seconds(Level(*registry_, "process_cpu_seconds_total", "User and system CPU time")),
      log_lines_dropped(Level(*registry_, "synod_log_lines_dropped_total",
                              "Log lines lost because their sink could not keep up")) {}

}  // namespace synod::node
