// Bytes waiting to be sent: appended at the tail, taken from the front, passed on without copying
// where that pays.
//
// Invariant: size() is the number of bytes between front and tail; no chunk in the queue is empty.
// Thread-safety: none; one worker owns it.
#ifndef SYNOD_BALANCER_PROXY_BYTE_QUEUE_H_
#define SYNOD_BALANCER_PROXY_BYTE_QUEUE_H_

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"

namespace synod::balancer {

class ByteQueue {
 public:
  ByteQueue() = default;
  ByteQueue(ByteQueue&&) = default;
  ByteQueue& operator=(ByteQueue&&) = default;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Copies `bytes` to the tail.
  void Append(absl::string_view bytes);

  // Moves the first `n` bytes of `from` to the tail: whole large chunks change hands, the rest is
  // copied. Precondition: n <= from.size().
  void MoveFrom(ByteQueue& from, size_t n);

  // Copies `n` bytes of `from`, starting `offset` bytes behind its front, to the tail.
  // Precondition: offset + n <= from.size().
  void CopyFrom(const ByteQueue& from, size_t offset, size_t n);

  // Fills up to `max` entries that cover a prefix of the queue, for writev; returns how many.
  int Peek(iovec* entries, int max) const;

  // Drops the first `n` bytes. Precondition: n <= size().
  void Consume(size_t n);

  void Clear();

 private:
  struct Chunk {
    std::unique_ptr<char[]> data;
    size_t begin = 0;
    size_t end = 0;
    size_t capacity = 0;

    size_t size() const { return end - begin; }
  };

  // Forgets the chunks before head_ once they outnumber the live ones.
  void Compact();

  std::vector<Chunk> chunks_;  // live from head_ on
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_BYTE_QUEUE_H_
