#include "mounthelper/delta/text_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/sha1.h"

namespace agentfense::delta {
namespace {

std::string hunks_of(std::string_view before, std::string_view after) {
  std::string text;
  each_hunk_line(diff_text(before, after),
                 [&](char mark, std::string_view line) { text.append(1, mark).append(line); });
  return text;
}

TEST(TextDiff, Hunks) {
  EXPECT_EQ(hunks_of("", ""), "");
  EXPECT_EQ(hunks_of("a\n", "a\n"), "");
  EXPECT_EQ(hunks_of("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(hunks_of("a\nb\n", ""), "@@ -1,2 +0,0 @@\n-a\n-b\n");
  EXPECT_EQ(hunks_of("a", "a\n"), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
  EXPECT_EQ(hunks_of("x\na", "y\na"), "@@ -1,2 +1,2 @@\n-x\n+y\n a\n\\ No newline at end of file\n");
  EXPECT_EQ(hunks_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n6\n7\n8\n9\n"),
            "@@ -2,7 +2,6 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n");
}

TEST(TextDiff, HunksMeetWhereTheirContextDoes) {
  const std::string six = "1\n2\n3\n4\n5\n6\n";
  EXPECT_EQ(hunks_of("a\n" + six + "b\n", "A\n" + six + "B\n"),
            "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
  const std::string seven = six + "7\n";
  EXPECT_EQ(hunks_of("a\n" + seven + "b\n", "A\n" + seven + "B\n"),
            "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

// The length of the longest common subsequence, by the table.
size_t common(const std::vector<std::string> &a, const std::vector<std::string> &b) {
  std::vector<std::vector<size_t>> best(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      best[i][j] = a[i - 1] == b[j - 1] ? best[i - 1][j - 1] + 1 : std::max(best[i - 1][j], best[i][j - 1]);
    }
  }
  return best.back().back();
}

std::string joined(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines) text += line;
  return text;
}

// What is kept of both sides must be the same lines.
void expect_consistent(const TextDiff &diff, const std::string &what) {
  std::string left;
  std::string right;
  for (size_t i = 0; i < diff.before.size(); ++i) left += diff.gone[i] ? "" : std::string(diff.before[i]);
  for (size_t i = 0; i < diff.after.size(); ++i) right += diff.came[i] ? "" : std::string(diff.after[i]);
  EXPECT_EQ(left, right) << what;
}

TEST(TextDiff, IsAsShortAsTheTableSays) {
  std::mt19937 random(1);
  auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> sides[2];
    size_t letters = 1 + below(5);
    for (auto &side : sides) {
      for (size_t left = below(14); left > 0; --left)
        side.push_back(std::string(1, static_cast<char>('a' + below(letters))) + "\n");
    }
    std::string before = joined(sides[0]);
    std::string after = joined(sides[1]);
    TextDiff diff = diff_text(before, after);
    expect_consistent(diff, before + "|" + after);
    ASSERT_EQ(diff.deleted, sides[0].size() - common(sides[0], sides[1])) << before << "|" << after;
    ASSERT_EQ(diff.inserted, sides[1].size() - common(sides[0], sides[1])) << before << "|" << after;
  }
}

TEST(TextDiff, PastTheBoundAPartIsReplacedWhole) {
  // Two alternations out of step: every line occurs on both sides, and the way is long.
  std::mt19937 random(2);
  std::string before = "start\n";
  std::string after = "start\n";
  for (size_t i = 0; i < 40 * kMostEdits; ++i) {
    before += random() % 2 != 0 ? "a\n" : "b\n";
    after += random() % 2 != 0 ? "a\n" : "b\n";
  }
  before += "end\n";
  after += "end\n";
  TextDiff diff = diff_text(before, after);
  expect_consistent(diff, "");
  EXPECT_FALSE(diff.gone.front());
  EXPECT_FALSE(diff.gone.back());
  EXPECT_GT(diff.deleted, 20 * kMostEdits);
}

TEST(Sha1, KnownValues) {
  EXPECT_EQ(Sha1().finish(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  Sha1 abc;
  abc.add("abc");
  EXPECT_EQ(abc.finish(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  Sha1 million;
  for (int i = 0; i < 1000; ++i) million.add(std::string(1000, 'a'));
  EXPECT_EQ(million.finish(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(QuotePath, AsGitDoes) {
  EXPECT_EQ(quote_path("a b/c~"), "a b/c~");
  EXPECT_EQ(quote_path("a\"b\\"), "\"a\\\"b\\\\\"");
  EXPECT_EQ(quote_path("\a\b\t\n\v\f\r\x1b\x7f\xff"), "\"\\a\\b\\t\\n\\v\\f\\r\\033\\177\\377\"");
  EXPECT_EQ(quote_always("a"), "\"a\"");
}

}  // namespace
}  // namespace agentfense::delta
