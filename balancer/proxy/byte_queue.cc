#include "balancer/proxy/byte_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/check.h"

namespace synod::balancer {
namespace {

// Below this a copy costs less than one more entry in a writev and one more allocation.
constexpr size_t kMoveThreshold = 2 << 10;

// One chunk takes a frame of the default maximum size and its header.
constexpr size_t kFullChunk = 16 << 10;
constexpr size_t kSmallChunk = 256;

}  // namespace

void ByteQueue::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (head_ == chunks_.size() || chunks_.back().end == chunks_.back().capacity) {
      // A queue that has already filled a chunk is a busy one: give it full ones.
      const size_t least = size_ == 0 ? kSmallChunk : kFullChunk;
      const size_t capacity = std::clamp(bytes.size(), least, kFullChunk);
      chunks_.push_back({std::unique_ptr<char[]>(new char[capacity]), 0, 0, capacity});
    }
    Chunk& tail = chunks_.back();
    const size_t n = std::min(bytes.size(), tail.capacity - tail.end);
    std::memcpy(tail.data.get() + tail.end, bytes.data(), n);
    tail.end += n;
    size_ += n;
    bytes.remove_prefix(n);
  }
}

void ByteQueue::MoveFrom(ByteQueue& from, size_t n) {
  SYNOD_CHECK(n <= from.size_) << "n=" << n << " size=" << from.size_;
  while (n > 0) {
    Chunk& front = from.chunks_[from.head_];
    const size_t take = std::min(n, front.size());
    if (take == front.size() && take >= kMoveThreshold) {
      size_ += take;
      chunks_.push_back(std::move(front));
      from.size_ -= take;
      ++from.head_;
      from.Compact();
    } else {
      Append(absl::string_view(front.data.get() + front.begin, take));
      from.Consume(take);
    }
    n -= take;
  }
}

void ByteQueue::CopyFrom(const ByteQueue& from, size_t offset, size_t n) {
  SYNOD_CHECK(offset + n <= from.size_) << "offset=" << offset << " n=" << n;
  for (size_t i = from.head_; n > 0; ++i) {
    const Chunk& chunk = from.chunks_[i];
    if (offset >= chunk.size()) {
      offset -= chunk.size();
      continue;
    }
    const size_t take = std::min(n, chunk.size() - offset);
    Append(absl::string_view(chunk.data.get() + chunk.begin + offset, take));
    offset = 0;
    n -= take;
  }
}

int ByteQueue::Peek(iovec* entries, int max) const {
  int count = 0;
  for (size_t i = head_; i < chunks_.size() && count < max; ++i, ++count) {
    entries[count] = {chunks_[i].data.get() + chunks_[i].begin, chunks_[i].size()};
  }
  return count;
}

void ByteQueue::Consume(size_t n) {
  SYNOD_CHECK(n <= size_) << "n=" << n << " size=" << size_;
  size_ -= n;
  while (n > 0) {
    Chunk& front = chunks_[head_];
    const size_t take = std::min(n, front.size());
    front.begin += take;
    n -= take;
    if (front.begin < front.end) break;
    if (head_ + 1 == chunks_.size()) {
      front.begin = front.end = 0;  // the last chunk is written again from its start
      break;
    }
    ++head_;
  }
  Compact();
}

void ByteQueue::Clear() {
  chunks_.clear();
  head_ = 0;
  size_ = 0;
}

void ByteQueue::Compact() {
  if (head_ == chunks_.size()) {
    chunks_.clear();
    head_ = 0;
  } else if (head_ > 16 && head_ * 2 > chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace synod::balancer
