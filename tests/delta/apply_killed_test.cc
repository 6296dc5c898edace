#include "mounthelper/delta/apply.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "mounthelper/delta/summary.h"
#include "tests/delta/apply_changes.h"
#include "tests/view/rule_table.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using delta_test::applied;
using delta_test::Delta;
using delta_test::Detail;
using delta_test::differences;
using delta_test::dir;
using delta_test::everything;
using delta_test::fates;
using delta_test::file;
using delta_test::make_conflicts;
using delta_test::make_everything;
using delta_test::read_file;
using delta_test::run_and_die_at;
using delta_test::Snapshot;
using delta_test::snapshot;
using delta_test::whiteout;
using delta_test::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A journal does not tell a new content from new attributes where a whole file is put.
std::string name_of(ChangeKind kind, const std::string &path, const std::string &from) {
  bool same_file = kind == ChangeKind::changed || kind == ChangeKind::metadata;
  return (same_file ? "changed" : word_for(kind)) + (" " + path) + (from.empty() ? "" : " from " + from);
}

std::vector<std::string> planned_names(const Delta &delta) {
  ApplyRequest request = delta.request(everything());
  request.dry_run = true;
  std::vector<std::string> names;
  for (const Planned &item : applied(request).plan.items)
    names.push_back(name_of(item.change.kind, item.change.path, item.change.from));
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> finished_names(const ApplyReport &report) {
  std::vector<std::string> names;
  for (const Finished &change : report.finished)
    names.push_back(name_of(change.kind, change.path, change.from));
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Apply, KilledAnywhereTheNextOneEndsInTheSameTree) {
  int k = 0;
  for (bool finished = false; !finished; ++k) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make_everything(delta);
    Snapshot view = delta.merged();
    Snapshot settling = delta.merged(Detail::settling);
    std::vector<std::string> all = planned_names(delta);
    finished = run_and_die_at(delta.request(everything()), k);
    EXPECT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "after a kill at " << k;
    ApplyReport report = applied(delta.request(everything()));
    if (report.resumed) {
      EXPECT_EQ(finished_names(report), all) << "at " << k;
    }
    EXPECT_THAT(report.missed, IsEmpty()) << "at " << k;
    EXPECT_EQ(differences(view, snapshot(delta.base())), "") << "at " << k;
    EXPECT_EQ(differences(view, delta.merged()), "") << "at " << k;
    EXPECT_THAT(delta.left_in_upper(), IsEmpty()) << "at " << k;
    EXPECT_FALSE(has_journal(delta.store().meta.get()));
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(k, 100) << "places to be killed at";
}

// Killed again while it finishes what was killed.
TEST(Apply, KilledTwice) {
  for (int k = 3; k < 130; k += 9) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    make_everything(delta);
    Snapshot view = delta.merged();
    (void)run_and_die_at(delta.request(everything()), k);
    (void)run_and_die_at(delta.request(everything()), k / 2);
    (void)applied(delta.request(everything()));
    ASSERT_EQ(differences(view, snapshot(delta.base())), "") << "at " << k;
    ASSERT_THAT(delta.left_in_upper(), IsEmpty()) << "at " << k;
  }
}

// A part of it, with a policy that refuses some: the same as without a kill.
TEST(Apply, KilledWhereSomeOfItStays) {
  table::Table table =
      agentfense::testing::rules_to_table({"allow write /", "limit read /d", "limit none /gone/deep"});
  auto chosen = [&](const Delta &delta) {
    ApplyRequest request = delta.request(table);
    for (const char *pattern :
         {"/d", "/gone", "/moved/sub", "/new/deep", "/to-file", "/linked", "/emptied", "/chmod"}) {
      request.paths.push_back(*PathGlob::parse(pattern));
    }
    return request;
  };
  Delta whole;
  DELTA_TEST_NEEDS(whole);
  make_everything(whole);
  (void)applied(chosen(whole));
  // Directories that the delta shows nothing of have the time of the run.
  Snapshot expected = snapshot(whole.base(), Detail::settling);
  bool finished = false;
  for (int k = 1; !finished; k += 2) {
    Delta delta;
    make_everything(delta);
    Snapshot view = delta.merged();
    Snapshot settling = delta.merged(Detail::settling);
    finished = run_and_die_at(chosen(delta), k);
    ASSERT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "after a kill at " << k;
    (void)applied(chosen(delta));
    ASSERT_EQ(differences(expected, snapshot(delta.base(), Detail::settling)), "") << "at " << k;
    ASSERT_EQ(differences(settling, delta.merged(Detail::settling)), "") << "at " << k;
  }
}

TEST(Apply, KilledWhileItGivesUpTheDeltas) {
  Delta whole;
  DELTA_TEST_NEEDS(whole);
  make_conflicts(whole);
  ApplyRequest request = whole.request(everything());
  request.side = Side::theirs;
  (void)applied(request);
  auto content = [](const Delta &delta) {
    std::string text;
    for (const auto &entry : fs::recursive_directory_iterator(delta.base())) {
      if (entry.is_regular_file())
        text += entry.path().filename().string() + "=" + read_file(entry.path()) + "\n";
    }
    return text.size();
  };
  bool finished = false;
  for (int k = 1; !finished; k += 2) {
    Delta delta;
    make_conflicts(delta);
    request = delta.request(everything());
    request.side = Side::theirs;
    finished = run_and_die_at(request, k);
    (void)applied(request);
    ASSERT_EQ(content(whole), content(delta)) << "at " << k;
    ASSERT_EQ(read_file(delta.base() + "/fine"), "ours");
    ASSERT_FALSE(fs::exists(delta.base() + "/dir/old"));
    ASSERT_THAT(delta.left_in_upper(), IsEmpty()) << "at " << k;
    ASSERT_EQ(differences(delta.merged(), snapshot(delta.base())), "") << "at " << k;
  }
}

