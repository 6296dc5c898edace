#include "mounthelper/delta/discard.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mounthelper/delta/origins.h"
#include "tests/delta/apply_fixture.h"

namespace agentfense::delta {
namespace {

using delta_test::Delta;
using delta_test::Detail;
using delta_test::differences;
using delta_test::dir;
using delta_test::file;
using delta_test::opaque_dir;
using delta_test::Snapshot;
using delta_test::snapshot;
using delta_test::whiteout;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void make(Delta &delta) {
  delta.make({{"a", file("1")},
              {"d", dir(0750)},
              {"d/deep", dir()},
              {"d/deep/f", file("f")},
              {"d/deep/g", file("g")},
              {"d/x", file("x")},
              {"m", dir()},
              {"m/1", file("one")},
              {"o", dir()},
              {"o/in", file("in")},
              {"o/sub", dir()},
              {"o/sub/below", file("below")},
              {"r", dir()},
              {"r/in", file("in")}},
             {{"a", file("2")},
              {"d", whiteout()},
              {"m", whiteout()},
              {"n", opaque_dir()},
              {"n/1", file("one")},
              {"n/new", file("new")},
              {"o", opaque_dir(0700)},
              {"o/new", file("new")},
              {"o/sub", dir()},
              {"o/sub/new", file("new")},
              {"r", file("a file now")}},
             [&] {
               delta.layers().note_origin("n", delta.layers().base_inode("m"));
               delta.layers().note_origin("n/1", delta.layers().base_inode("m/1"));
             });
}

sys::Result<size_t> discard_some(const Delta &delta, std::initializer_list<const char *> patterns,
                                 std::function<void()> pause = {}) {
  DiscardRequest request;
  request.store = &delta.store();
  request.base = delta.base_handle();
  for (const char *pattern : patterns) request.paths.push_back(*PathGlob::parse(pattern));
  request.pause = std::move(pause);
  return discard(request);
}

// What shows afterwards: the view as it was, but for these paths, which are as in the base.
void expect_shown(const Delta &delta, Snapshot expected, const Snapshot &base,
                  std::initializer_list<const char *> restored) {
  for (const char *path : restored) {
    expected.erase(path);
    auto at = base.find(path);
    if (at != base.end()) expected.insert(*at);
  }
  EXPECT_EQ(differences(expected, delta.merged()), "");
}

TEST(Discard, Everything) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  Snapshot base = snapshot(delta.base());
  auto count = discard_some(delta, {});
  ASSERT_TRUE(count.ok()) << count.status().message();
  EXPECT_GT(*count, 10U);
  EXPECT_EQ(differences(base, delta.merged()), "");
  EXPECT_EQ(differences(base, snapshot(delta.base())), "");
  EXPECT_THAT(delta.left_in_upper(), IsEmpty());
  auto origins = read_origins(delta.store().meta.get());
  EXPECT_EQ(origins->size(), 1U);
}

TEST(Discard, EverythingOrNothingWhenKilled) {
  for (int at = 0;; ++at) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make(delta);
    Snapshot view = delta.merged();
    Snapshot base = snapshot(delta.base());
    pid_t child = fork();
    if (child == 0) {
      int left = at;
      auto count = discard_some(delta, {}, [&left] {
        if (left-- == 0) _exit(9);
      });
      _exit(count.ok() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_NE(WEXITSTATUS(status), 1);
    EXPECT_EQ(differences(at == 0 ? view : base, delta.merged()), "") << at;
    if (WEXITSTATUS(status) == 0) break;
  }
}

TEST(Discard, KilledAnywhereTheNextOneEndsInTheSameView) {
  const std::initializer_list<const char *> patterns = {"**/g", "/o/sub/below", "/o/new", "/m/1", "/r", "/a"};
  Delta whole;
  DELTA_TEST_NEEDS(whole);
  make(whole);
  ASSERT_TRUE(discard_some(whole, patterns).ok());
  Snapshot expected = whole.merged(Detail::settling);
  for (int at = 0;; ++at) {
    Delta delta;
    make(delta);
    Snapshot view = delta.merged(Detail::settling);
    Snapshot base = snapshot(delta.base());
    pid_t child = fork();
    if (child == 0) {
      int left = at;
      auto count = discard_some(delta, patterns, [&left] {
        if (left-- == 0) _exit(9);
      });
      _exit(count.ok() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_NE(WEXITSTATUS(status), 1);
    for (const auto &[path, what] : delta.merged(Detail::settling)) {
      auto before = view.find(path);
      auto after = expected.find(path);
      EXPECT_TRUE((before != view.end() && before->second == what) ||
                  (after != expected.end() && after->second == what))
          << path << " at " << at;
    }
    ASSERT_TRUE(discard_some(delta, patterns).ok());
    EXPECT_EQ(differences(expected, delta.merged(Detail::settling)), "") << at;
    EXPECT_EQ(differences(base, snapshot(delta.base())), "") << at;
    if (WEXITSTATUS(status) == 0) {
      EXPECT_GT(at, 15);
      break;
    }
  }
}

TEST(Discard, AChangeAndAWhiteout) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  Snapshot view = delta.merged();
  Snapshot base = snapshot(delta.base());
  ASSERT_TRUE(discard_some(delta, {"/a", "/d"}).ok());
  expect_shown(delta, view, base, {"a", "d", "d/deep", "d/deep/f", "d/deep/g", "d/x"});
}

TEST(Discard, AFileBelowADeletedDirectoryBringsItBack) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  Snapshot view = delta.merged();
  Snapshot base = snapshot(delta.base());
  ASSERT_TRUE(discard_some(delta, {"**/g"}).ok());
  expect_shown(delta, view, base, {"d", "d/deep", "d/deep/g"});
}

TEST(Discard, InsideADirectoryMadeAnew) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  Snapshot view = delta.merged();
  Snapshot base = snapshot(delta.base());
  ASSERT_TRUE(discard_some(delta, {"/o/sub/below", "/o/new"}).ok());
  expect_shown(delta, view, base, {"o/sub/below", "o/new"});
}

TEST(Discard, AMoveGoesWithBothEnds) {
  for (const char *pattern : {"/m/1", "/n/1"}) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make(delta);
    Snapshot view = delta.merged();
    Snapshot base = snapshot(delta.base());
    ASSERT_TRUE(discard_some(delta, {pattern}).ok());
    expect_shown(delta, view, base, {"m", "m/1", "n/1"});
  }
}

TEST(Discard, WhatCannotComeBackAlone) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  Snapshot upper = snapshot(delta.upper());
  EXPECT_THAT(
      discard_some(delta, {"/r/in"}).status().message(),
      HasSubstr("cannot bring back r/in while the delta has a file at r; discard that, with --path /r"));
  EXPECT_EQ(differences(upper, snapshot(delta.upper())), "");
  Snapshot view = delta.merged();
  Snapshot base = snapshot(delta.base());
  ASSERT_TRUE(discard_some(delta, {"/r"}).ok());
  expect_shown(delta, view, base, {"r", "r/in"});
}

}  // namespace
}  // namespace agentfense::delta
