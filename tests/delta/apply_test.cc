#include "mounthelper/delta/apply.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "mounthelper/delta/summary.h"
#include "mounthelper/view/reserved_names.h"
#include "tests/delta/apply_fixture.h"
#include "tests/view/rule_table.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using delta_test::Delta;
using delta_test::Detail;
using delta_test::differences;
using delta_test::dir;
using delta_test::fates;
using delta_test::fifo;
using delta_test::file;
using delta_test::link_to;
using delta_test::Node;
using delta_test::opaque_dir;
using delta_test::Snapshot;
using delta_test::snapshot;
using delta_test::Tree;
using delta_test::whiteout;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const table::Table &everything() {
  static const table::Table table = agentfense::testing::rules_to_table({"allow write /"});
  return table;
}

ApplyReport applied(const ApplyRequest &request) {
  auto report = apply(request);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report.ok() ? std::move(*report) : ApplyReport();
}

Node with_attribute(Node node, const std::string &name, const std::string &value) {
  node.attributes[name] = value;
  return node;
}

// Of every kind of change one.
void make_everything(Delta &delta) {
  Tree base = {{"a", file("a")},
               {"b", file("b", 0600)},
               {"big", file(std::string(300000, 'x'))},
               {"chmod", with_attribute(file("same"), "user.old", "1")},
               {"chmod2", file("same")},
               {"d", dir(0750)},
               {"d/x", file("dx")},
               {"d/y", file("dy")},
               {"emptied", dir()},
               {"emptied/1", file("1")},
               {"gone", dir()},
               {"gone/deep", dir()},
               {"gone/deep/f", file("f")},
               {"gone/l", link_to("/etc")},
               {"keep", file("keep")},
               {"link", link_to("a")},
               {"linked", file("linked")},
               {"linked2", file("linked2")},
               {"moved", dir()},
               {"moved/1", file("one")},
               {"moved/sub", dir()},
               {"moved/sub/2", file("two")},
               {"to-dir", file("was a file")},
               {"to-file", dir()},
               {"to-file/in", file("in")},
               {"to-file/sub", dir()},
               {"unchanged", dir()},
               {"unchanged/u", file("u")}};
  Tree upper = {
      {"a", file("A changed")},
      {"b", whiteout()},
      {"big", with_attribute(file(std::string(300000, 'y')), "user.overlay.agentfense.origin", "7")},
      {"chmod2", file("same", 0600)},
      {"chmod", with_attribute(file("same", 04755), "user.overlay.overlay.mark", "m")},
      {"d", dir(0711)},
      {"d/x", whiteout()},
      {"d/new", file("new")},
      {"emptied", opaque_dir()},
      {"gone", whiteout()},
      {"fifo", fifo(0640)},
      {"link", link_to("b")},
      {"linked", file("linked!")},
      {"moved", whiteout()},
      {"moved-to", opaque_dir()},
      {"moved-to/1", file("one")},
      {"moved-to/sub", opaque_dir()},
      {"moved-to/sub/2", file("two and more")},
      {"moved-to/sub/3", link_to("2")},
      {"new", opaque_dir(0700)},
      {"new/deep", opaque_dir(0500)},
      {"new/deep/f", with_attribute(file("f"), "user.note", "n")},
      {"to-dir", opaque_dir()},
      {"to-dir/in", file("in")},
      {"to-file", file("is a file")}};
  delta.make(base, upper, [&] {
    const auto &layers = delta.layers();
    layers.note_origin("chmod", layers.base_inode("chmod"));
    layers.note_origin("moved-to", layers.base_inode("moved"));
    layers.note_origin("moved-to/1", layers.base_inode("moved/1"));
    layers.note_origin("moved-to/sub", layers.base_inode("moved/sub"));
    layers.note_origin("moved-to/sub/2", layers.base_inode("moved/sub/2"));
    fs::create_hard_link(delta.upper() + "/linked", delta.upper() + "/new/name");
    fs::create_hard_link(delta.upper() + "/linked", delta.upper() + "/to-dir/name");
    fs::create_hard_link(delta.base() + "/linked2", delta.base() + "/linked3");
    ASSERT_EQ(lchown((delta.upper() + "/a").c_str(), 1234, 5678), 0);
    ASSERT_EQ(lchown((delta.upper() + "/new").c_str(), 1234, 5678), 0);
    ASSERT_EQ(mknod((delta.upper() + "/linked3").c_str(), S_IFCHR, 0), 0);
  });
}

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

