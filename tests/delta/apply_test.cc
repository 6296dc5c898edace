#include "mounthelper/delta/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

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
  ApplyReport report = applied(delta.request(everything()));
  EXPECT_FALSE(report.plan.stopped);
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

TEST(Apply, KilledAnywhereTheNextOneEndsInTheSameTree) {
  int k = 0;
  for (bool finished = false; !finished; ++k) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make_everything(delta);
    Snapshot view = delta.merged();
    Snapshot settling = delta.merged(Detail::settling);
    finished = run_and_die_at(delta.request(everything()), k);
    EXPECT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "after a kill at " << k;
    ApplyReport report = applied(delta.request(everything()));
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

}  // namespace
}  // namespace agentfense::delta
