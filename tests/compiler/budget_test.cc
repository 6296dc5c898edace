// What multiplies is refused with the rules that cost most, within its budget; what does not, is not.
#include <gtest/gtest.h>

#include <string>

#include "compiler/pipeline.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

std::string repeat(int count, const std::string &before, const std::string &between,
                   const std::string &after = "") {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    text += before + n + between + n + after + "\n";
  }
  return text;
}

compiler::Compilation compile_text(const std::string &text, lang::Diagnostics &diagnostics) {
  compiler::Compilation c;
  c.rules = reference::rules_of(text);
  compiler::compile_rules({}, diagnostics, c);
  return c;
}

TEST(Budget, ManyStarsInOneComponentAreRefusedByName) {
  lang::Diagnostics diagnostics;
  const compiler::Compilation c = compile_text(repeat(100, "allow read **/*word", "*"), diagnostics);
  EXPECT_TRUE(c.bytes.empty());
  ASSERT_EQ(diagnostics.all().size(), 1u);
  const lang::Diagnostic &d = diagnostics.all()[0];
  EXPECT_EQ(d.code, lang::Code::too_complex);
  EXPECT_EQ(d.remarks.size(), 5u);
  EXPECT_NE(d.remarks[0].message.find("allow read **/*word"), std::string::npos);
}

TEST(Budget, ManyDeepPairsAreRefusedByName) {
  lang::Diagnostics diagnostics;
  const compiler::Compilation c = compile_text(repeat(60, "allow read **/a", "/**/b"), diagnostics);
  EXPECT_TRUE(c.bytes.empty());
  ASSERT_EQ(diagnostics.all().size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].code, lang::Code::too_complex);
  EXPECT_FALSE(diagnostics.all()[0].remarks.empty());
}

TEST(Budget, AThousandFoldersWithNamesInThemAreNot) {
  lang::Diagnostics diagnostics;
  const compiler::Compilation c = compile_text(repeat(1000, "allow read /p", "/**/x"), diagnostics);
  EXPECT_TRUE(diagnostics.all().empty());
  ASSERT_FALSE(c.bytes.empty());
  EXPECT_LT(c.bytes.size(), 2u << 20);
}

TEST(Budget, AThousandNamesWithSuffixesBelowOneFolderAreNot) {
  lang::Diagnostics diagnostics;
  const compiler::Compilation c = compile_text(repeat(1000, "allow read /w/**/name", "/*.ext"), diagnostics);
  EXPECT_TRUE(diagnostics.all().empty());
  ASSERT_FALSE(c.bytes.empty());
  EXPECT_LT(c.bytes.size(), 8u << 20);
}

}  // namespace
}  // namespace agentfense::tests
