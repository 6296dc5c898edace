#include "mounthelper/delta/apply.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>

#include "tests/delta/apply_changes.h"
#include "tests/view/rule_table.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using delta_test::applied;
using delta_test::Delta;
using delta_test::Detail;
using delta_test::differences;
using delta_test::dir;
using delta_test::everything;
using delta_test::fates;
using delta_test::file;
using delta_test::make_conflicts;
using delta_test::make_everything;
using delta_test::Node;
using delta_test::opaque_dir;
using delta_test::read_file;
using delta_test::Snapshot;
using delta_test::snapshot;
using delta_test::Tree;
using delta_test::whiteout;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Apply, TheBaseBecomesWhatTheViewShowed) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make_everything(delta);
  Snapshot view = delta.merged();
  uint64_t in_place = delta.layers().base_inode("chmod");
  uint64_t anew = delta.layers().base_inode("chmod2");
  ApplyReport report = applied(delta.request(everything()));
  EXPECT_FALSE(report.plan.stopped);
  EXPECT_EQ(delta.layers().base_inode("chmod"), in_place);
  EXPECT_NE(delta.layers().base_inode("chmod2"), anew) << "nothing says that it is the same file";
  EXPECT_THAT(report.missed, IsEmpty());
  EXPECT_EQ(differences(view, snapshot(delta.base())), "");
  EXPECT_EQ(differences(view, delta.merged()), "");
  EXPECT_THAT(delta.left_in_upper(), IsEmpty());
  EXPECT_FALSE(has_journal(delta.store().meta.get()));
  auto changes = list_changes(delta.store(), delta.base_handle());
  ASSERT_TRUE(changes.ok());
  EXPECT_TRUE(changes->empty());
}

TEST(Apply, DryRunTouchesNothing) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make_everything(delta);
  Snapshot base = snapshot(delta.base());
  Snapshot upper = snapshot(delta.upper());
  ApplyRequest request = delta.request(everything());
  request.dry_run = true;
  EXPECT_FALSE(applied(request).plan.steps.empty());
  EXPECT_EQ(differences(base, snapshot(delta.base())), "");
  EXPECT_EQ(differences(upper, snapshot(delta.upper())), "");
}

TEST(Apply, WhatThePolicyForbidsStays) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  delta.make({{"ok", file("1")},
              {"ro", dir()},
              {"ro/f", file("f")},
              {"d", dir()},
              {"d/hidden", file("secret")},
              {"d/plain", file("p")},
              {"m", dir()},
              {"m/hidden", file("read-only one")},
              {"m/w", file("w")},
              {"replaced", dir()},
              {"replaced/hidden", file("h")}},
             {{"ok", file("2")},
              {"ro", dir(0700)},
              {"ro/f", file("changed")},
              {"ro/new", file("new")},
              {"ro/made", opaque_dir()},
              {"ro/made/in", file("in")},
              {"d", whiteout()},
              {"m", whiteout()},
              {"n", opaque_dir()},
              {"n/hidden", file("read-only one")},
              {"n/w", file("w")},
              {"replaced", file("now a file")},
              {"device", Node()}},
             [&] {
               delta.layers().note_origin("n", delta.layers().base_inode("m"));
               delta.layers().note_origin("n/w", delta.layers().base_inode("m/w"));
               delta.layers().note_origin("n/hidden", delta.layers().base_inode("m/hidden"));
               fs::remove(delta.upper() + "/device");
               ASSERT_EQ(mknod((delta.upper() + "/device").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
             });
  Snapshot view = delta.merged();
  Snapshot base = snapshot(delta.base());
  table::Table table =
      agentfense::testing::rules_to_table({"allow write /", "limit read /ro", "limit none **/hidden"});
  ApplyReport report = applied(delta.request(table));
  EXPECT_THAT(fates(report),
              ElementsAre("refused d: it holds d/hidden, which stays",
                          "refused d/hidden: the policy does not let it be written", "applied d/plain",
                          "refused device: it is a device", "applied n: it holds m/hidden, which stays",
                          "refused n/hidden: the policy does not let it be written", "applied n/w",
                          "applied ok", "refused replaced: it holds replaced/hidden, which stays",
                          "refused replaced/hidden: the policy does not let it be written",
                          "refused ro: the policy does not let it be written",
                          "refused ro/f: the policy does not let it be written",
                          "refused ro/made: the policy does not let it be written",
                          "refused ro/made/in: the policy does not let it be written",
                          "refused ro/new: the policy does not let it be written"));
  EXPECT_EQ(differences(view, delta.merged()), "") << "the view is as it was";
  Snapshot after = snapshot(delta.base());
  for (const char *path : {"ro", "ro/f", "d/hidden", "m/hidden", "replaced/hidden"}) {
    EXPECT_EQ(base[path], after[path]) << path;
  }
  for (const char *path : {"d/plain", "m/w", "n/hidden", "ro/new", "ro/made", "device"}) {
    EXPECT_EQ(after.count(path), 0U) << path;
  }
  EXPECT_EQ(read_file(delta.base() + "/n/w"), "w");
  EXPECT_EQ(read_file(delta.base() + "/ok"), "2");

  ApplyReport again = applied(delta.request(table));
  for (const std::string &line : fates(again))
    EXPECT_THAT(line, ::testing::StartsWith("refused")) << "nothing is left";
  EXPECT_EQ(differences(after, snapshot(delta.base())), "");
}

TEST(Apply, ConflictsAreAllListedAndNothingIsDone) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make_conflicts(delta);
  Snapshot base = snapshot(delta.base());
  Snapshot upper = snapshot(delta.upper());
  ApplyReport report = applied(delta.request(everything()));
  EXPECT_TRUE(report.plan.stopped);
  EXPECT_THAT(fates(report),
              ElementsAre("conflict changed: the base's was changed meanwhile",
                          "conflict chmodded: the base's was changed meanwhile",
                          "conflict deleted: the base's was changed meanwhile", "applied dir",
                          "conflict dir/new: the base has got it meanwhile", "applied dir/old",
                          "applied fine", "conflict lost: the base has lost it meanwhile",
                          "conflict lost-dir: the base has lost it meanwhile", "applied lost-dir/new",
                          "conflict moved-to: the base's was changed meanwhile",
                          "conflict new: the base has got it meanwhile"));
  EXPECT_EQ(differences(base, snapshot(delta.base())), "");
  EXPECT_EQ(differences(upper, snapshot(delta.upper())), "");
}

