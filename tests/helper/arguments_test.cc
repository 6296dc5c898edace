#include "mounthelper/mount/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace agentfense::mount {
namespace {

using ::testing::HasSubstr;

using Words = std::vector<const char *>;

MountArguments parsed(const Words &words) {
  auto result = parse_mount_arguments(words);
  if (auto *error = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *error;
    return {};
  }
  return std::get<MountArguments>(result);
}

std::string error_of(const Words &words) {
  auto result = parse_mount_arguments(words);
  auto *error = std::get_if<std::string>(&result);
  return error != nullptr ? *error : "it was accepted";
}

TEST(MountArguments, AsMount8PassesThem) {
  MountArguments a =
      parsed({"/base", "/dir", "-sfnv", "-N", "/proc/1/ns/mnt", "-o", "rw,table=/t.aft", "-t", "agentfense"});
  EXPECT_EQ(a.base, "/base");
  EXPECT_EQ(a.dir, "/dir");
  EXPECT_EQ(a.options, "rw,table=/t.aft");
  EXPECT_EQ(a.mount_space, "/proc/1/ns/mnt");
  EXPECT_TRUE(a.fake && a.sloppy && a.verbose);
}

TEST(MountArguments, OptionsInAnyPlaceAndManyTimes) {
  MountArguments a =
      parsed({"-otable=/t.aft", "-o", "ro", "/base", "-v", "/dir", "-o", "allow_other", "-o", ""});
  EXPECT_EQ(a.options, "table=/t.aft,ro,allow_other");
  EXPECT_FALSE(a.fake);
  EXPECT_FALSE(a.sloppy);
}

TEST(MountArguments, LettersThenAValueInOneWord) {
  MountArguments a = parsed({"-fotable=/t.aft", "/base", "/dir"});
  EXPECT_TRUE(a.fake);
  EXPECT_EQ(a.options, "table=/t.aft");
}

TEST(MountArguments, TwoDashesEndTheOptions) {
  MountArguments a = parsed({"--", "-base", "-dir"});
  EXPECT_EQ(a.base, "-base");
  EXPECT_EQ(a.dir, "-dir");
}

TEST(MountArguments, Types) {
  EXPECT_EQ(parsed({"/b", "/d", "-t", "fuse.agentfense"}).base, "/b");
  EXPECT_THAT(error_of({"/b", "/d", "-t", "ext4"}), HasSubstr("-t ext4 is not a type"));
}

TEST(MountArguments, Errors) {
  EXPECT_THAT(error_of({"/base"}), HasSubstr("1 path was given"));
  EXPECT_THAT(error_of({"/base", "/dir", "/more"}), HasSubstr("3 paths were given"));
  EXPECT_THAT(error_of({}), HasSubstr("0 paths were given"));
  EXPECT_THAT(error_of({"/base", "/dir", "-x"}), HasSubstr("unknown option -x"));
  EXPECT_THAT(error_of({"/base", "/dir", "--bad"}), HasSubstr("unknown option --bad"));
  EXPECT_THAT(error_of({"/base", "/dir", "-o"}), HasSubstr("option -o needs a value"));
  EXPECT_THAT(error_of({"/base", "/dir", "-N"}), HasSubstr("option -N needs a value"));
}

}  // namespace
}  // namespace agentfense::mount
