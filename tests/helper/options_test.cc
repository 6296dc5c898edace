#include "mounthelper/mount/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "mounthelper/mount/size.h"

namespace agentfense::mount {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

MountOptions parsed(const std::string &text, bool sloppy = false) {
  auto result = parse_mount_options(text, sloppy);
  if (auto *error = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *error;
    return {};
  }
  return std::get<MountOptions>(result);
}

std::string error_of(const std::string &text) {
  auto result = parse_mount_options(text, false);
  auto *error = std::get_if<std::string>(&result);
  return error != nullptr ? *error : "it was accepted";
}

TEST(MountOptions, Defaults) {
  MountOptions o = parsed("table=/t.aft");
  EXPECT_EQ(o.table, "/t.aft");
  EXPECT_FALSE(o.read_only);
  EXPECT_FALSE(o.allow_other);
  EXPECT_EQ(o.coherence, Coherence::live);
  EXPECT_EQ(o.opens, Opens::asked);
  EXPECT_EQ(o.flags, 0U);
}

TEST(MountOptions, OpensFollowCoherenceUnlessSaid) {
  EXPECT_EQ(parsed("preset=p,coherence=snapshot").opens, Opens::cached);
  EXPECT_EQ(parsed("preset=p,open=asked,coherence=snapshot").opens, Opens::asked);
  EXPECT_EQ(parsed("preset=p,open=cached").opens, Opens::cached);
  EXPECT_EQ(parsed("preset=p,coherence=live").opens, Opens::asked);
}

TEST(MountOptions, TheLastOfOppositesWins) {
  EXPECT_TRUE(parsed("table=t,rw,ro").read_only);
  EXPECT_FALSE(parsed("table=t,ro,rw").read_only);
  EXPECT_EQ(parsed("table=t,noexec,exec").flags, 0U);
  EXPECT_EQ(parsed("table=t,noatime,strictatime").flags, static_cast<unsigned long>(MS_STRICTATIME));
}

TEST(MountOptions, FlagsOfMount2) {
  EXPECT_EQ(parsed("table=t,noexec,noatime,nodiratime,sync,dirsync").flags,
            static_cast<unsigned long>(MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_SYNCHRONOUS | MS_DIRSYNC));
}

TEST(MountOptions, WhatFstabAndSystemdSay) {
  MountOptions o = parsed(
      "rw,user=joe,noauto,nofail,_netdev,x-systemd.automount,x-systemd.idle-timeout=60,comment=a b,"
      "nosuid,nodev,uid=1000,table=t");
  EXPECT_EQ(o.table, "t");
  EXPECT_THAT(o.ignored,
              ElementsAre("user=joe", "noauto", "nofail", "_netdev", "x-systemd.automount",
                          "x-systemd.idle-timeout=60", "comment=a b", "nosuid", "nodev", "uid=1000"));
}

TEST(MountOptions, QuotesHoldCommas) { EXPECT_EQ(parsed("ro,table=\"/a,b.aft\"").table, "/a,b.aft"); }

TEST(MountOptions, Refused) {
  EXPECT_THAT(error_of("table=t,suid"), HasSubstr("option suid is refused"));
  EXPECT_THAT(error_of("table=t,dev"), HasSubstr("option dev is refused"));
  EXPECT_THAT(error_of("table=t,remount"), HasSubstr("unmount it and mount it anew"));
  EXPECT_THAT(error_of("table=t,coherence=lazy"), HasSubstr("write coherence=live or =snapshot"));
  EXPECT_THAT(error_of("table=t,open="), HasSubstr("write open=asked or =cached"));
  EXPECT_THAT(error_of("ro"), HasSubstr("no table was given"));
  EXPECT_THAT(error_of(""), HasSubstr("no table was given"));
  EXPECT_THAT(error_of("table="), HasSubstr("option table needs a value"));
  EXPECT_THAT(error_of("table=a,table=b"), HasSubstr("given twice"));
  EXPECT_THAT(error_of("table=a,preset=b"), HasSubstr("give one of them"));
}

TEST(MountOptions, Delta) {
  EXPECT_EQ(parsed("table=t").delta, "");
  MountOptions o = parsed("table=t,delta=\"/d,1\",delta-size=512M,ro");
  EXPECT_EQ(o.delta, "/d,1");
  EXPECT_EQ(o.delta_size, uint64_t{512} << 20);
  EXPECT_TRUE(o.read_only);
  EXPECT_THAT(error_of("table=t,delta="), HasSubstr("option delta needs a value"));
  EXPECT_THAT(error_of("table=t,delta"), HasSubstr("option delta needs a value"));
  EXPECT_THAT(error_of("table=t,delta=a,delta=b"), HasSubstr("given twice"));
  EXPECT_THAT(error_of("table=t,delta-size=1M"), HasSubstr("add delta=DIR"));
  EXPECT_THAT(error_of("table=t,delta=d,delta-size=much"), HasSubstr("option delta-size=much is not a size"));
}

TEST(MountOptions, Sizes) {
  EXPECT_EQ(parse_size("1"), 1U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("3K"), 3072U);
  EXPECT_EQ(parse_size("2G"), uint64_t{2} << 30);
  EXPECT_EQ(parse_size("1T"), uint64_t{1} << 40);
  EXPECT_EQ(parse_size("9223372036854775807"), uint64_t{INT64_MAX});
  for (const char *bad : {"", "0", "0K", "K", "-1", "+1", " 1", "1 ", "1k", "1KB", "1.5M", "0x10", "1M1",
                          "9223372036854775808", "9007199254740992K", "99999999999999999999"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(MountOptions, UnknownIsAnErrorThatNamesItUnlessSloppy) {
  EXPECT_THAT(error_of("table=t,bogus"), HasSubstr("unknown mount option bogus"));
  EXPECT_THAT(error_of("table=t,ro=1"), HasSubstr("unknown mount option ro=1"));
  EXPECT_THAT(parsed("table=t,bogus=1", true).ignored, ElementsAre("bogus=1"));
  EXPECT_THAT(error_of("table=t,remount"), HasSubstr("refused")) << "sloppy or not";
}

}  // namespace
}  // namespace agentfense::mount
