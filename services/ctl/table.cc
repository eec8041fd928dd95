#include "services/ctl/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace synod::ctl {
namespace {

std::string Rule(const std::vector<size_t>& widths) {
  std::string line = "+";
  for (const size_t width : widths) absl::StrAppend(&line, std::string(width + 2, '-'), "+");
  return line + "\n";
}

std::string Line(const Row& row, const std::vector<size_t>& widths, bool centred) {
  std::string line = "|";
  for (size_t i = 0; i < widths.size(); ++i) {
    const size_t free = widths[i] - row[i].size();
    const size_t left = centred ? free / 2 : free;
    absl::StrAppend(&line, std::string(left + 1, ' '), row[i], std::string(free - left + 1, ' '),
                    "|");
  }
  return line + "\n";
}

}  // namespace

std::string Table(const Row& header, const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < header.size(); ++i) {
    size_t width = header[i].size();
    for (const Row& row : rows) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  std::string table = Rule(widths) + Line(header, widths, true) + Rule(widths);
  for (const Row& row : rows) table += Line(row, widths, false);
  return table + Rule(widths);
}

}  // namespace synod::ctl
