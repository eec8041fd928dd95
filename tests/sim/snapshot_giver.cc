#include "tests/sim/snapshot_giver.h"

#include <utility>

#include "tests/sim/world.h"

namespace synod::sim {

SnapshotGiver::SnapshotGiver(Process& process, const Clock* clock, storage::Env* env,
                             node::SnapshotStore::Checkpoint checkpoint, Options options,
                             Random random, Send send)
    : process_(process),
      options_(std::move(options)),
      random_(random),
      send_(std::move(send)),
      store_(options_.store, env, std::move(checkpoint), clock) {}

void SnapshotGiver::Serve(const SnapshotRequest& request) {
  auto source = store_.Open(request.at_least, request.from.snapshot);
  if (!source.ok()) {
    send_({request.stream, SnapshotEnd{source.status()}});
    return;
  }
  auto stream = std::make_shared<Stream>(Stream{request.stream, *std::move(source), request.from});
  if (send_({stream->id, SnapshotBegin{stream->source->descriptor()}})) Continue(stream);
}

void SnapshotGiver::Continue(std::shared_ptr<Stream> stream) {
  process_.After(DrawDuration(random_, options_.pace),
                 [this, stream = std::move(stream)] { SendNext(stream); });
}

void SnapshotGiver::SendNext(const std::shared_ptr<Stream>& stream) {
  rpc::SnapshotPlace& at = stream->at;
  const rpc::SnapshotSource& source = *stream->source;
  while (at.file < source.files() && at.offset >= source.FileBytes(at.file)) {
    ++at.file;
    at.offset = 0;
  }
  if (at.file == source.files()) {
    send_({stream->id, SnapshotEnd{absl::OkStatus()}});
    return;
  }
  auto data = source.Read(at.file, at.offset);
  if (!data.ok()) {
    send_({stream->id, SnapshotEnd{data.status()}});
    return;
  }
  SnapshotChunk chunk{at.file, at.offset, *std::move(data)};
  at.offset += chunk.data.size();
  if (send_({stream->id, std::move(chunk)})) Continue(stream);
}

}  // namespace synod::sim
