#include "services/rpc/status_feed.h"

#include <algorithm>
#include <utility>

namespace synod::rpc {

StatusFeed::StatusFeed(Backend* backend) : backend_(backend) {
  subscription_ = backend_->Subscribe([this] {
    absl::MutexLock lock(&mutex_);
    changed_ = true;
    wake_.Signal();
  });
  thread_ = std::thread([this] { Run(); });
}

StatusFeed::~StatusFeed() {
  subscription_.reset();
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

uint64_t StatusFeed::Add(absl::Duration interval, Listener listener) {
  auto entry = std::make_shared<Entry>(interval, std::move(listener));
  absl::MutexLock lock(&mutex_);
  entries_[++last_id_] = std::move(entry);
  wake_.Signal();
  return last_id_;
}

void StatusFeed::Remove(uint64_t id) {
  std::shared_ptr<Entry> entry;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    entry = std::move(found->second);
    entries_.erase(found);
  }
  absl::MutexLock lock(&entry->calling);
  entry->listener = nullptr;
}

void StatusFeed::Run() {
  for (auto entries = Await(); !entries.empty(); entries = Await()) {
    const NodeStatus status = backend_->Status();
    for (const std::shared_ptr<Entry>& entry : entries) {
      absl::MutexLock lock(&entry->calling);
      if (entry->listener) entry->listener(status);
    }
  }
}

std::vector<std::shared_ptr<StatusFeed::Entry>> StatusFeed::Await() {
  absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Entry>> due;
  while (!stopping_) {
    const absl::Duration now = backend_->Now();
    absl::Duration next = absl::InfiniteDuration();
    for (const auto& [id, entry] : entries_) {
      if (changed_ || entry->due <= now) {
        entry->due = now + entry->interval;
        due.push_back(entry);
      }
      next = std::min(next, entry->due);
    }
    changed_ = false;
    if (!due.empty()) return due;
    wake_.WaitWithTimeout(&mutex_, next - now);
  }
  return {};
}

}  // namespace synod::rpc
