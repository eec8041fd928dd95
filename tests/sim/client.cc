#include "tests/sim/client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::sim {
namespace {

constexpr absl::Duration kRefusedPause = absl::Milliseconds(50);

}  // namespace

Client::Client(World& world, const Surroundings& around, int number, ClientOptions options,
               Random random)
    : world_(world),
      nodes_(around.nodes),
      balancers_(around.balancers),
      history_(around.history),
      number_(number),
      options_(options),
      random_(random),
      node_(random_.Below(nodes_.size())) {
  if (!balancers_.empty()) balancer_ = static_cast<size_t>(number) % balancers_.size();
}

void Client::Start() {
  active_ = true;
  Think(options_.think_time);
}

void Client::Think(absl::Duration time) {
  world_.loop.After(DrawDuration(random_, time), [this] {
    if (active_) Begin();
  });
}

void Client::PickTarget() {
  if (!random_.Chance(options_.move)) return;
  node_ = random_.Below(nodes_.size());
  if (!balancers_.empty()) balancer_ = random_.Below(balancers_.size());
}

void Client::Begin() {
  if (options_.max_operations > 0 && begun_ == options_.max_operations) return;
  ++begun_;
  waiting_ = true;
  current_ = history_.size();
  Operation& operation = history_.emplace_back();
  operation.client = number_;
  PickTarget();
  if (balancers_.empty()) operation.node = nodes_[node_]->id();
  operation.sent = world_.loop.now();
  if (random_.Chance(options_.reads)) {
    operation.body = ReadOperation{DrawRead(), {}, options_.monotonic ? newest_revision_ : 0};
  } else {
    operation.body = WriteOperation{DrawWrite(), {}, {}, {}};
  }
  world_.loop.After(DrawDuration(random_, options_.latency),
                    [this, index = current_] { Send(index); });
  world_.loop.After(options_.deadline, [this, index = current_] { GiveUp(index); });
}

void Client::Send(size_t index) {
  ReplyDone done = [this, index](Reply reply) {
    world_.loop.After(
        DrawDuration(random_, options_.latency),
        [this, index, reply = std::move(reply)]() mutable { Finish(index, std::move(reply)); });
  };
  if (!balancers_.empty()) return SendToBalancer(index, std::move(done));
  Node& node = *nodes_[history_[index].node.value() - 1];
  // A paused process still takes connections; it just does not answer.
  if (!node.paused()) Deliver(node, history_, index, std::move(done));
}

void Client::SendToBalancer(size_t index, ReplyDone done) {
  Balancer& balancer = *balancers_[balancer_];
  if (balancer.running()) {
    balancer.Call(index, std::move(done));
  } else {
    done(ReplyWithout(history_[index], Outcome::kRefused));
  }
}

void Client::GiveUp(size_t index) {
  if (!End(index, Outcome::kAmbiguous)) return;
  for (const auto& balancer : balancers_) balancer->Cancel(index);
}

void Client::Finish(size_t index, Reply reply) {
  if (!End(index, OutcomeOf(reply))) return;
  const bool ok = OutcomeOf(reply) == Outcome::kOk;
  if (auto* const write = std::get_if<WriteReply>(&reply)) {
    if (ok) seen_revision_ = std::max(seen_revision_, write->result.revision);
    if (ok) newest_revision_ = std::max(newest_revision_, write->result.revision);
    std::get<WriteOperation>(history_[index].body).reply = std::move(*write);
  } else {
    auto& read = std::get<ReadReply>(reply);
    if (ok && read.revision < seen_revision_) world_.coverage.Saw(Situation::kStaleReadServed);
    if (ok) newest_revision_ = std::max(newest_revision_, read.revision);
    std::get<ReadOperation>(history_[index].body).reply = std::move(read);
  }
}

bool Client::End(size_t index, Outcome outcome) {
  if (!waiting_ || index != current_) return false;
  waiting_ = false;
  world_.Note(
      history_[index].node, "answer",
      {{"client", static_cast<uint64_t>(number_)}, {"outcome", static_cast<uint64_t>(outcome)}});
  if (outcome == Outcome::kOk) {
    ++succeeded_;
    history_[index].answered = world_.loop.now();
  } else {
    // Another one may do better.
    node_ = random_.Below(nodes_.size());
    if (!balancers_.empty()) balancer_ = random_.Below(balancers_.size());
  }
  if (active_) Think(outcome == Outcome::kRefused ? kRefusedPause : options_.think_time);
  return true;
}

std::string Client::DrawKey() {
  return absl::StrCat("k", random_.Below(static_cast<uint64_t>(options_.keys)));
}

std::string Client::NextValue() {
  std::string value = absl::StrCat(number_, "-", ++values_, "-");
  value.append(random_.Between(0, options_.max_value_bytes), 'x');
  return value;
}

kv::Request Client::DrawWrite() {
  if (options_.compactions > 0 && random_.Chance(options_.compactions)) {
    return kv::CompactRequest{
        std::max<int64_t>(1, seen_revision_ - static_cast<int64_t>(random_.Below(16)))};
  }
  const uint64_t kind = random_.Below(10);
  if (kind < 6) {
    kv::PutRequest put;
    put.key = DrawKey();
    put.value = NextValue();
    put.prev_kv = random_.Chance(0.3);
    return put;
  }
  if (kind < 8) return DrawTxn();
  kv::DeleteRangeRequest erase;
  erase.key = DrawKey();
  if (kind == 9) erase.range_end.push_back('l');  // to the end of the keys
  erase.prev_kv = random_.Chance(0.5);
  return erase;
}

kv::TxnRequest Client::DrawTxn() {
  kv::TxnRequest txn;
  const std::string key = DrawKey();
  kv::Compare compare;
  compare.key = key;
  compare.target = static_cast<kv::CompareTarget>(random_.Below(3));  // version, create, mod
  compare.result = static_cast<kv::CompareResult>(random_.Below(4));
  compare.number =
      compare.target == kv::CompareTarget::kVersion
          ? static_cast<int64_t>(random_.Below(4))
          : std::max<int64_t>(0, seen_revision_ - static_cast<int64_t>(random_.Below(8)));
  txn.compare.push_back(compare);
  kv::PutRequest put;
  put.key = key;
  put.value = NextValue();
  put.prev_kv = true;
  txn.success.emplace_back(put);
  txn.success.emplace_back(DrawRead());
  kv::DeleteRangeRequest erase;
  erase.key = DrawKey();
  txn.failure.emplace_back(DrawRead());
  if (random_.Chance(0.5)) txn.failure.emplace_back(erase);
  // Reads inside a transaction are of its own instant.
  for (auto* branch : {&txn.success, &txn.failure}) {
    for (kv::Operation& operation : *branch) {
      if (auto* range = std::get_if<kv::RangeRequest>(&operation)) {
        range->revision = 0;
        range->serializable = false;
      }
    }
  }
  return txn;
}

kv::RangeRequest Client::DrawRead() {
  kv::RangeRequest read;
  read.key = DrawKey();
  if (random_.Chance(0.3)) read.range_end = std::string(1, '\0');
  if (random_.Chance(0.2)) read.limit = static_cast<int64_t>(random_.Between(1, 4));
  read.count_only = random_.Chance(0.05);
  read.keys_only = random_.Chance(0.05);
  if (seen_revision_ > 2 && random_.Chance(0.1)) {
    read.revision =
        static_cast<kv::Revision>(random_.Between(2, static_cast<uint64_t>(seen_revision_)));
  }
  read.serializable = random_.Chance(options_.serializable);
  return read;
}

}  // namespace synod::sim
