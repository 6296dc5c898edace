#include "lang/load_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory_files.h"

namespace agentfense::lang {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char *kPolicy = "policy p {\n  allow read shared\n}\n";
constexpr const char *kShared = "agentfense 1\nset shared = { /shared }\n";

std::vector<std::string> names(const std::vector<SourceFile> &files) {
  std::vector<std::string> out;
  for (const SourceFile &f : files) out.push_back(f.name);
  return out;
}

TEST(LoadPolicy, LooksForImportsBesideTheFile) {
  MemoryFiles files{{"dir/main.afp", std::string("agentfense 1\nimport \"sub/team.afp\"\n") + kPolicy},
                    {"dir/sub/team.afp", "agentfense 1\nimport \"deep.afp\"\n"},
                    {"dir/sub/deep.afp", kShared}};
  Loaded loaded = load(files, {}, "dir/main.afp");
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  EXPECT_THAT(names(loaded.result.rules->files),
              ElementsAre("dir/main.afp", "dir/sub/team.afp", "dir/sub/deep.afp"));
  EXPECT_EQ(loaded.result.rules->rules[0].patterns[0].place.file, 2u);
}

TEST(LoadPolicy, ReadsStandardInput) {
  MemoryFiles files{{"-", std::string("agentfense 1\nimport \"team.afp\"\n") + kPolicy},
                    {"team.afp", kShared}};
  Loaded loaded = load(files, {}, "-");
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  EXPECT_THAT(names(loaded.result.files), ElementsAre("<stdin>", "team.afp"));
}

TEST(LoadPolicy, ReadsATextAtHand) {
  MemoryFiles files{{"dir/team.afp", kShared}};
  Diagnostics diagnostics;
  LoadResult result = load_policy_text(
      "dir/x.afp", std::string("agentfense 1\nimport \"team.afp\"\n") + kPolicy, {}, files, diagnostics);
  EXPECT_TRUE(result.rules);
  EXPECT_THAT(files.asked, ElementsAre("dir/team.afp")) << "the text itself is not read again";
}

TEST(LoadPolicy, ReadsAFileOnceThatIsImportedTwice) {
  MemoryFiles files{{"main.afp", std::string("agentfense 1\nimport \"a.afp\"\nimport \"b.afp\"\n") + kPolicy},
                    {"a.afp", "agentfense 1\nimport \"team.afp\"\n"},
                    {"b.afp", "agentfense 1\nimport \"team.afp\"\n"},
                    {"team.afp", kShared}};
  Loaded loaded = load(files);
  EXPECT_TRUE(loaded.result.rules) << loaded.printed;
  EXPECT_EQ(loaded.result.files.size(), 4u);
}

TEST(LoadPolicy, NamesFilesOfPresets) {
  MemoryFiles files{{"presets/q.afp", std::string("agentfense 1\nimport \"sub/team.afp\"\n") +
                                          "policy q {\n allow read shared\n}\n"},
                    {"presets/sub/team.afp", kShared}};
  LoadOptions options;
  options.preset_dirs = {"presets"};
  Loaded loaded = load(files, options, "preset:q");
  EXPECT_THAT(names(loaded.result.files), ElementsAre("preset:q", "preset:sub/team.afp"));
  EXPECT_TRUE(loaded.result.rules) << loaded.printed;
}

TEST(LoadPolicy, DoesNotLookForPresetsOutsideTheirFolder) {
  MemoryFiles files;
  LoadOptions options;
  options.preset_dirs = {"presets"};
  Loaded loaded = load(files, options, "preset:../etc/passwd");
  EXPECT_TRUE(loaded.result.io_error);
  EXPECT_THAT(loaded.codes, ElementsAre("unknown-preset"));
}

TEST(LoadPolicy, TellsUnreadableFromFaulty) {
  Loaded missing = load(MemoryFiles());
  EXPECT_TRUE(missing.result.io_error);
  EXPECT_FALSE(missing.result.rules);
  EXPECT_EQ(missing.result.files.size(), 1u);
  Loaded faulty = load_text("policy");
  EXPECT_FALSE(faulty.result.io_error);
  EXPECT_FALSE(faulty.result.rules);
  EXPECT_EQ(faulty.result.files[0].text, "policy");
}

TEST(LoadPolicy, ReportsTheErrorsOfAllFiles) {
  MemoryFiles files{{"main.afp", "agentfense 1\nimport \"a.afp\"\npolicy p {\n  allow raed /\n}\n"},
                    {"a.afp", "agentfense 1\nset = { /a }\n"}};
  EXPECT_THAT(load(files).codes, ElementsAre("expected-level", "expected-name"));
}

TEST(LoadPolicy, StopsAtTheDepthLimitButNotBefore) {
  MemoryFiles files;
  for (int i = 1; i < 20; ++i) {
    std::string text = "agentfense 1\nimport \"f";
    text += std::to_string(i + 1);
    text += "\"\n";
    files.files[std::to_string(i).insert(0, 1, 'f')] = text;
  }
  files.files["main.afp"] = "agentfense 1\nimport \"f1\"\npolicy p {\n  allow read /\n}\n";
  files.files["f15"] = "agentfense 1\n";
  EXPECT_THAT(load(files).codes, IsEmpty());
  files.files["f15"] = "agentfense 1\nimport \"f16\"\n";
  files.files["f16"] = "agentfense 1\n";
  EXPECT_THAT(load(files).codes, ElementsAre("import-depth"));
}

TEST(LoadPolicy, KeepsDiagnosticsOfTheCaller) {
  MemoryFiles files{{"main.afp", "agentfense 1\npolicy p {\n  allow read /\n}\n"}};
  Diagnostics diagnostics;
  diagnostics.report(Code::cannot_read, {}, "an earlier error");
  LoadResult result = load_policy("main.afp", {}, files, diagnostics);
  EXPECT_TRUE(result.rules) << "errors of other files do not count here";
  EXPECT_EQ(diagnostics.all().size(), 1u);
}

}  // namespace
}  // namespace agentfense::lang
