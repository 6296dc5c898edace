#include "mounthelper/delta/apply.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "mounthelper/view/reserved_names.h"
#include "tests/delta/apply_changes.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using delta_test::applied;
using delta_test::Delta;
using delta_test::differences;
using delta_test::dir;
using delta_test::everything;
using delta_test::fifo;
using delta_test::file;
using delta_test::opaque_dir;
using delta_test::read_file;
using delta_test::Snapshot;
using delta_test::snapshot;
using delta_test::Tree;
using delta_test::whiteout;
using delta_test::write_file;
using ::testing::ElementsAre;

// Somebody swaps directories of the base for links to elsewhere while it is applied.
TEST(Apply, NeverFollowsALinkThatAppearsMeanwhile) {
  int swapped = 0;
  for (int at = 1; at < 60; ++at) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    delta.make({{"d", dir()},
                {"d/f", file("f")},
                {"d/gone", file("g")},
                {"e", dir()},
                {"e/sub", dir()},
                {"e/sub/x", file("x")}},
               {{"d", dir()},
                {"d/f", file("changed")},
                {"d/gone", whiteout()},
                {"d/new", file("new")},
                {"d/new2", file("new")},
                {"d/new3", file("new")},
                {"d/made", opaque_dir()},
                {"d/made/in", file("in")},
                {"e", whiteout()}});
    std::string outside = delta.layers().path() + "/outside";
    fs::create_directories(outside + "/made");
    fs::create_directories(outside + "/sub");
    for (const char *name : {"/f", "/gone", "/made/in", "/sub/x"}) write_file(outside + name, "outside");
    delta_test::settle_times(outside, 3);
    Snapshot before = snapshot(outside);
    ApplyRequest request = delta.request(everything());
    int left = at;
    request.pause = [&] {
      if (left-- != 0) return;
      for (const char *name : {"d", "e"}) {
        std::error_code ignored;
        fs::rename(delta.base() + "/" + name, delta.layers().path() + "/old-" + name, ignored);
        fs::create_directory_symlink(outside, delta.base() + "/" + name, ignored);
      }
    };
    auto report = apply(request);
    EXPECT_EQ(differences(before, snapshot(outside)), "") << "at " << at;
    swapped += left < 0 ? 1 : 0;
    for (const auto &entry : fs::recursive_directory_iterator(delta.layers().path())) {
      EXPECT_EQ(entry.path().string().find(".agentfense-apply-"), std::string::npos) << "at " << at;
    }
  }
  EXPECT_GT(swapped, 30) << "places where it happened";
}

// Not even where what they become is open to all: another view's policy may hide that, by its name.
TEST(Apply, UnfinishedFilesAreTheirOwnersAlone) {
  for (bool many : {false, true}) {  // synced together, or one by one
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    Tree upper = {{"open", file("open", 0666)}, {"fifo", fifo(0666)}};
    for (int i = 0; many && i < 5; ++i) upper["also" + std::to_string(i)] = file("x", 0644);
    const std::string acl(
        "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\6\0\322\4\0\0\4\0\4\0\377\377\377\377\20\0\6\0\377\377\377\377"
        "\40\0\4\0\377\377\377\377",
        44);
    delta.make({{"open", file("old")}}, upper, [&] {
      (void)setxattr((delta.upper() + "/open").c_str(), "system.posix_acl_access", acl.data(), acl.size(), 0);
    });
    Snapshot view = delta.merged();
    int seen = 0;
    ApplyRequest request = delta.request(everything());
    request.pause = [&] {
      for (const auto &entry : fs::directory_iterator(delta.base())) {
        if (!entry.path().filename().string().starts_with(view::kReservedPrefix)) continue;
        ++seen;
        EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
      }
    };
    (void)applied(request);
    EXPECT_GT(seen, 4);
    EXPECT_EQ(differences(view, snapshot(delta.base())), "");
  }
}

// The same with another directory: neither gets files that were planned for the first.
TEST(Apply, NeverWritesToADirectoryThatWasMovedAway) {
  for (int at = 1; at < 40; ++at) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    delta.make({{"d", dir()}, {"d/f", file("f")}},
               {{"d", dir()}, {"d/f", file("changed")}, {"d/new", file("new")}});
    std::string old = delta.layers().path() + "/old-d";
    bool had_new = false;
    ApplyRequest request = delta.request(everything());
    int left = at;
    request.pause = [&] {
      if (left-- != 0) return;
      had_new = fs::exists(delta.base() + "/d/new");
      fs::rename(delta.base() + "/d", old);
      fs::create_directory(delta.base() + "/d");
    };
    (void)applied(request);
    if (left >= 0) break;
    EXPECT_EQ(fs::exists(old + "/new"), had_new) << "at " << at;
    EXPECT_FALSE(fs::exists(delta.base() + "/d/f")) << "at " << at;
  }
}

TEST(Apply, WhatTheBaseChangesMeanwhileStaysInBoth) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  delta.make({{"a", file("1")}, {"b", file("1")}, {"c", file("1")}},
             {{"a", file("ours")}, {"b", whiteout()}, {"c", file("ours")}, {"n", file("ours")}});
  ApplyRequest request = delta.request(everything());
  int left = 1;  // the journal is there, and no step is done
  request.pause = [&] {
    if (left-- != 0) return;
    for (const char *name : {"/a", "/b", "/n"}) write_file(delta.base() + name, "theirs");
  };
  ApplyReport report = applied(request);
  EXPECT_EQ(report.missed.size(), 3U);
  for (const char *name : {"/a", "/b", "/n"}) EXPECT_EQ(read_file(delta.base() + name), "theirs") << name;
  EXPECT_EQ(read_file(delta.base() + "/c"), "ours");
  EXPECT_THAT(delta.left_in_upper(), ElementsAre("a", "b", "n"));
  EXPECT_TRUE(applied(delta.request(everything())).plan.stopped) << "now they are conflicts";
}

TEST(Apply, AttributesThatTheBaseChangesMeanwhileCountToo) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  Tree upper = {
      {"a", file("ours")}, {"gone", whiteout()}, {"mode", file("same", 0600)}, {"other", file("ours")}};
  delta.make({{"a", file("a")}, {"gone", file("gone")}, {"mode", file("same")}, {"other", file("old")}},
             upper, [&] { delta.layers().note_origin("mode", delta.layers().base_inode("mode")); });
  ApplyRequest request = delta.request(everything());
  bool first = true;
  request.pause = [&] {
    if (!std::exchange(first, false)) return;
    ASSERT_EQ(chmod((delta.base() + "/a").c_str(), 0600), 0);
    ASSERT_EQ(setxattr((delta.base() + "/gone").c_str(), "user.note", "n", 1, 0), 0);
    ASSERT_EQ(chmod((delta.base() + "/mode").c_str(), 0640), 0);
  };
  EXPECT_EQ(applied(request).missed.size(), 3U);
  EXPECT_EQ(read_file(delta.base() + "/a"), "a");
  EXPECT_EQ(read_file(delta.base() + "/gone"), "gone");
  EXPECT_EQ(read_file(delta.base() + "/other"), "ours");
  EXPECT_THAT(delta.left_in_upper(), ElementsAre("a", "gone", "mode"));
}

}  // namespace
}  // namespace agentfense::delta
