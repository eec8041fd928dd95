#include "services/paxos/replica.h"

#include <utility>

#include "services/paxos/replica_core.h"

namespace synod::paxos {

Replica::Replica(ReplicaOptions options, RecoveredState recovered)
    : core_(std::make_unique<Core>(std::move(options), std::move(recovered))) {}
Replica::~Replica() = default;

void Replica::Step(Message message) {
  core_->Step(std::move(message));
}
void Replica::Tick() {
  core_->Tick();
}
Admission Replica::Propose(Command command) {
  return core_->Propose(std::move(command));
}
Admission Replica::Read(uint64_t read_id) {
  return core_->Read(read_id);
}
bool Replica::HandOver(NodeId to) {
  return core_->HandOver(to);
}
void Replica::Installed(Slot slot, ConfigurationHistory configurations) {
  core_->Installed(slot, std::move(configurations));
}
void Replica::FetchFailed() {
  core_->FetchFailed();
}
void Replica::CancelReads() {
  core_->CancelReads();
}
void Replica::Persisted(PersistToken token) {
  core_->Persisted(token);
}
void Replica::Applied(Slot /*applied*/, Slot durable) {
  core_->Applied(durable);
}
bool Replica::HasReady() const {
  return core_->HasReady();
}
Ready Replica::TakeReady() {
  return core_->TakeReady();
}
ReplicaStatus Replica::status() const {
  return core_->status();
}
std::vector<MemberProgress> Replica::progress() const {
  return core_->progress();
}
Slot Replica::cut_through() const {
  return core_->cut_through();
}

}  // namespace synod::paxos
