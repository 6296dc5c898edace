#include "mounthelper/delta/path_glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agentfense::delta {
namespace {

bool covers(const std::string &pattern, const std::string &path) {
  auto glob = PathGlob::parse(pattern);
  EXPECT_TRUE(glob.ok()) << glob.status().message();
  return glob.ok() && glob->covers(path);
}

std::string error_of(const std::string &pattern) {
  auto glob = PathGlob::parse(pattern);
  return glob.ok() ? "it was accepted" : glob.status().message();
}

TEST(PathGlob, NamesAPathAndAllBelow) {
  EXPECT_TRUE(covers("/src", "src"));
  EXPECT_TRUE(covers("/src", "src/a/b"));
  EXPECT_TRUE(covers("/src/**", "src"));
  EXPECT_TRUE(covers("/src/", "src/a"));
  EXPECT_FALSE(covers("/src", "src2"));
  EXPECT_FALSE(covers("/src", "a/src"));
  EXPECT_FALSE(covers("/src/a", "src"));
}

TEST(PathGlob, AnyDepth) {
  EXPECT_TRUE(covers("**/*.key", "x.key"));
  EXPECT_TRUE(covers("**/*.key", "a/b/x.key/y"));
  EXPECT_TRUE(covers("/a/**/b", "a/b"));
  EXPECT_TRUE(covers("/a/**/b", "a/x/y/b"));
  EXPECT_FALSE(covers("/a/**/b", "a/x/y"));
  EXPECT_TRUE(covers("/**/a/**/b", "x/a/a/z/b"));
}

TEST(PathGlob, InsideAComponent) {
  EXPECT_TRUE(covers("/*.c", ".c")) << "a leading dot is a character as others";
  EXPECT_FALSE(covers("/*.c", "a/b.c"));
  EXPECT_TRUE(covers("/?[a-c][!x]", "zby"));
  EXPECT_FALSE(covers("/?[a-c][!x]", "zbx"));
  EXPECT_TRUE(covers("/\\*", "*"));
  EXPECT_FALSE(covers("/\\*", "a"));
}

TEST(PathGlob, TheWhole) {
  for (const char *pattern : {"/", "**", "/**", "**/**"}) {
    EXPECT_TRUE(covers(pattern, "")) << pattern;
    EXPECT_TRUE(covers(pattern, "a/b")) << pattern;
  }
  EXPECT_FALSE(covers("/*", ""));
  EXPECT_TRUE(any_covers({}, "a"));
}

TEST(PathGlob, ManyStarsAreNoWork) {
  std::string pattern, path = "a";
  for (int i = 0; i < 60; ++i) pattern += "/**/a";
  for (int i = 0; i < 58; ++i) path += "/a";
  EXPECT_FALSE(covers(pattern, path));
  EXPECT_TRUE(covers(pattern, path + "/a/a"));
}

TEST(PathGlob, Refused) {
  EXPECT_THAT(error_of("src"), testing::HasSubstr("write /src for that path or **/src"));
  EXPECT_THAT(error_of(""), testing::HasSubstr("neither"));
  EXPECT_THAT(error_of("/a//b"), testing::HasSubstr("names nothing"));
  EXPECT_THAT(error_of("/a/../b"), testing::HasSubstr("names nothing"));
  EXPECT_THAT(error_of("/a**"), testing::HasSubstr("component of its own"));
  EXPECT_THAT(error_of("/*.{c,h}"), testing::HasSubstr("braces"));
}

}  // namespace
}  // namespace agentfense::delta
