#include "services/storage/manifest_codec.h"

#include <xxhash.h>

#include <array>

#include "common/bytes.h"

namespace synod::storage {
namespace {

// One per format, so that neither is ever taken for the other.
constexpr uint64_t kMagicOfFormat1 = 0x4e414d444f4e5953;  // "SYNODMAN"
constexpr uint64_t kMagic = 0x324e4d444f4e5953;           // "SYNODMN2"

uint64_t Checksum(absl::string_view body, const LogIdentity& identity, size_t copy) {
  const std::array<uint64_t, 3> place = {identity.cluster.value(), identity.node.value(), copy};
  return XXH3_64bits_withSeed(body.data(), body.size(), XXH3_64bits(place.data(), sizeof place));
}

void AppendBallot(std::string& out, const paxos::Ballot& ballot) {
  AppendFixed(out, ballot.round);
  AppendFixed(out, ballot.node.value());
}

paxos::Ballot ReadBallot(ByteReader& reader) {
  const auto round = reader.Fixed<uint64_t>();
  return {round, NodeId(reader.Fixed<uint64_t>())};
}

void AppendGroup(std::string& out, const GroupManifest& group) {
  AppendBallot(out, group.promised);
  AppendFixed(out, group.cut_through.value());
  AppendFixed<uint8_t>(out, group.founded);
  AppendFixed(out, static_cast<uint32_t>(group.instances.size()));
  for (const auto& [node, instance] : group.instances) {
    AppendFixed(out, node.value());
    AppendFixed(out, instance);
  }
  AppendBallot(out, group.lost_through);
  AppendFixed<uint8_t>(out, group.repaired);
}

GroupManifest ReadGroup(ByteReader& reader, uint32_t format) {
  GroupManifest group;
  group.promised = ReadBallot(reader);
  group.cut_through = Slot(reader.Fixed<uint64_t>());
  if (format == 1) {
    // It knew no founding: who had promised anything was voting.
    group.founded = group.promised != paxos::Ballot();
    return group;
  }
  group.founded = reader.Fixed<uint8_t>() != 0;
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    const NodeId node(reader.Fixed<uint64_t>());
    group.instances[node] = reader.Fixed<uint64_t>();
  }
  group.lost_through = ReadBallot(reader);
  group.repaired = reader.Fixed<uint8_t>() != 0;
  return group;
}

std::string EncodeBody(const ManifestCopy& contents) {
  const ManifestState& state = contents.state;
  std::string body;
  AppendFixed(body, contents.generation);
  AppendFixed(body, state.instance);
  AppendFixed(body, static_cast<uint32_t>(state.segments.size()));
  for (const SegmentManifest& segment : state.segments) {
    AppendFixed(body, segment.id);
    AppendFixed(body, segment.first_sequence);
  }
  AppendFixed(body, static_cast<uint32_t>(state.lost.ranges().size()));
  for (const SequenceRange& range : state.lost.ranges()) {
    AppendFixed(body, range.first);
    AppendFixed(body, range.end);
  }
  AppendFixed(body, static_cast<uint32_t>(state.groups.size()));
  for (const auto& [id, group] : state.groups) {
    AppendFixed(body, id.value());
    AppendGroup(body, group);
  }
  return body;
}

}  // namespace

std::string EncodeManifest(const ManifestCopy& contents, const LogIdentity& identity, size_t copy) {
  const std::string body = EncodeBody(contents);
  std::string out;
  AppendFixed(out, kMagic);
  AppendFixed(out, Checksum(body, identity, copy));
  AppendBytes(out, body);
  return out;
}

std::optional<ManifestCopy> DecodeManifest(absl::string_view bytes, const LogIdentity& identity,
                                           size_t copy) {
  ByteReader outer(bytes);
  const auto magic = outer.Fixed<uint64_t>();
  if (magic != kMagic && magic != kMagicOfFormat1) return std::nullopt;
  const auto checksum = outer.Fixed<uint64_t>();
  const absl::string_view body = outer.Bytes();
  if (!outer.ok() || checksum != Checksum(body, identity, copy)) return std::nullopt;

  ManifestCopy contents;
  contents.format = magic == kMagic ? kLogFormat : 1;
  ManifestState& state = contents.state;
  ByteReader reader(body);
  contents.generation = reader.Fixed<uint64_t>();
  if (contents.format > 1) state.instance = reader.Fixed<uint64_t>();
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    SegmentManifest& segment = state.segments.emplace_back();
    segment.id = reader.Fixed<uint64_t>();
    segment.first_sequence = reader.Fixed<uint64_t>();
  }
  const auto ranges = contents.format > 1 ? reader.Fixed<uint32_t>() : 0;
  for (uint32_t left = ranges; left > 0 && reader.ok(); --left) {
    const auto first = reader.Fixed<uint64_t>();
    state.lost.Add({first, reader.Fixed<uint64_t>()});
  }
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    const GroupId id(reader.Fixed<uint64_t>());
    state.groups[id] = ReadGroup(reader, contents.format);
  }
  if (!reader.done()) return std::nullopt;
  return contents;
}

}  // namespace synod::storage
