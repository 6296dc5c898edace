#include "mounthelper/load/preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace agentfense::load {
namespace {

using ::testing::HasSubstr;

TEST(PresetPath, RefusesWhatIsNoName) {
  for (const char *name : {"", "..", "../x", "a/b", "a.b", "A", "a b", "a\nb", "/etc/passwd"}) {
    auto path = preset_path(name);
    ASSERT_FALSE(path.ok()) << name;
    EXPECT_THAT(path.status().message(), HasSubstr("is no name of a preset")) << name;
  }
}

TEST(PresetPath, LooksWhereTheEnvironmentSays) {
  char name[] = "/tmp/agentfense-preset-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  std::string directory = name;
  std::ofstream(directory + "/only-here-1.aft") << "x";
  ASSERT_FALSE(preset_path("only-here-1").ok());
  ASSERT_EQ(setenv("AGENTFENSE_PRESET_DIR", directory.c_str(), 1), 0);
  auto path = preset_path("only-here-1");
  ASSERT_TRUE(path.ok()) << path.status().message();
  EXPECT_EQ(*path, directory + "/only-here-1.aft");
  auto missing = preset_path("not-there");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(), HasSubstr("there is no preset not-there in " + directory));
  unsetenv("AGENTFENSE_PRESET_DIR");
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace agentfense::load
