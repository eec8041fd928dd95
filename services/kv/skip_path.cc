#include "services/kv/skip_path.h"

#include <algorithm>

#include "common/bytes.h"

namespace synod::kv {

void SkipPath::Push(Position position, Revision floor) {
  const auto alive = std::find_if(roots_.begin(), roots_.end(), [floor](const Root& root) {
    return root.position.revision > floor;
  });
  roots_.erase(roots_.begin(), alive);

  Root root{.position = position};
  const size_t size = roots_.size();
  if (size >= 2 && roots_[size - 1].height == roots_[size - 2].height) {
    root.height = static_cast<uint8_t>(roots_.back().height + 1);
    roots_.resize(size - 2);
  }
  roots_.push_back(root);
}

Position SkipPath::jump() const {
  return roots_.size() < 2 ? Position() : roots_[roots_.size() - 2].position;
}

void SkipPath::AppendTo(std::string& out) const {
  for (const Root& root : roots_) {
    AppendFixed(out, static_cast<uint64_t>(root.position.revision));
    AppendFixed(out, root.position.sub);
    AppendFixed(out, root.height);
  }
}

bool SkipPath::Parse(absl::string_view bytes) {
  roots_.clear();
  ByteReader reader(bytes);
  while (reader.ok() && !reader.done()) {
    Root root;
    root.position.revision = static_cast<Revision>(reader.Fixed<uint64_t>());
    root.position.sub = reader.Fixed<uint32_t>();
    root.height = reader.Fixed<uint8_t>();
    roots_.push_back(root);
  }
  return reader.ok();
}

}  // namespace synod::kv
