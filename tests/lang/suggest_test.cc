#include "lang/suggest.h"

#include <gtest/gtest.h>

namespace agentfense::lang {
namespace {

TEST(Closest, FindsWhatWasMeant) {
  EXPECT_EQ(closest("wirte", {"none", "view", "read", "write"}), "write");
  EXPECT_EQ(closest("alow", {"allow", "limit"}), "allow");
  EXPECT_EQ(closest("sorces", {"outputs", "sources"}), "sources");
}

TEST(Closest, PrefersTheNearest) { EXPECT_EQ(closest("reed", {"need", "read", "reeds"}), "need"); }

TEST(Closest, DoesNotGuess) {
  EXPECT_EQ(closest("banana", {"none", "view", "read", "write"}), "");
  EXPECT_EQ(closest("x", {"a"}), "");
  EXPECT_EQ(closest("", {"none"}), "");
  EXPECT_EQ(closest("x", {}), "");
}

}  // namespace
}  // namespace agentfense::lang
