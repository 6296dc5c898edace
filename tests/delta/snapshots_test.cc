#include "mounthelper/delta/snapshots.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "mounthelper/delta/origins.h"
#include "tests/delta/apply_fixture.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using delta_test::Delta;
using delta_test::differences;
using delta_test::dir;
using delta_test::fifo;
using delta_test::file;
using delta_test::link_to;
using delta_test::opaque_dir;
using delta_test::Snapshot;
using delta_test::snapshot;
using delta_test::whiteout;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Of everything that an upper layer can hold.
void make(Delta &delta) {
  delta_test::Node marked = file("m", 04750);
  marked.attributes = {
      {"user.note", "n"}, {"user.overlay.overlay.x", "escaped"}, {"user.overlay.agentfense.origin", "7"}};
  delta.make({{"a", file("1")}, {"o", dir()}, {"o/in", file("in")}},
             {{"a", whiteout()},
              {"deep", opaque_dir(0500)},
              {"deep/in", file("in")},
              {"fifo", fifo(0640)},
              {"link", link_to("/etc")},
              {"marked", marked},
              {"o", opaque_dir(0700)},
              {"sparse", file("x")}},
             [&] {
               fs::create_hard_link(delta.upper() + "/deep/in", delta.upper() + "/name");
               fs::resize_file(delta.upper() + "/sparse", 64 << 20);
               ASSERT_EQ(lchown((delta.upper() + "/marked").c_str(), 12, 34), 0);
               ASSERT_EQ(chmod((delta.upper() + "/marked").c_str(), 04750), 0);
             });
}

SnapshotRequest named(const Delta &delta, const std::string &name) { return {&delta.store(), name, {}, {}}; }

TEST(Snapshots, AreTakenAndReturnedTo) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  Snapshot upper = snapshot(delta.upper());
  size_t lines = read_origins(delta.store().meta.get())->size();
  auto taken = take_snapshot(named(delta, "one"));
  ASSERT_TRUE(taken.ok()) << taken.message();
  std::string kept = delta.meta() + "/snapshots/one/upper";
  EXPECT_EQ(differences(upper, snapshot(kept)), "");
  EXPECT_EQ(differences(upper, snapshot(delta.upper())), "") << "taking one changes nothing";
  struct stat sparse {};
  ASSERT_EQ(stat((kept + "/sparse").c_str(), &sparse), 0);
  EXPECT_LT(sparse.st_blocks * 512, 1 << 20);

  fs::remove(delta.upper() + "/marked");
  fs::resize_file(delta.upper() + "/name", 0);
  ASSERT_TRUE(write_origins(delta.store().meta.get(), {}).ok());
  ASSERT_TRUE(restore_snapshot(named(delta, "one")).ok());
  EXPECT_EQ(differences(upper, snapshot(delta.upper())), "");
  EXPECT_EQ(read_origins(delta.store().meta.get())->size(), lines);
  EXPECT_TRUE(fs::is_empty(delta.layers().path() + "/delta/work") ||
              !fs::exists(delta.layers().path() + "/delta/work/#restored"));
  EXPECT_EQ(differences(upper, snapshot(kept)), "") << "it can be returned to again";
}

TEST(Snapshots, AreListedAndDeleted) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  EXPECT_THAT(*list_snapshots(delta.store()), IsEmpty());
  ASSERT_TRUE(take_snapshot(named(delta, "b")).ok());
  ASSERT_TRUE(take_snapshot(named(delta, "a b")).ok());
  EXPECT_THAT(*list_snapshots(delta.store()), ElementsAre("a b", "b"));
  EXPECT_THAT(take_snapshot(named(delta, "b")).message(), HasSubstr("has a snapshot b already"));
  ASSERT_TRUE(delete_snapshot(named(delta, "b")).ok());
  EXPECT_THAT(*list_snapshots(delta.store()), ElementsAre("a b"));
  EXPECT_THAT(delete_snapshot(named(delta, "b")).message(), HasSubstr("no snapshot b"));
  EXPECT_THAT(restore_snapshot(named(delta, "b")).message(), HasSubstr("no snapshot b"));
}

TEST(Snapshots, NamesThatAreNone) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  make(delta);
  for (const std::string &name :
       {std::string(), std::string("."), std::string(".."), std::string(".new"), std::string("a/b"),
        std::string("/a"), std::string("a\nb"), std::string(201, 'a')}) {
    EXPECT_THAT(take_snapshot(named(delta, name)).message(), HasSubstr("choose another")) << name;
    EXPECT_THAT(restore_snapshot(named(delta, name)).message(), HasSubstr("choose another")) << name;
    EXPECT_THAT(delete_snapshot(named(delta, name)).message(), HasSubstr("choose another")) << name;
  }
  EXPECT_FALSE(fs::exists(delta.meta() + "/snapshots"));
}

TEST(Snapshots, AreWholeOrNotThereWhenKilled) {
  for (auto *act : {take_snapshot, restore_snapshot}) {
    for (int at = 0;; ++at) {
      Delta delta;
      DELTA_TEST_NEEDS(delta);
      make(delta);
      Snapshot old = snapshot(delta.upper());
      ASSERT_TRUE(take_snapshot(named(delta, "old")).ok());
      fs::remove(delta.upper() + "/marked");
      Snapshot upper = snapshot(delta.upper());
      pid_t child = fork();
      if (child == 0) {
        int left = at;
        SnapshotRequest request = named(delta, act == take_snapshot ? "new" : "old");
        request.pause = [&left] {
          if (left-- == 0) _exit(9);
        };
        _exit(act(request).ok() ? 0 : 1);
      }
      int status = 0;
      waitpid(child, &status, 0);
      ASSERT_NE(WEXITSTATUS(status), 1);
      Snapshot now = snapshot(delta.upper());
      EXPECT_TRUE(differences(upper, now).empty() ||
                  (act == restore_snapshot && differences(old, now).empty()))
          << at;
      auto names = list_snapshots(delta.store());
      ASSERT_TRUE(names.ok());
      for (const std::string &name : *names) {
        EXPECT_EQ(differences(name == "new" ? upper : old,
                              snapshot(delta.meta() + "/snapshots/" + name + "/upper")),
                  "");
      }
      if (WEXITSTATUS(status) == 0) break;
    }
  }
}

}  // namespace
}  // namespace agentfense::delta