// Ends the process, as kill -9 does, at the k-th place between two changes. True where it got to the end.
bool run_and_die_at(const ApplyRequest &planned, int k) {
  pid_t child = fork();
  if (child == 0) {
    int left = k;
    ApplyRequest request = planned;
    request.pause = [&left] {
      if (left-- == 0) _exit(9);
    };
    auto report = apply(request);
    _exit(report.ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 1) << "at " << k;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A journal does not tell a new content from new attributes where a whole file is put.
std::string name_of(ChangeKind kind, const std::string &path, const std::string &from) {
  bool same_file = kind == ChangeKind::changed || kind == ChangeKind::metadata;
  return (same_file ? "changed" : word_for(kind)) + (" " + path) + (from.empty() ? "" : " from " + from);
}

std::vector<std::string> planned_names(const Delta &delta) {
  ApplyRequest request = delta.request(everything());
  request.dry_run = true;
  std::vector<std::string> names;
  for (const Planned &item : applied(request).plan.items)
    names.push_back(name_of(item.change.kind, item.change.path, item.change.from));
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> finished_names(const ApplyReport &report) {
  std::vector<std::string> names;
  for (const Finished &change : report.finished)
    names.push_back(name_of(change.kind, change.path, change.from));
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Apply, KilledAnywhereTheNextOneEndsInTheSameTree) {
  int k = 0;
  for (bool finished = false; !finished; ++k) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make_everything(delta);
    Snapshot view = delta.merged();
    Snapshot settling = delta.merged(Detail::settling);
    std::vector<std::string> all = planned_names(delta);
    finished = run_and_die_at(delta.request(everything()), k);
    EXPECT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "after a kill at " << k;
    ApplyReport report = applied(delta.request(everything()));
    if (report.resumed) EXPECT_EQ(finished_names(report), all) << "at " << k;
    EXPECT_THAT(report.missed, IsEmpty()) << "at " << k;
    EXPECT_EQ(differences(view, snapshot(delta.base())), "") << "at " << k;
    EXPECT_EQ(differences(view, delta.merged()), "") << "at " << k;
    EXPECT_THAT(delta.left_in_upper(), IsEmpty()) << "at " << k;
    EXPECT_FALSE(has_journal(delta.store().meta.get()));
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(k, 100) << "places to be killed at";
}

// Killed again while it finishes what was killed.
TEST(Apply, KilledTwice) {
  for (int k = 3; k < 130; k += 9) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make_everything(delta);
    Snapshot view = delta.merged();
    (void)run_and_die_at(delta.request(everything()), k);
    (void)run_and_die_at(delta.request(everything()), k / 2);
    (void)applied(delta.request(everything()));
    ASSERT_EQ(differences(view, snapshot(delta.base())), "") << "at " << k;
    ASSERT_THAT(delta.left_in_upper(), IsEmpty()) << "at " << k;
  }
}

// A part of it, with a policy that refuses some: the same as without a kill.
TEST(Apply, KilledWhereSomeOfItStays) {
  table::Table table =
      agentfense::testing::rules_to_table({"allow write /", "limit read /d", "limit none /gone/deep"});
  auto chosen = [&](const Delta &delta) {
    ApplyRequest request = delta.request(table);
    for (const char *pattern :
         {"/d", "/gone", "/moved/sub", "/new/deep", "/to-file", "/linked", "/emptied", "/chmod"}) {
      request.paths.push_back(*PathGlob::parse(pattern));
    }
    return request;
  };
  Delta whole;
  DELTA_TEST_NEEDS(whole);
  make_everything(whole);
  (void)applied(chosen(whole));
  // Directories that the delta shows nothing of have the time of the run.
  Snapshot expected = snapshot(whole.base(), Detail::settling);
  bool finished = false;
  for (int k = 1; !finished; k += 2) {
    Delta delta;
    make_everything(delta);
    Snapshot view = delta.merged();
    Snapshot settling = delta.merged(Detail::settling);
    finished = run_and_die_at(chosen(delta), k);
    ASSERT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "after a kill at " << k;
    (void)applied(chosen(delta));
    ASSERT_EQ(differences(expected, snapshot(delta.base(), Detail::settling)), "") << "at " << k;
    ASSERT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "at " << k;
  }
}

std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
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

// A base that moved on under a delta.
void make_conflicts(Delta &delta) {
  delta.make({{"changed", file("1")},
              {"chmodded", file("c")},
              {"deleted", file("d")},
              {"dir", dir()},
              {"dir/old", file("old")},
              {"fine", file("f")},
              {"lost", file("l")},
              {"lost-dir", dir()},
              {"lost-dir/in", file("in")},
              {"moved", file("m")}},
             {{"changed", file("ours")},
              {"chmodded", file("ours")},
              {"deleted", whiteout()},
              {"dir", whiteout()},
              {"fine", file("ours")},
              {"lost", file("ours")},
              {"lost-dir", dir()},
              {"lost-dir/new", file("ours")},
              {"moved", whiteout()},
              {"moved-to", file("m")},
              {"new", file("ours")}},
             [&] { delta.layers().note_origin("moved-to", delta.layers().base_inode("moved")); });
  const std::string base = delta.base();
  write_file(base + "/changed", "theirs");
  ASSERT_EQ(chmod((base + "/chmodded").c_str(), 0600), 0);
  write_file(base + "/deleted", "theirs");
  write_file(base + "/dir/new", "theirs");
  fs::remove(base + "/lost");
  fs::remove_all(base + "/lost-dir");
  write_file(base + "/moved", "theirs");
  write_file(base + "/new", "theirs");
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

TEST(Apply, KilledWhileItGivesUpTheDeltas) {
  Delta whole;
  DELTA_TEST_NEEDS(whole);
  make_conflicts(whole);
  ApplyRequest request = whole.request(everything());
  request.side = Side::theirs;
  (void)applied(request);
  auto content = [](const Delta &delta) {
    std::string text;
    for (const auto &entry : fs::recursive_directory_iterator(delta.base())) {
      if (entry.is_regular_file())
        text += entry.path().filename().string() + "=" + read_file(entry.path()) + "\n";
    }
    return text.size();
  };
  bool finished = false;
  for (int k = 1; !finished; k += 2) {
    Delta delta;
    make_conflicts(delta);
    request = delta.request(everything());
    request.side = Side::theirs;
    finished = run_and_die_at(request, k);
    (void)applied(request);
    ASSERT_EQ(content(whole), content(delta)) << "at " << k;
    ASSERT_EQ(read_file(delta.base() + "/fine"), "ours");
    ASSERT_FALSE(fs::exists(delta.base() + "/dir/old"));
    ASSERT_THAT(delta.left_in_upper(), IsEmpty()) << "at " << k;
    ASSERT_EQ(differences(delta.merged(), snapshot(delta.base())), "") << "at " << k;
  }
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
    applied(request);
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

// A kill, a view that writes to the delta although it should not be let to, and then the rest of the apply.
TEST(Apply, WhatTheDeltaGotSinceAKillIsNotLost) {
  for (int k = 2; k < 60; ++k) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    delta.make({{"changed", file("1")}, {"gone", file("1")}},
               {{"changed", file("2")}, {"gone", whiteout()}, {"new", file("2")}});
    if (run_and_die_at(delta.request(everything()), k)) break;
    auto journal = read_journal(delta.store().meta.get());
    ASSERT_TRUE(journal.ok());
    if (!*journal || (*journal)->base_done) continue;
    fs::remove(delta.upper() + "/gone");
    for (const char *name : {"/changed", "/gone", "/new"}) write_file(delta.upper() + name, "after the kill");
    (void)apply(delta.request(everything()));
    for (const char *name : {"/changed", "/gone", "/new"}) {
      // Applied too, or in conflict with what the killed one wrote.
      EXPECT_TRUE(read_file(delta.upper() + name) == "after the kill" ||
                  read_file(delta.base() + name) == "after the kill")
          << name << " at " << k;
    }
  }
}

// The base's file is there again where the delta shows a file again: it was not to be removed after all.
TEST(Apply, AWhiteoutThatWentSinceAKillRemovesNothing) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  delta.make({{"gone", file("1")}}, {{"gone", whiteout()}});
  ASSERT_FALSE(run_and_die_at(delta.request(everything()), 1));
  ASSERT_TRUE(has_journal(delta.store().meta.get()));
  fs::remove(delta.upper() + "/gone");
  ApplyReport report = applied(delta.request(everything()));
  EXPECT_TRUE(report.resumed);
  EXPECT_THAT(fates(report), ElementsAre("missed gone: the delta was changed there after it was planned"));
  EXPECT_EQ(read_file(delta.base() + "/gone"), "1");
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

class HostileJournal : public ::testing::Test {
 protected:
  void SetUp() override {
    DELTA_TEST_NEEDS(delta_);
    delta_.make({{"a", file("a")}}, {{"a", file("b")}, {"n", file("n")}});
    write_file(delta_.layers().path() + "/outside", "outside");
  }
  std::string error_of(const table::Table &table = everything()) {
    Snapshot base = snapshot(delta_.base());
    Snapshot upper = snapshot(delta_.upper());
    auto report = apply(delta_.request(table));
    EXPECT_EQ(differences(base, snapshot(delta_.base())), "");
    EXPECT_EQ(differences(upper, snapshot(delta_.upper())), "");
    return report.ok() ? "it was accepted" : report.status().message();
  }
  std::string name() const { return delta_.meta() + "/journal"; }
  void put(const std::string &text) const {
    write_file(name(), text);
    fs::permissions(name(), fs::perms(0600));
  }
  Delta delta_;
};

TEST_F(HostileJournal, IsRefused) {
  Journal journal;
  journal.token = "0123456789abcdef";
  journal.steps.push_back({StepKind::put, "n", "", std::nullopt, FileMark{1, 0100644, 1, {}}});
  const std::string good = encode(journal);
  for (size_t size = 0; size < good.size(); ++size) {
    put(good.substr(0, size));
    ASSERT_THAT(error_of(), HasSubstr("meta/journal")) << size;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_FALSE(decode_journal(bad).ok()) << at;
  }
  EXPECT_TRUE(decode_journal(good).ok());
  for (const char *path : {"../outside", "/outside", "a/../../outside", "a//b", "a/"}) {
    Journal out = journal;
    out.steps[0].path = path;
    put(encode(out));
    EXPECT_THAT(error_of(), HasSubstr("cannot be read")) << path;
  }
  put(good);
  fs::permissions(name(), fs::perms(0622));
  EXPECT_THAT(error_of(), HasSubstr("others than its owner may write it"));
  fs::remove(name());
  fs::create_symlink(delta_.layers().path() + "/outside", name());
  EXPECT_THAT(error_of(), HasSubstr("it is no file"));
  fs::remove(name());
  fs::create_directory(name());
  EXPECT_THAT(error_of(), HasSubstr("it is no file"));
}

TEST_F(HostileJournal, WritesNothingThatThePolicyForbids) {
  Journal journal;
  journal.token = "0123456789abcdef";
  struct stat info {};
  ASSERT_EQ(lstat((delta_.upper() + "/n").c_str(), &info), 0);
  journal.steps.push_back({StepKind::put, "n", "", std::nullopt, mark_of(info)});
  put(encode(journal));
  EXPECT_THAT(error_of(agentfense::testing::rules_to_table({"allow write /", "limit read /n"})),
              HasSubstr("would write n, which the policy does not"));
}

}  // namespace
}  // namespace agentfense::delta
