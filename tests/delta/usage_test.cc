#include "mounthelper/delta/usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/remove_tree.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMega = 1 << 20;

class UsageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/var/tmp/agentfense-usage-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    top_ = name;
    handle_ = sys::Fd(open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override {
    (void)sys::remove_contents(handle_.get());
    fs::remove_all(top_);
  }
  void fill(const fs::path &path, size_t bytes) const {
    std::ofstream(top_ / path) << std::string(bytes, 'x');
    sys::Fd file(open((top_ / path).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(fsync(file.get()), 0);  // some file systems know the blocks only then
  }
  static bool has_room(Usage &usage, uint64_t bytes) {
    sys::Status status = usage.room_for(bytes);
    EXPECT_TRUE(status.ok() || status.error() == ENOSPC);
    return status.ok();
  }

  fs::path top_;
  sys::Fd handle_;
};

TEST_F(UsageTest, WithoutALimitThereIsAlwaysRoom) {
  Usage usage(handle_.get(), 0);
  usage.changed(1LL << 60);
  EXPECT_FALSE(usage.limited());
  EXPECT_TRUE(has_room(usage, UINT64_MAX));
  struct statvfs info {};
  info.f_frsize = 4096;
  info.f_blocks = 100;
  info.f_bavail = 50;
  usage.apply_to(info);
  EXPECT_EQ(info.f_blocks, 100U);
  EXPECT_EQ(info.f_bavail, 50U);
}

TEST_F(UsageTest, BeginsWithWhatIsThere) {
  fs::create_directories(top_ / "a" / "b");
  fill("a/b/file", kMega);
  Usage usage(handle_.get(), 2 * kMega);
  EXPECT_FALSE(has_room(usage, kMega)) << "names and directories count too";
  EXPECT_TRUE(has_room(usage, kMega / 2));
}

TEST_F(UsageTest, CountsHardLinksOnceAndHolesNot) {
  fill("file", kMega);
  for (int i = 0; i < 100; ++i) fs::create_hard_link(top_ / "file", top_ / ("link" + std::to_string(i)));
  ASSERT_EQ(truncate((top_ / "file").c_str(), 1 << 30), 0);
  Usage usage(handle_.get(), 2 * kMega);
  EXPECT_TRUE(has_room(usage, kMega / 2));
  EXPECT_FALSE(has_room(usage, 2 * kMega - 101 * Usage::kEntry - kMega + 1));
}

TEST_F(UsageTest, FollowsNoSymlink) {
  std::string elsewhere = top_.string() + "-elsewhere";
  fs::create_directory(elsewhere);
  std::ofstream(elsewhere + "/file") << std::string(kMega, 'x');
  fs::create_directory_symlink(elsewhere, top_ / "link");
  Usage usage(handle_.get(), kMega);
  EXPECT_TRUE(has_room(usage, kMega / 2));
  fs::remove_all(elsewhere);
}

TEST_F(UsageTest, CountsAsToldUpToTheLastByte) {
  Usage usage(handle_.get(), kMega, [] { return static_cast<int64_t>(kMega); });
  usage.changed(kMega - 100);
  EXPECT_TRUE(has_room(usage, 100));
  EXPECT_FALSE(has_room(usage, kMega + 1)) << "never";
  EXPECT_FALSE(has_room(usage, UINT64_MAX)) << "no overflow";
  EXPECT_FALSE(has_room(usage, 101)) << "open files without a name count when it is counted anew";
  usage.changed(-200);
  EXPECT_TRUE(has_room(usage, 200));
  usage.changed(-(1LL << 40));
  EXPECT_TRUE(has_room(usage, kMega)) << "less than nothing is nothing";
}

TEST_F(UsageTest, SeesWhatWentUntold) {
  fill("file", kMega);
  Usage usage(handle_.get(), kMega + kMega / 2);
  EXPECT_FALSE(has_room(usage, kMega));
  fs::remove(top_ / "file");
  // It looks again after a while that the walk's own length gives.
  while (!has_room(usage, kMega)) std::this_thread::yield();
}

TEST_F(UsageTest, StatfsShowsTheSmallerRoom) {
  Usage usage(handle_.get(), kMega);
  usage.changed(kMega / 2);
  struct statvfs info {};
  info.f_frsize = 4096;
  info.f_blocks = info.f_bfree = info.f_bavail = 1 << 20;
  usage.apply_to(info);
  EXPECT_EQ(info.f_blocks, 256U);
  EXPECT_EQ(info.f_bfree, 128U);
  EXPECT_EQ(info.f_bavail, 128U);
  info.f_bavail = 7;
  usage.apply_to(info);
  EXPECT_EQ(info.f_bavail, 7U);
  usage.changed(kMega);
  usage.apply_to(info);
  EXPECT_EQ(info.f_bavail, 0U);
}

TEST_F(UsageTest, DeepTreesAreCounted) {
  sys::Fd at(openat(handle_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 2000; ++depth) {
    ASSERT_EQ(mkdirat(at.get(), "directory", 0700), 0);
    at = sys::Fd(openat(at.get(), "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  Usage usage(handle_.get(), 2001 * Usage::kEntry);
  EXPECT_FALSE(has_room(usage, 2 * Usage::kEntry));
}

TEST_F(UsageTest, ThreadsCountTogether) {
  Usage usage(handle_.get(), 1 << 30);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        usage.changed(Usage::kEntry);
        (void)usage.room_for(2 << 20);
        usage.changed(-Usage::kEntry);
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  EXPECT_TRUE(has_room(usage, 1 << 30));
}

}  // namespace
}  // namespace agentfense::delta
