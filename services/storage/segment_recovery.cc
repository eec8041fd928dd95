#include "services/storage/segment_recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/storage/log_files.h"
#include "services/storage/tolerant_read.h"

namespace synod::storage {
namespace {

// One of the two files, as far as it is there and can be read.
struct FoundFile {
  std::string path;
  std::unique_ptr<File> file;   // null when missing
  std::string bytes;            // zeros stand where nothing could be read
  uint64_t unreadable_end = 0;  // offset behind the last unreadable byte; 0 when there is none
  std::vector<std::string> damage;
};

absl::StatusOr<FoundFile> ReadFile(Env* env, std::string path) {
  FoundFile found;
  found.path = std::move(path);
  auto file = env->Open(found.path);
  if (absl::IsNotFound(file.status())) {
    found.damage.push_back(absl::StrCat(found.path, ": the file is missing"));
    return found;
  }
  if (!file.ok()) return file.status();
  const auto size = (*file)->Size();
  if (!size.ok()) return size.status();
  TolerantRead read = ReadTolerantly(**file, 0, std::min(*size, kMaxSegmentBytes));
  found.file = *std::move(file);
  found.bytes = std::move(read.bytes);
  for (const UnreadableBytes& bytes : read.unreadable) {
    found.unreadable_end = bytes.end;
    found.damage.push_back(absl::StrCat(found.path, ": offset ", bytes.first, ": ",
                                        bytes.end - bytes.first, " bytes cannot be read"));
  }
  return found;
}

// Reports a file that has not the size it was made with.
void CheckSize(FoundFile& found, uint64_t size) {
  if (found.file == nullptr || found.bytes.size() == size) return;
  found.damage.push_back(
      absl::StrCat(found.path, ": the file has ", found.bytes.size(), " bytes instead of ", size));
}

std::string Line(const std::string& path, const SegmentDamage& damage) {
  std::string line = absl::StrCat(path, ": offset ", damage.offset, ": ");
  if (damage.key) absl::StrAppend(&line, Describe(*damage.key));
  if (damage.more > 0) absl::StrAppend(&line, ", and ", damage.more, " more records of its batch");
  if (damage.key) absl::StrAppend(&line, ": acknowledged, and cannot be read: ");
  return absl::StrCat(line, damage.reason);
}

}  // namespace

absl::StatusOr<RecoveredSegment> RecoverSegment(Env* env, const std::string& dir,
                                                const SegmentIdentity& identity,
                                                uint64_t first_sequence,
                                                std::optional<uint64_t> end_sequence,
                                                const SequenceRanges& lost) {
  auto records = ReadFile(env, RecordsPath(dir, identity.id));
  if (!records.ok()) return records.status();
  auto identifiers = ReadFile(env, IdentifiersPath(dir, identity.id));
  if (!identifiers.ok()) return identifiers.status();
  const auto header = DecodeSegmentHeader(identity, records->bytes);
  if (records->file != nullptr && !header) {
    records->damage.push_back(
        absl::StrCat(records->path, ": offset 0: the segment's header is damaged"));
  }
  if (header) {
    CheckSize(*records, *header);
    CheckSize(*identifiers, IdentifiersBytes(*header));
  }

  RecoveredSegment out;
  out.scan =
      ScanSegment(identity, first_sequence, end_sequence, records->bytes, identifiers->bytes);
  for (const FoundFile* found : {&*records, &*identifiers}) {
    out.damage.insert(out.damage.end(), found->damage.begin(), found->damage.end());
  }
  for (const SegmentDamage& damage : out.scan.damage) {
    out.damage.push_back(Line(records->path, damage));
  }

  // A torn tail is one only if nothing is gone that could say otherwise.
  const uint64_t next = out.scan.next_sequence;
  const bool tail_gone = !header || records->bytes.size() != *header ||
                         records->unreadable_end > out.scan.known_bytes ||
                         !identifiers->damage.empty() || lost.Contains({next, next + 1});
  if (!end_sequence && tail_gone) {
    do {
      ++out.scan.next_sequence;
    } while (lost.Contains({out.scan.next_sequence, out.scan.next_sequence + 1}));
    out.scan.batches.push_back({{next, out.scan.next_sequence}, false, {}});
    out.damage.push_back(absl::StrCat(records->path, ": offset ", out.scan.known_bytes,
                                      ": acknowledged batches may have stood here"));
  }

  out.segment = std::make_shared<Segment>(dir, identity, header.value_or(records->bytes.size()),
                                          std::move(records->file), std::move(identifiers->file));
  out.segment->Restore(out.scan, !out.damage.empty());
  return out;
}

}  // namespace synod::storage
