// What a table's file must be to be trusted: each refusal by its own hostile file, and by its words.
#include "mounthelper/load/load_table.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "compiler/table/encode.h"

namespace agentfense::load {
namespace {

using ::testing::HasSubstr;

// One state that grants everything.
std::vector<std::byte> small_table() {
  table::Image image;
  image.policy = "small";
  image.labels.resize(1);
  image.classifier.states.resize(1);
  image.classifier.base_rows = {0};
  table::PathState state;
  state.level = table::Level::write;
  state.visible_below = state.uniform_below = state.writable_child = true;
  state.below = table::Level::write;
  image.states = {state};
  image.base_rows = {{0, 0}};
  return table::encode(image);
}

class LoadTable : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/agentfense-load-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    path_ = directory_ + "/t.aft";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write_table(size_t bytes_less = 0) {
    std::vector<std::byte> bytes = small_table();
    std::ofstream out(path_, std::ios::binary);
    out.write(reinterpret_cast<const char *>(bytes.data()),
              static_cast<std::streamsize>(bytes.size() - bytes_less));
    out.close();
    ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  }

  std::string refusal(const std::string &path, const LoadLimits &limits = {}) {
    auto table = load_table(path, geteuid(), limits);
    if (table.ok()) return "it was accepted";
    EXPECT_GT(table.error(), 0);
    EXPECT_THAT(table.status().message(), HasSubstr(path));
    return table.status().message();
  }
  std::string refusal() { return refusal(path_); }

  std::string directory_;
  std::string path_;
};

TEST_F(LoadTable, AcceptsAFileOfTheCaller) {
  write_table();
  auto table = load_table(path_, geteuid());
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_EQ(table->policy(), "small");
}

TEST_F(LoadTable, RefusesAMissingFile) { EXPECT_THAT(refusal(), HasSubstr("there is no such file")); }

TEST_F(LoadTable, RefusesASymlink) {
  write_table();
  std::string link = directory_ + "/link.aft";
  ASSERT_EQ(symlink(path_.c_str(), link.c_str()), 0);
  EXPECT_THAT(refusal(link), HasSubstr("link that is not followed"));
}

TEST_F(LoadTable, RefusesAMagicLink) {
  write_table();
  int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_THAT(refusal("/proc/self/fd/" + std::to_string(fd)), HasSubstr("link that is not followed"));
  EXPECT_THAT(refusal("/proc/self/cwd/none.aft"), HasSubstr("link that is not followed"));
  close(fd);
}

TEST_F(LoadTable, RefusesADirectory) { EXPECT_THAT(refusal(directory_), HasSubstr("it is a directory")); }

TEST_F(LoadTable, RefusesANamedPipeWithoutWaitingForItsWriter) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("it is a named pipe"));
}

TEST_F(LoadTable, RefusesASocketAndADevice) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
  EXPECT_THAT(refusal(), HasSubstr("it is a socket"));
  close(fd);
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("it is a device"));
}

TEST_F(LoadTable, RefusesWhatOthersMayWrite) {
  write_table();
  for (mode_t mode : {0664, 0646, 0602, 0620}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(refusal(), HasSubstr("may write it; run chmod go-w")) << std::oct << mode;
  }
}

TEST_F(LoadTable, RefusesAForeignOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  write_table();
  ASSERT_EQ(chown(path_.c_str(), 4242, 4242), 0);
  EXPECT_THAT(refusal(), HasSubstr("it belongs to user 4242, who is neither root nor the caller"));
  EXPECT_TRUE(load_table(path_, 4242).ok());
  ASSERT_EQ(chown(path_.c_str(), 0, 0), 0);
  EXPECT_TRUE(load_table(path_, 4242).ok()) << "root's file is everybody's";
}

TEST_F(LoadTable, RefusesAHugeSparseFile) {
  write_table();
  ASSERT_EQ(truncate(path_.c_str(), off_t{1} << 40), 0);
  EXPECT_THAT(refusal(), HasSubstr("1099511627776 bytes and at most 268435456 are read"));
}

TEST_F(LoadTable, RefusesOneByteAboveTheCap) {
  write_table();
  LoadLimits limits;
  limits.max_bytes = small_table().size();
  EXPECT_TRUE(load_table(path_, geteuid(), limits).ok());
  --limits.max_bytes;
  EXPECT_THAT(refusal(path_, limits), HasSubstr("are read"));
}

TEST_F(LoadTable, RefusesEveryTruncation) {
  size_t whole = small_table().size();
  for (size_t less = 1; less <= whole; ++less) {
    write_table(less);
    EXPECT_THAT(refusal(), HasSubstr("failed")) << "without the last " << less << " bytes";
  }
}

TEST_F(LoadTable, NamesTheCheckThatFailed) {
  std::ofstream(path_) << "agentfense 1\npolicy p { allow read / }\n" << std::string(200, ' ');
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_THAT(refusal(), HasSubstr("check magic failed"));
}

}  // namespace
}  // namespace agentfense::load
