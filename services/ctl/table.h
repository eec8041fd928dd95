// A table with borders, as etcdctl draws it.
#ifndef SYNOD_SERVICES_CTL_TABLE_H_
#define SYNOD_SERVICES_CTL_TABLE_H_

#include <string>
#include <vector>

namespace synod::ctl {

using Row = std::vector<std::string>;

// Rows as long as the header; headings are centred, cells flush right as etcdctl's.
std::string Table(const Row& header, const std::vector<Row>& rows);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_TABLE_H_
