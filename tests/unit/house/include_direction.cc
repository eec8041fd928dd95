#include "tests/unit/house/include_direction.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace synod::house {
namespace {

struct Row {
  std::string folder;
  // Besides itself: a folder with everything below it, or one header.
  std::vector<std::string> may_include;
};

// docs/ARCHITECTURE.md draws this picture. A folder takes the row of the longest prefix it has.
const std::vector<Row>& Rows() {
  static const auto& rows = *new std::vector<Row>{
      {"common", {}},
      {"services/paxos", {"common"}},
      {"services/kv", {"common", "services/storage/engine.h"}},
      {"services/storage", {"common", "services/paxos"}},
      {"services/rpc", {"common", "protos", "services/paxos", "services/kv"}},
      {"services/node", {"common", "services"}},
      {"services/ctl", {"common", "protos"}},
      {"balancer/view", {"common"}},
      {"balancer/policies", {"common", "balancer/view"}},
      {"balancer/proxy", {"common", "balancer/view", "balancer/policies"}},
      {"balancer/control", {"common", "protos", "balancer"}},
      {"balancer", {"common"}},
  };
  return rows;
}

struct Library {
  // An include of exactly this header, or of anything below it when it ends in a slash.
  std::string header;
  std::vector<std::string> folders;
};

const std::vector<Library>& WalledLibraries() {
  static const auto& libraries = *new std::vector<Library>{
      {"grpc/", {"services/rpc", "services/ctl", "balancer/control"}},
      {"grpcpp/", {"services/rpc", "services/ctl", "balancer/control"}},
      {"google/protobuf/", {"services/rpc", "services/ctl", "balancer/control"}},
      {"rocksdb/", {"services/storage"}},
      {"nghttp2/", {"balancer/proxy"}},
      {"spdlog/", {"common/log"}},
      {"prometheus/", {"common/metrics", "services/node", "balancer/control"}},
  };
  return libraries;
}

// Folders that are functions of their inputs: the simulator replays them from a seed.
const std::vector<std::string>& PureFolders() {
  static const auto& folders = *new std::vector<std::string>{"services/paxos", "services/kv",
                                                             "balancer/view", "balancer/policies"};
  return folders;
}

const std::vector<std::string>& ImpureHeaders() {
  static const auto& headers = *new std::vector<std::string>{
      "chrono",    "condition_variable", "ctime",     "filesystem", "fstream",
      "future",    "iostream",           "pthread.h", "random",     "sys/socket.h",
      "semaphore", "stop_token",         "thread",    "time.h",     "fcntl.h",
      "unistd.h",  "sys/time.h"};
  return headers;
}

bool IsAt(const std::string& path, const std::string& place) {
  return path == place ||
         (path.starts_with(place) && (place.ends_with('/') || path[place.size()] == '/'));
}

bool IsAtAny(const std::string& path, const std::vector<std::string>& places) {
  return std::any_of(places.begin(), places.end(),
                     [&](const std::string& place) { return IsAt(path, place); });
}

const Row* RowOf(const std::string& path) {
  const Row* best = nullptr;
  for (const Row& row : Rows()) {
    if (IsAt(path, row.folder) && (best == nullptr || best->folder.size() < row.folder.size())) {
      best = &row;
    }
  }
  return best;
}

// The header an `#include` line names; empty for any other line.
std::string IncludedHeader(const std::string& line) {
  size_t at = line.find_first_not_of(" \t");
  if (at == std::string::npos || line[at] != '#') return "";
  at = line.find_first_not_of(" \t", at + 1);
  if (at == std::string::npos || line.compare(at, 7, "include") != 0) return "";
  size_t open = line.find_first_of("\"<", at + 7);
  if (open == std::string::npos) return "";
  size_t close = line.find_first_of("\">", open + 1);
  if (close == std::string::npos) return "";
  return line.substr(open + 1, close - open - 1);
}

// Generated headers are named as protoc names them, not by the folder protos/.
std::string PlaceOf(const std::string& header) {
  return header.ends_with(".pb.h") ? "protos/" + header : header;
}

bool IsOurs(const std::string& place) {
  return IsAtAny(place, {"common", "protos", "services", "balancer", "tests"});
}

// Why `row`'s folder must not include `header`; empty when it may.
std::string Objection(const Row& row, const std::string& path, const std::string& header) {
  const std::string place = PlaceOf(header);
  if (IsOurs(place) && !IsAt(place, row.folder) && !IsAtAny(place, row.may_include)) {
    std::string allowed = row.folder;
    for (const std::string& folder : row.may_include) allowed += ", " + folder;
    return "it may include only " + allowed;
  }
  for (const Library& library : WalledLibraries()) {
    if (IsAt(header, library.header) && !IsAtAny(path, library.folders)) {
      std::string allowed;
      for (const std::string& folder : library.folders)
        allowed += (allowed.empty() ? "" : ", ") + folder;
      return library.header + " stays in " + allowed;
    }
  }
  if (IsAtAny(path, PureFolders()) && IsAtAny(header, ImpureHeaders())) {
    return "the folder is pure: no clock, thread, file or hidden randomness";
  }
  return "";
}

}  // namespace

SourceTree ReadSourceTree(const std::string& root) {
  namespace fs = std::filesystem;
  SourceTree tree;
  for (const char* top : {"common", "services", "balancer"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(root) / top)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      tree[fs::relative(entry.path(), root).generic_string()] = text.str();
    }
  }
  return tree;
}

std::vector<std::string> ForbiddenIncludes(const SourceTree& tree) {
  std::vector<std::string> found;
  for (const auto& [path, text] : tree) {
    const Row* row = RowOf(path);
    if (row == nullptr) {
      found.push_back(path + ": its folder has no row in tests/unit/house/include_direction.cc");
      continue;
    }
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      const std::string header = IncludedHeader(line);
      const std::string objection = header.empty() ? "" : Objection(*row, path, header);
      if (objection.empty()) continue;
      found.push_back(path + ":" + std::to_string(number) + ": " + row->folder +
                      " must not include " + header + " (" + objection + ")");
    }
  }
  return found;
}

}  // namespace synod::house
