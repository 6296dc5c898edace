#include "lang/file_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace agentfense::lang {
namespace {

class DiskReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/readerXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(DiskReaderTest, ReadsBytes) {
  std::string bytes("a\0b\xff\n", 5);
  std::ofstream(folder_ + "/f", std::ios::binary) << bytes;
  ReadResult result = DiskReader().read(folder_ + "/f", 5);
  EXPECT_EQ(result.status, ReadResult::Status::ok);
  EXPECT_EQ(result.text, bytes);
}

TEST_F(DiskReaderTest, StopsAtItsLimit) {
  std::ofstream(folder_ + "/f") << "123456";
  EXPECT_EQ(DiskReader().read(folder_ + "/f", 5).status, ReadResult::Status::too_large);
}

TEST_F(DiskReaderTest, TellsMissingFromBroken) {
  ReadResult missing = DiskReader().read(folder_ + "/none", 5);
  EXPECT_EQ(missing.status, ReadResult::Status::missing);
  EXPECT_EQ(missing.reason, "No such file or directory");
  ReadResult directory = DiskReader().read(folder_, 5);
  EXPECT_EQ(directory.status, ReadResult::Status::failed);
  EXPECT_EQ(directory.reason, "it is a directory");
}

TEST_F(DiskReaderTest, DoesNotWaitForAFifo) {
  ASSERT_EQ(mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  ReadResult result = DiskReader().read(folder_ + "/fifo", 5);
  EXPECT_EQ(result.status, ReadResult::Status::failed);
  EXPECT_EQ(result.reason, "it is no regular file");
}

}  // namespace
}  // namespace agentfense::lang
