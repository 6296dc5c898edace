#include "mounthelper/fuse/fd_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace agentfense::fuse {
namespace {

FileRef open_something(bool precious = false) {
  auto file = std::make_shared<OpenFile>();
  file->fd.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  file->precious = precious;
  return file;
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

TEST(FdCache, KeepsTheMostRecentlyUsed) {
  FdCache cache(3);
  for (view::NodeId node = 1; node <= 3; ++node) cache.put(node, open_something());
  EXPECT_TRUE(cache.find(1));
  cache.put(4, open_something());
  EXPECT_TRUE(cache.find(1));
  EXPECT_FALSE(cache.find(2));
  EXPECT_TRUE(cache.find(3));
  EXPECT_TRUE(cache.find(4));
}

TEST(FdCache, AnEntryInUseOutlivesItsPlace) {
  FdCache cache(1);
  cache.put(1, open_something());
  FileRef used = cache.find(1);
  cache.put(2, open_something());
  EXPECT_FALSE(cache.find(1));
  EXPECT_TRUE(is_open(used->fd.get()));
  int fd = used->fd.get();
  used.reset();
  EXPECT_FALSE(is_open(fd));
}

TEST(FdCache, WhatCannotBeOpenedAgainStaysLonger) {
  FdCache cache(2);
  cache.put(1, open_something(true));
  for (view::NodeId node = 2; node <= 5; ++node) cache.put(node, open_something());
  EXPECT_TRUE(cache.find(1));
  EXPECT_TRUE(cache.close_idle(std::chrono::seconds(0))) << "the precious one is left";
  EXPECT_TRUE(cache.find(1));
  EXPECT_FALSE(cache.find(5));
  // Yet they too are bounded.
  for (view::NodeId node = 10; node < 40; ++node) cache.put(node, open_something(true));
  EXPECT_FALSE(cache.find(1));
}

TEST(FdCache, DropsAndReplaces) {
  FdCache cache(2);
  FileRef first = open_something();
  cache.put(1, first);
  FileRef second = open_something();
  cache.put(1, second);
  EXPECT_EQ(cache.find(1), second);
  cache.drop(1);
  EXPECT_FALSE(cache.find(1));
  EXPECT_FALSE(cache.close_idle(std::chrono::seconds(0)));
}

}  // namespace
}  // namespace agentfense::fuse
