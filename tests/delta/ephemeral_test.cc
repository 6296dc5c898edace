#include "mounthelper/delta/ephemeral.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "mounthelper/sys/remove_tree.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EphemeralTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/var/tmp/agentfense-ephemeral-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    top_ = name;
    base_ = top_ / "base";
    place_ = top_ / "place";
    fs::create_directories(base_ / "sub");
    fs::create_directories(place_);
    handle_ = sys::Fd(open(base_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { fs::remove_all(top_); }

  sys::Result<Ephemeral> make() const { return Ephemeral::make({place_}, handle_.get(), base_); }
  size_t left() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(place_), fs::directory_iterator()));
  }

  fs::path top_, base_, place_;
  sys::Fd handle_;
};

TEST_F(EphemeralTest, GoesWithTheObject) {
  {
    sys::Result<Ephemeral> delta = make();
    ASSERT_TRUE(delta.ok()) << delta.status().message();
    EXPECT_EQ(left(), 1U);
    struct stat info {};
    ASSERT_EQ(stat(delta->path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0700U);
    fs::path upper = fs::path(delta->path()) / "upper";
    fs::create_directories(upper / "a" / "b" / "c");
    std::ofstream(upper / "a" / "b" / "file") << "text";
    std::ofstream(top_ / "kept") << "text";
    fs::create_symlink(top_, upper / "out");
    ASSERT_EQ(chmod((upper / "a" / "b").c_str(), 0), 0);
    ASSERT_EQ(chmod((upper / "a").c_str(), 0), 0);
  }
  EXPECT_EQ(left(), 0U);
  EXPECT_TRUE(fs::exists(top_ / "kept"));
  EXPECT_TRUE(fs::exists(base_ / "sub"));
}

TEST_F(EphemeralTest, KeptIsAnOrdinaryDelta) {
  std::string path;
  {
    sys::Result<Ephemeral> delta = make();
    ASSERT_TRUE(delta.ok());
    std::ofstream(fs::path(delta->path()) / "upper" / "file") << "text";
    ASSERT_TRUE(delta->keep().ok());
    path = delta->path();
  }
  EXPECT_TRUE(fs::exists(fs::path(path) / "upper" / "file"));
  ASSERT_TRUE(make().ok());
  EXPECT_TRUE(fs::exists(fs::path(path) / "upper" / "file")) << "a later one's sweep took it";
  auto again = make();
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(again->keep().ok());
  EXPECT_TRUE(again->remove().ok()) << "also what was kept, when it is told";
  EXPECT_EQ(left(), 1U);
  EXPECT_TRUE(open_to_write({.path = path, .base = handle_.get(), .base_path = base_}).ok());
}

TEST_F(EphemeralTest, SweepsWhatAKilledOneLeftAndNoLivingOne) {
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  pid_t child = fork();
  if (child == 0) {
    sys::Result<Ephemeral> delta = make();
    (void)!write(ready[1], delta.ok() ? "y" : "n", 1);
    for (;;) pause();
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(left(), 1U) << "the living one's stays";
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  fs::create_directory(place_ / "agentfense-delta-other");
  fs::create_symlink(base_, place_ / ("agentfense-delta-" + std::to_string(geteuid()) + "-1"));
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(left(), 2U) << "what is not a left-over stays";
  EXPECT_TRUE(fs::exists(base_ / "sub"));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(EphemeralTest, ManyAtOnceTakeNothingFromEachOther) {
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    pid_t child = fork();
    if (child == 0) {
      for (int round = 0; round < 20; ++round) {
        sys::Result<Ephemeral> delta = make();
        if (!delta.ok() || !fs::exists(fs::path(delta->path()) / "meta" / "delta")) _exit(1);
        if (!delta->remove().ok()) _exit(2);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(left(), 0U);
}

TEST_F(EphemeralTest, TakesTheFirstPlaceThatCanKeepOne) {
  auto made = Ephemeral::make({top_ / "absent", base_ / "sub", place_}, handle_.get(), base_);
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(fs::path(made->path()).parent_path(), place_);
  EXPECT_TRUE(fs::is_empty(base_ / "sub"));
}

TEST_F(EphemeralTest, SaysWhatWasTried) {
  ASSERT_EQ(chmod(place_.c_str(), 0777), 0);
  auto made = Ephemeral::make({top_ / "absent", base_ / "sub", place_}, handle_.get(), base_);
  ASSERT_FALSE(made.ok());
  for (const fs::path &place : {top_ / "absent", base_ / "sub", place_}) {
    EXPECT_THAT(made.status().message(), HasSubstr(place.string()));
  }
  EXPECT_THAT(made.status().message(), HasSubstr("set TMPDIR"));
  EXPECT_TRUE(fs::is_empty(base_ / "sub"));
  EXPECT_EQ(left(), 0U);
}

TEST(RemoveTree, DeeperThanDescriptorsAndPathsReach) {
  std::string name = "/var/tmp/agentfense-remove-XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  sys::Fd top(open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  sys::Fd at(openat(top.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 3000; ++depth) {
    ASSERT_EQ(mkdirat(at.get(), "directory", 0700), 0);
    sys::Fd file(openat(at.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    at = sys::Fd(openat(at.get(), "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  at.reset();
  EXPECT_TRUE(sys::remove_tree(top.get(), "directory").ok());
  EXPECT_TRUE(sys::remove_tree(top.get(), "absent").ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(name), fs::directory_iterator()), 1);
  EXPECT_TRUE(sys::remove_contents(top.get()).ok());
  EXPECT_EQ(rmdir(name.c_str()), 0);
}

}  // namespace
}  // namespace agentfense::delta
