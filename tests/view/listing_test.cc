#include "mounthelper/view/listing.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/view/rule_table.h"

namespace agentfense::view {
namespace {

std::string numbered(std::string prefix, uint64_t number) { return prefix.append(std::to_string(number)); }

TEST(Shown, FollowsTheTable) {
  table::Table table = agentfense::testing::rules_to_table(
      {"allow read /", "limit none /secrets except /secrets/open", "limit none **/.env"});
  EXPECT_EQ(shown(table, table.root(), "src"), Shown::yes);
  EXPECT_EQ(shown(table, table.root(), ".env"), Shown::no);
  EXPECT_EQ(shown(table, table.root(), "secrets"), Shown::if_directory);
  EXPECT_EQ(shown(table, table.step(table.root(), "src"), ".env"), Shown::no);
}

TEST(Shown, ReservedNamesUnderNoPolicy) {
  table::Table table = agentfense::testing::rules_to_table({"allow write /"});
  EXPECT_EQ(shown(table, table.root(), ".agentfense-apply-0123-4"), Shown::no);
  EXPECT_EQ(shown(table, table.root(), ".agentfense-appl"), Shown::yes);
  EXPECT_EQ(shown(table, table.root(), "x.agentfense-apply-0123-4"), Shown::yes);
}

std::set<std::string> rest_after(const Listing &listing, uint64_t position) {
  std::set<std::string> names;
  for (size_t i = listing.first_after(position); i < listing.size(); ++i)
    names.emplace(listing.entry(i).name);
  return names;
}

Listing make(uint64_t count, uint64_t leave_out = ~uint64_t{0}) {
  Listing listing;
  for (uint64_t i = 0; i < count; ++i) {
    if (i != leave_out) listing.add(numbered("file", i), i, DT_REG);
  }
  listing.finish();
  return listing;
}

TEST(Listing, PositionsRiseAndLeaveRoomForTheDots) {
  Listing listing = make(1000);
  uint64_t last = Listing::kDotDot;
  for (size_t i = 0; i < listing.size(); ++i) {
    EXPECT_GT(listing.entry(i).position, last);
    last = listing.entry(i).position;
    EXPECT_EQ(listing.entry(i).name, numbered("file", listing.entry(i).ino));
  }
  EXPECT_LT(last, uint64_t{1} << 63);
  EXPECT_EQ(listing.first_after(Listing::kDotDot), 0u);
  EXPECT_EQ(listing.first_after(last), listing.size());
}

TEST(Listing, ResumesTheSameAfterAnEntryWent) {
  Listing before = make(100);
  uint64_t position = before.entry(50).position;
  for (uint64_t gone = 0; gone < 100; ++gone) {
    std::set<std::string> expected = rest_after(before, position);
    expected.erase(numbered("file", gone));
    EXPECT_EQ(rest_after(make(100, gone), position), expected);
  }
}

TEST(Listing, OrderIsOfTheNamesAlone) {
  Listing forward, backward;
  for (uint64_t i = 0; i < 50; ++i) forward.add(numbered("n", i), 1, DT_REG);
  for (uint64_t i = 50; i > 0; --i) backward.add(numbered("n", i - 1), 1, DT_REG);
  forward.finish();
  backward.finish();
  for (size_t i = 0; i < forward.size(); ++i) {
    EXPECT_EQ(forward.entry(i).name, backward.entry(i).name);
    EXPECT_EQ(forward.entry(i).position, backward.entry(i).position);
  }
}

}  // namespace
}  // namespace agentfense::view