// A kill, a view that writes to the delta although it should not be let to, and then the rest of the apply.
TEST(Apply, WhatTheDeltaGotSinceAKillIsNotLost) {
  for (int k = 2; k < 60; ++k) {
    Delta delta;
    DELTA_TEST_NEEDS(delta);
    delta.make({{"changed", file("1")}, {"gone", file("1")}},
               {{"changed", file("2")}, {"gone", whiteout()}, {"new", file("2")}});
    if (run_and_die_at(delta.request(everything()), k)) break;
    auto journal = read_journal(delta.store().meta.get());
    ASSERT_TRUE(journal.ok());
    if (!*journal || (*journal)->base_done) continue;
    fs::remove(delta.upper() + "/gone");
    for (const char *name : {"/changed", "/gone", "/new"}) write_file(delta.upper() + name, "after the kill");
    (void)apply(delta.request(everything()));
    for (const char *name : {"/changed", "/gone", "/new"}) {
      // Applied too, or in conflict with what the killed one wrote.
      EXPECT_TRUE(read_file(delta.upper() + name) == "after the kill" ||
                  read_file(delta.base() + name) == "after the kill")
          << name << " at " << k;
    }
  }
}

// The base's file is there again where the delta shows a file again: it was not to be removed after all.
TEST(Apply, AWhiteoutThatWentSinceAKillRemovesNothing) {
  Delta delta;
  DELTA_TEST_NEEDS(delta);
  delta.make({{"gone", file("1")}}, {{"gone", whiteout()}});
  ASSERT_FALSE(run_and_die_at(delta.request(everything()), 1));
  ASSERT_TRUE(has_journal(delta.store().meta.get()));
  fs::remove(delta.upper() + "/gone");
  ApplyReport report = applied(delta.request(everything()));
  EXPECT_TRUE(report.resumed);
  EXPECT_THAT(fates(report), ElementsAre("missed gone: the delta was changed there after it was planned"));
  EXPECT_EQ(read_file(delta.base() + "/gone"), "1");
}

class HostileJournal : public ::testing::Test {
 protected:
  void SetUp() override {
    DELTA_TEST_NEEDS(delta_);
    delta_.make({{"a", file("a")}}, {{"a", file("b")}, {"n", file("n")}});
    write_file(delta_.layers().path() + "/outside", "outside");
  }
  std::string error_of(const table::Table &table = everything()) {
    Snapshot base = snapshot(delta_.base());
    Snapshot upper = snapshot(delta_.upper());
    auto report = apply(delta_.request(table));
    EXPECT_EQ(differences(base, snapshot(delta_.base())), "");
    EXPECT_EQ(differences(upper, snapshot(delta_.upper())), "");
    return report.ok() ? "it was accepted" : report.status().message();
  }
  std::string name() const { return delta_.meta() + "/journal"; }
  void put(const std::string &text) const {
    write_file(name(), text);
    fs::permissions(name(), fs::perms(0600));
  }
  Delta delta_;
};

TEST_F(HostileJournal, IsRefused) {
  Journal journal;
  journal.token = "0123456789abcdef";
  journal.steps.push_back({StepKind::put, "n", "", std::nullopt, FileMark{1, 0100644, 1, {}}});
  const std::string good = encode(journal);
  for (size_t size = 0; size < good.size(); ++size) {
    put(good.substr(0, size));
    ASSERT_THAT(error_of(), HasSubstr("meta/journal")) << size;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_FALSE(decode_journal(bad).ok()) << at;
  }
  EXPECT_TRUE(decode_journal(good).ok());
  for (const char *path : {"../outside", "/outside", "a/../../outside", "a//b", "a/"}) {
    Journal out = journal;
    out.steps[0].path = path;
    put(encode(out));
    EXPECT_THAT(error_of(), HasSubstr("cannot be read")) << path;
  }
  put(good);
  fs::permissions(name(), fs::perms(0622));
  EXPECT_THAT(error_of(), HasSubstr("others than its owner may write it"));
  fs::remove(name());
  fs::create_symlink(delta_.layers().path() + "/outside", name());
  EXPECT_THAT(error_of(), HasSubstr("it is no file"));
  fs::remove(name());
  fs::create_directory(name());
  EXPECT_THAT(error_of(), HasSubstr("it is no file"));
}

TEST_F(HostileJournal, WritesNothingThatThePolicyForbids) {
  Journal journal;
  journal.token = "0123456789abcdef";
  struct stat info {};
  ASSERT_EQ(lstat((delta_.upper() + "/n").c_str(), &info), 0);
  journal.steps.push_back({StepKind::put, "n", "", std::nullopt, mark_of(info)});
  put(encode(journal));
  EXPECT_THAT(error_of(agentfense::testing::rules_to_table({"allow write /", "limit read /n"})),
              HasSubstr("would write n, which the policy does not"));
}

}  // namespace
}  // namespace agentfense::delta