TEST(Apply, OursOverwritesTheBase) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make_conflicts(delta);
  Snapshot view = delta.merged();
  ApplyRequest request = delta.request(everything());
  request.side = Side::ours;
  (void)applied(request);
  EXPECT_EQ(differences(view, snapshot(delta.base())), "");
  EXPECT_THAT(delta.left_in_upper(), IsEmpty());
}

TEST(Apply, TheirsGivesUpTheDeltas) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make_conflicts(delta);
  Snapshot base = snapshot(delta.base(), Detail::settling);
  ApplyRequest request = delta.request(everything());
  request.side = Side::theirs;
  ApplyReport report = applied(request);
  EXPECT_THAT(fates(report), Contains("dropped dir: it holds dir/new, which stays"));
  EXPECT_THAT(fates(report), Contains("dropped lost-dir/new: its directory is given up"));
  Snapshot expected = base;
  expected.erase("dir/old");
  expected["fine"] = snapshot(delta.base(), Detail::settling)["fine"];
  EXPECT_EQ(read_file(delta.base() + "/fine"), "ours");
  EXPECT_EQ(differences(expected, snapshot(delta.base(), Detail::settling)), "");
  EXPECT_EQ(differences(expected, delta.merged(Detail::settling)), "");
  EXPECT_THAT(delta.left_in_upper(), IsEmpty());
}

TEST(Apply, PathTakesItsDirectoriesAndBothEndsOfAMove) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make_everything(delta);
  Snapshot view = delta.merged();
  ApplyRequest request = delta.request(everything());
  request.paths.push_back(*PathGlob::parse("/new/deep/f"));
  request.paths.push_back(*PathGlob::parse("/moved/sub/2"));
  request.paths.push_back(*PathGlob::parse("/gone/deep/f"));
  (void)applied(request);
  EXPECT_EQ(differences(view, delta.merged()), "");
  EXPECT_EQ(read_file(delta.base() + "/new/deep/f"), "f");
  EXPECT_EQ(read_file(delta.base() + "/moved-to/sub/2"), "two and more");
  EXPECT_FALSE(fs::exists(delta.base() + "/moved/sub/2"));
  EXPECT_FALSE(fs::exists(delta.base() + "/gone/deep/f"));
  for (const char *path : {"moved/1", "gone/deep", "a", "b", "to-file/in"}) {
    EXPECT_TRUE(fs::exists(delta.base() + "/" + path)) << path;
  }
  EXPECT_FALSE(fs::exists(delta.base() + "/new/name"));

  // The rest, afterwards, meets no conflict.
  request.paths.clear();
  EXPECT_FALSE(applied(request).plan.stopped);
  EXPECT_EQ(differences(view, snapshot(delta.base(), Detail::settling)).find("missing"), std::string::npos);
  EXPECT_EQ(differences(delta.merged(), snapshot(delta.base())), "");
  EXPECT_THAT(delta.left_in_upper(), IsEmpty());
}

TEST(Apply, ANameOfAFileThatTheDeltaDidNotChangeIsALinkToIt) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  delta.make({{"a", file("same")}}, {{"a", file("same")}},
             [&] { fs::create_hard_link(delta.upper() + "/a", delta.upper() + "/b"); });
  (void)applied(delta.request(everything()));
  struct stat a {
  }, b{};
  ASSERT_EQ(stat((delta.base() + "/a").c_str(), &a), 0);
  ASSERT_EQ(stat((delta.base() + "/b").c_str(), &b), 0);
  EXPECT_EQ(a.st_ino, b.st_ino);
}

TEST(Apply, CopiesOfWhatIsTheSameLeaveTheDeltaToo) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  Tree base = {{"d", dir()}, {"d/copied", file("c")}, {"d/touched", file("t")},
               {"e", dir()}, {"made-anew", dir()},    {"made-anew/f", file("f")}};
  Tree upper = base;
  upper["made-anew"] = opaque_dir();
  delta.make(base, upper, [&] { ASSERT_EQ(mknod((delta.upper() + "/nothing").c_str(), S_IFCHR, 0), 0); });
  struct stat info {};
  ASSERT_EQ(lstat((delta.base() + "/d/copied").c_str(), &info), 0);
  const timespec times[2] = {info.st_atim, info.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, (delta.upper() + "/d/copied").c_str(), times, 0), 0);
  Snapshot view = delta.merged();
  EXPECT_THAT(fates(applied(delta.request(everything()))), IsEmpty());
  EXPECT_EQ(differences(view, delta.merged()), "");
  EXPECT_EQ(differences(view, snapshot(delta.base())), "");
  EXPECT_THAT(delta.left_in_upper(), IsEmpty());
}

}  // namespace
}  // namespace agentfense::delta
