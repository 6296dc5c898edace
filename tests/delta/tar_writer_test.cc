#include "mounthelper/delta/tar_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <functional>

#include "mounthelper/sys/fd.h"

namespace agentfense::delta {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string written(const std::function<void(TarWriter &)> &act) {
  sys::Fd fd(memfd_create("tar", MFD_CLOEXEC));
  TarWriter writer(fd.get());
  act(writer);
  EXPECT_TRUE(writer.finish().ok());
  std::string bytes(static_cast<size_t>(lseek(fd.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

std::string headers_of(const TarEntry &entry) {
  std::string bytes = written([&](TarWriter &writer) { EXPECT_TRUE(writer.add(entry).ok()); });
  EXPECT_EQ(bytes.size() % 512, 0U);
  return bytes.substr(0, bytes.size() - 1024);
}

TEST(TarWriter, OneBlockWhereUstarHoldsIt) {
  TarEntry entry;
  entry.path = "a";
  entry.mode = 04751;
  entry.size = (uint64_t{1} << 33) - 1;
  entry.mtime = {1, 0};
  std::string bytes = headers_of(entry);
  ASSERT_EQ(bytes.size(), 512U);
  EXPECT_EQ(bytes.substr(100, 8), std::string("0004751\0", 8));
  EXPECT_EQ(bytes.substr(124, 12), std::string("77777777777\0", 12));
  EXPECT_EQ(bytes.substr(257, 8), std::string("ustar\00000", 8));
}

TEST(TarWriter, NumbersThatDoNotFit) {
  TarEntry entry;
  entry.path = "large";
  entry.size = (uint64_t{1} << 33) + 1;
  entry.uid = 1 << 21;
  entry.mtime = {-2, 750000000};
  std::string bytes = headers_of(entry);
  ASSERT_EQ(bytes.size(), 3 * 512U);
  EXPECT_EQ(bytes[156], 'x');
  EXPECT_THAT(bytes, HasSubstr("19 size=8589934593\n"));
  EXPECT_THAT(bytes, HasSubstr("15 uid=2097152\n"));
  EXPECT_THAT(bytes, HasSubstr("15 mtime=-1.25\n"));
  EXPECT_THAT(bytes, Not(HasSubstr("gid=")));
  entry.mtime = {-1, 500000000};
  EXPECT_THAT(headers_of(entry), HasSubstr(" mtime=-0.5\n"));
  entry.mtime = {5, 1};
  EXPECT_THAT(headers_of(entry), HasSubstr(" mtime=5.000000001\n"));
}

// Each record begins with its own length, which its digits are part of.
TEST(TarWriter, RecordsOfEveryLength) {
  for (size_t length = 101; length < 1100; ++length) {
    TarEntry entry;
    entry.path = std::string(length, 'p');
    std::string bytes = headers_of(entry);
    size_t records = std::stoul(bytes.substr(124, 11), nullptr, 8);
    std::string text = bytes.substr(512, records);
    ASSERT_EQ(std::stoul(text), text.size()) << length;
    ASSERT_EQ(text.substr(text.find(' ')), " path=" + entry.path + "\n");
  }
}

TEST(TarWriter, LongPathsAreSplitAtASlash) {
  TarEntry entry;
  entry.path = std::string(155, 'd') + "/" + std::string(100, 'f');
  EXPECT_EQ(headers_of(entry).size(), 512U);
  EXPECT_EQ(headers_of(entry).substr(345, 155), std::string(155, 'd'));
  entry.path = std::string(156, 'd') + "/" + std::string(99, 'f');
  EXPECT_THAT(headers_of(entry), HasSubstr(" path=ddd"));
  entry.path = "/" + std::string(101, 'f');
  EXPECT_THAT(headers_of(entry), HasSubstr(" path=/f"));
  entry.path = "short\xff";
  EXPECT_THAT(headers_of(entry), HasSubstr("15 path=short\xff\n"));
}

TEST(TarWriter, DataIsPadded) {
  std::string bytes = written([](TarWriter &writer) {
    TarEntry entry;
    entry.path = "a";
    entry.size = 3;
    EXPECT_TRUE(writer.add(entry).ok());
    EXPECT_TRUE(writer.data("abc").ok());
    EXPECT_TRUE(writer.end_data().ok());
  });
  EXPECT_EQ(bytes.size(), 512 + 512 + 1024U);
  EXPECT_EQ(bytes.substr(512, 4), std::string("abc\0", 4));
}

TEST(TarWriter, AFullDiskIsSaid) {
  sys::Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  TarWriter writer(full.get());
  EXPECT_EQ(writer.finish().error(), ENOSPC);
}

}  // namespace
}  // namespace agentfense::delta
