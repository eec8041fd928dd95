#include "services/ctl/table.h"

#include <gtest/gtest.h>

namespace synod::ctl {
namespace {

TEST(TableTest, CentresHeadingsAndFlushesCellsRight) {
  EXPECT_EQ(Table({"ID", "NAME"}, {{"8e9e05", "n1"}, {"1", "other"}}),
            "+--------+-------+\n"
            "|   ID   | NAME  |\n"
            "+--------+-------+\n"
            "| 8e9e05 |    n1 |\n"
            "|      1 | other |\n"
            "+--------+-------+\n");
}

}  // namespace
}  // namespace synod::ctl
