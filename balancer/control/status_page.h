// The status page: one HTML document without outside parts, which reads /state every second.
#ifndef SYNOD_BALANCER_CONTROL_STATUS_PAGE_H_
#define SYNOD_BALANCER_CONTROL_STATUS_PAGE_H_

#include "absl/strings/string_view.h"

namespace synod::balancer {

absl::string_view StatusPageHtml();

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_STATUS_PAGE_H_
