#include "balancer/proxy/stream.h"

#include <utility>

namespace synod::balancer {

void OutgoingBody::End(HeaderList trailers) {
  trailers_ = std::move(trailers);
  ended_ = true;
}

void OutgoingBody::Send(size_t n, ByteQueue& out) {
  if (keep_) {
    out.CopyFrom(bytes_, sent_, n);
    sent_ += n;
  } else {
    out.MoveFrom(bytes_, n);
    whole_ = whole_ && n == 0;
  }
}

void OutgoingBody::StopKeeping() {
  whole_ = whole_ && sent_ == 0;
  bytes_.Consume(sent_);
  sent_ = 0;
  keep_ = false;
}

void OutgoingBody::Discard() {
  whole_ = whole_ && bytes_.empty();
  bytes_.Clear();
  sent_ = 0;
  keep_ = false;
}

}  // namespace synod::balancer
