#include "services/paxos/outbox.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

void Outbox::Send(NodeId to, MessageBody body) {
  SYNOD_CHECK(to != self_);
  ready_.messages.push_back({group_, self_, to, std::move(body)});
}

void Outbox::SendAfterSync(NodeId to, MessageBody body) {
  if (to == self_) {
    SYNOD_CHECK(Syncing()) << "nothing would deliver it";
    to_self_.push_back({CoveringToken(), std::move(body)});
    return;
  }
  ready_.messages_after_sync.push_back({group_, self_, to, std::move(body)});
}

PersistToken Outbox::Persist(RecordBody body) {
  ready_.records.push_back({group_, std::move(body)});
  return CoveringToken();
}

std::optional<uint64_t> Outbox::SyncingSince() const {
  if (not_durable_.empty()) return std::nullopt;
  return not_durable_.front().at;
}

void Outbox::OnPersisted(PersistToken token) {
  SYNOD_CHECK(token <= issued_) << "token=" << token << " was never issued";
  persisted_ = std::max(persisted_, token);
  while (!not_durable_.empty() && not_durable_.front().token <= persisted_) {
    not_durable_.pop_front();
  }
}

std::optional<MessageBody> Outbox::TakeDelivered() {
  if (to_self_.empty() || to_self_.front().token > persisted_) return std::nullopt;
  MessageBody body = std::move(to_self_.front().body);
  to_self_.pop_front();
  return body;
}

bool Outbox::empty() const {
  return ready_.messages.empty() && ready_.records.empty() && ready_.messages_after_sync.empty() &&
         ready_.reads.empty() && ready_.learn_replies.empty() && !ready_.snapshot_fetch;
}

Ready Outbox::Take(uint64_t now) {
  if (!ready_.records.empty()) {
    ready_.token = ++issued_;
    not_durable_.push_back({issued_, now});
  } else if (persisted_ == issued_) {
    // Nothing to wait for after all.
    for (Message& message : ready_.messages_after_sync) {
      ready_.messages.push_back(std::move(message));
    }
    ready_.messages_after_sync.clear();
  }
  return std::exchange(ready_, Ready());
}

PersistToken Outbox::CoveringToken() const {
  if (!ready_.records.empty()) return issued_ + 1;
  return persisted_ < issued_ ? issued_ : 0;
}

}  // namespace synod::paxos
