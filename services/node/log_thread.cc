#include "services/node/log_thread.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace synod::node {
namespace {

size_t CostOf(const paxos::Record& record) {
  size_t cost = sizeof record;
  if (const auto* accepted = std::get_if<paxos::AcceptedRecord>(&record.body)) {
    cost += accepted->value.bytes().size();
  } else if (const auto* learned = std::get_if<paxos::LearnedRecord>(&record.body)) {
    cost += learned->value.bytes().size();
  }
  return cost;
}

}  // namespace

LogThread::LogThread(storage::AcceptorLog* log, NodeMetrics* metrics, const Clock* clock,
                     Outlets outlets)
    : log_(log),
      metrics_(metrics),
      clock_(clock),
      outlets_(std::move(outlets)),
      size_bytes_(log->SizeBytes()),
      thread_([this] { Run(); }) {}

LogThread::~LogThread() {
  box_.Close();
  thread_.join();
}

void LogThread::Post(Work work) {
  size_t cost = 0;
  for (const paxos::Record& record : work.records) cost += CostOf(record);
  box_.Post(Item{std::move(work), {}, cost}, cost);
}

void LogThread::CutThrough(GroupId group, Slot slot) {
  box_.Post(Item{{}, {group, slot, nullptr}, 0}, 0);
}

void LogThread::CutDurably(GroupId group, Slot slot, std::function<void()> done) {
  box_.Post(Item{{}, {group, slot, std::move(done)}, 0}, 0);
}

void LogThread::Run() {
  std::vector<Item> items;
  while (box_.Take(items)) {
    if (!Persist(items)) return;
    Release(items);
    size_bytes_.store(log_->SizeBytes(), std::memory_order_relaxed);
  }
}

bool LogThread::Persist(std::vector<Item>& items) {
  const absl::Duration start = clock_->Monotonic();
  size_t records = 0;
  for (const Item& item : items) {
    if (item.cut.slot) {
      const auto kind = item.cut.done ? storage::CutKind::kDurable : storage::CutKind::kLazy;
      if (auto status = log_->CutThrough(item.cut.group, item.cut.slot, kind); !status.ok()) {
        outlets_.fatal("cutting the acceptor log", status);
        return false;
      }
    }
    if (item.work.records.empty()) continue;
    records += item.work.records.size();
    if (auto status = log_->Append(item.work.records); !status.ok()) {
      outlets_.fatal("writing the acceptor log", status);
      return false;
    }
  }
  if (records == 0) return true;
  if (auto status = log_->Sync(); !status.ok()) {
    outlets_.fatal("syncing the acceptor log", status);
    return false;
  }
  metrics_->log_sync_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
  metrics_->log_batch_records.Observe(static_cast<double>(records));
  return true;
}

void LogThread::Release(std::vector<Item>& items) {
  std::vector<paxos::Message> messages;
  paxos::PersistToken token = 0;
  size_t cost = 0;
  for (Item& item : items) {
    cost += item.cost;
    token = std::max(token, item.work.token);
    std::move(item.work.messages.begin(), item.work.messages.end(), std::back_inserter(messages));
    for (const paxos::LearnReply& reply : item.work.learn_replies) outlets_.learn_reply(reply);
    if (item.cut.done) item.cut.done();
  }
  box_.Done(cost);
  if (!messages.empty()) outlets_.send(std::move(messages));
  if (token != 0) outlets_.persisted(token);
}

}  // namespace synod::node
