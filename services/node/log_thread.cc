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
                     Outlets outlets, absl::Duration space_retry)
    : log_(log),
      metrics_(metrics),
      clock_(clock),
      outlets_(std::move(outlets)),
      space_retry_(space_retry),
      stall_(clock),
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
  cuts_under_way_.fetch_add(1, std::memory_order_relaxed);
  box_.Post(Item{{}, {group, slot, nullptr}, 0}, 0);
}

void LogThread::CutDurably(GroupId group, Slot slot, std::function<void()> done) {
  cuts_under_way_.fetch_add(1, std::memory_order_relaxed);
  box_.Post(Item{{}, {group, slot, std::move(done)}, 0}, 0);
}

std::optional<uint64_t> LogThread::settled_bytes() const {
  if (cuts_under_way_.load(std::memory_order_acquire) != 0) return std::nullopt;
  return size_bytes();
}

void LogThread::Run() {
  std::vector<Item> taken;
  while (box_.Take(taken, full_ ? space_retry_ : absl::InfiniteDuration())) {
    const size_t first = held_.size();
    std::move(taken.begin(), taken.end(), std::back_inserter(held_));
    if (first == 0 && !held_.empty()) stall_.Begin();
    if (!CutHeld(first)) return;
    // Whatever comes in meanwhile, at this pace only.
    if (full_ && clock_->Monotonic() < retry_at_) continue;
    if (!Persist()) return;
    size_bytes_.store(log_->SizeBytes(), std::memory_order_relaxed);
  }
}

bool LogThread::CutHeld(size_t first) {
  for (size_t i = first; i < held_.size(); ++i) {
    const Cut& cut = held_[i].cut;
    if (!cut.slot) continue;
    const auto kind = cut.done ? storage::CutKind::kDurable : storage::CutKind::kLazy;
    if (auto status = log_->CutThrough(cut.group, cut.slot, kind); !status.ok()) {
      outlets_.fatal("cutting the acceptor log", status);
      return false;
    }
    size_bytes_.store(log_->SizeBytes(), std::memory_order_relaxed);
    cuts_under_way_.fetch_sub(1, std::memory_order_release);
    if (cut.done) cut.done();
  }
  return true;
}

bool LogThread::Persist() {
  const absl::Duration start = clock_->Monotonic();
  if (full_) {
    if (auto status = log_->Sync(); !status.ok()) return WaitForSpace(status);
    full_ = false;
    outlets_.space(absl::OkStatus());
  }
  size_t records = 0;
  for (size_t i = appended_; i < held_.size(); ++i) records += held_[i].work.records.size();
  if (auto status = AppendHeld(); !status.ok()) {
    outlets_.fatal("writing the acceptor log", status);
    return false;
  }
  if (records > 0) {
    if (auto status = log_->Sync(); !status.ok()) return WaitForSpace(status);
    metrics_->log_sync_seconds.Observe(absl::ToDoubleSeconds(clock_->Monotonic() - start));
    metrics_->log_batch_records.Observe(static_cast<double>(records));
  }
  Release();
  return true;
}

absl::Status LogThread::AppendHeld() {
  for (; appended_ < held_.size(); ++appended_) {
    const std::vector<paxos::Record>& records = held_[appended_].work.records;
    if (records.empty()) continue;
    if (auto status = log_->Append(records); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool LogThread::WaitForSpace(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) {
    outlets_.fatal("syncing the acceptor log", status);
    return false;
  }
  if (!full_) outlets_.space(status);
  full_ = true;
  retry_at_ = clock_->Monotonic() + space_retry_;
  return true;
}

void LogThread::Release() {
  std::vector<paxos::Message> messages;
  paxos::PersistToken token = 0;
  size_t cost = 0;
  for (Item& item : held_) {
    cost += item.cost;
    token = std::max(token, item.work.token);
    std::move(item.work.messages.begin(), item.work.messages.end(), std::back_inserter(messages));
    for (const paxos::LearnReply& reply : item.work.learn_replies) outlets_.learn_reply(reply);
  }
  held_.clear();
  stall_.End();
  appended_ = 0;
  box_.Done(cost);
  if (!messages.empty()) outlets_.send(std::move(messages));
  if (token != 0) outlets_.persisted(token);
}

}  // namespace synod::node
