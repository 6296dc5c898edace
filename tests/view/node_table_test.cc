#include "mounthelper/view/node_table.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <random>

namespace agentfense::view {
namespace {

using table::Level;

BaseFile directory(uint64_t ino) { return {1, ino, S_IFDIR}; }
BaseFile file(uint64_t ino) { return {1, ino, S_IFREG}; }
Standing at(Level level, table::StateId state = 0) { return {state, level}; }

class NodeTableTest : public ::testing::Test {
 protected:
  NodeTable nodes_{directory(2), at(Level::write)};
  std::vector<NodeId> gone_;
};

TEST_F(NodeTableTest, RootIsOneAndStays) {
  ASSERT_TRUE(nodes_.view(kRootNode));
  nodes_.forget(kRootNode, 100, gone_);
  EXPECT_TRUE(nodes_.view(kRootNode));
  EXPECT_TRUE(gone_.empty());
}

TEST_F(NodeTableTest, LivesAsLongAsTheKernelRemembers) {
  NodeId a = nodes_.remember(kRootNode, "a", file(10), at(Level::read, 5));
  EXPECT_EQ(nodes_.remember(kRootNode, "a", file(10), at(Level::read, 5)), a);
  EXPECT_EQ(nodes_.view(a)->standing.state, 5u);
  nodes_.forget(a, 1, gone_);
  EXPECT_TRUE(nodes_.view(a));
  nodes_.forget(a, 1, gone_);
  EXPECT_FALSE(nodes_.view(a));
  EXPECT_EQ(gone_, std::vector<NodeId>{a});
  NodeId again = nodes_.remember(kRootNode, "a", file(10), at(Level::read));
  EXPECT_NE(again, a) << "an old number must not come to mean something else";
  EXPECT_FALSE(nodes_.view(a));
}

TEST_F(NodeTableTest, DirectoryOutlivesItsReferencesWhileNamesBelowAreKnown) {
  NodeId d = nodes_.remember(kRootNode, "d", directory(10), at(Level::write));
  NodeId e = nodes_.remember(d, "e", directory(11), at(Level::write));
  NodeId f = nodes_.remember(e, "f", file(12), at(Level::write));
  nodes_.forget(d, 1, gone_);
  nodes_.forget(e, 1, gone_);
  EXPECT_TRUE(gone_.empty());
  EXPECT_EQ(nodes_.name(e, 0)->parent, d);
  nodes_.forget(f, 1, gone_);
  EXPECT_EQ(gone_, (std::vector<NodeId>{f, e, d}));
  EXPECT_EQ(nodes_.size(), 1u);
}

TEST_F(NodeTableTest, HardLinksOfOneLevelShareANode) {
  NodeId a = nodes_.remember(kRootNode, "a", file(10), at(Level::read));
  EXPECT_EQ(nodes_.remember(kRootNode, "b", file(10), at(Level::read)), a);
  NodeId c = nodes_.remember(kRootNode, "c", file(10), at(Level::write));
  EXPECT_NE(c, a);
  EXPECT_EQ(nodes_.siblings(a), std::vector<NodeId>{c});
  EXPECT_EQ(nodes_.siblings(c), std::vector<NodeId>{a});
  EXPECT_EQ(nodes_.view(a)->names, 2u);
  nodes_.drop_name(kRootNode, "b", gone_);
  EXPECT_EQ(nodes_.name(a, 0)->name, "a");
  EXPECT_FALSE(nodes_.name(a, 1));
}

TEST_F(NodeTableTest, TwoLinksInOneForgottenDirectoryGoTogether) {
  NodeId d = nodes_.remember(kRootNode, "d", directory(10), at(Level::write));
  NodeId a = nodes_.remember(d, "a", file(11), at(Level::write));
  nodes_.remember(d, "b", file(11), at(Level::write));
  nodes_.forget(d, 1, gone_);
  nodes_.forget(a, 2, gone_);
  EXPECT_EQ(gone_.size(), 2u);
  EXPECT_EQ(nodes_.size(), 1u);
}

TEST_F(NodeTableTest, AnotherFileAtTheNameIsAnotherNode) {
  NodeId a = nodes_.remember(kRootNode, "a", directory(10), at(Level::write));
  NodeId b = nodes_.remember(kRootNode, "a", directory(11), at(Level::write));
  EXPECT_NE(a, b);
  EXPECT_FALSE(nodes_.name(a, 0)) << "the former directory has no path any more";
  EXPECT_EQ(*nodes_.find(kRootNode, "a"), b);
  NodeId c = nodes_.remember(kRootNode, "a", {1, 11, S_IFREG}, at(Level::write));
  EXPECT_NE(c, b) << "same number, another type";
}

TEST_F(NodeTableTest, RenameMovesTheNodeWithAllBelow) {
  NodeId d = nodes_.remember(kRootNode, "d", directory(10), at(Level::write, 1));
  NodeId f = nodes_.remember(d, "f", file(11), at(Level::write));
  NodeId other = nodes_.remember(kRootNode, "e", directory(12), at(Level::write));
  nodes_.rename(kRootNode, "d", kRootNode, "e", at(Level::write, 2), gone_);
  EXPECT_EQ(*nodes_.find(kRootNode, "e"), d);
  EXPECT_FALSE(nodes_.find(kRootNode, "d"));
  EXPECT_EQ(*nodes_.find(d, "f"), f);
  EXPECT_EQ(nodes_.view(d)->standing.state, 2u);
  EXPECT_FALSE(nodes_.name(other, 0));
}

TEST_F(NodeTableTest, ExchangeSwapsWhatBothNamesMean) {
  NodeId d = nodes_.remember(kRootNode, "d", directory(10), at(Level::write, 1));
  NodeId a = nodes_.remember(d, "a", file(11), at(Level::write));
  NodeId b = nodes_.remember(kRootNode, "b", file(12), at(Level::write));
  nodes_.exchange(d, "a", at(Level::write, 7), kRootNode, "b", at(Level::write, 8), gone_);
  EXPECT_EQ(*nodes_.find(d, "a"), b);
  EXPECT_EQ(*nodes_.find(kRootNode, "b"), a);
  EXPECT_EQ(nodes_.view(b)->standing.state, 7u);
  EXPECT_EQ(nodes_.view(a)->standing.state, 8u);
  EXPECT_TRUE(gone_.empty());
}

// Against a plain map, through growth of both hash tables.
TEST_F(NodeTableTest, ManyNamesAgreeWithAMap) {
  std::mt19937 random(1);
  std::map<std::string, NodeId> expected;
  std::map<NodeId, uint64_t> references;
  for (int round = 0; round < 20000; ++round) {
    std::string name = std::to_string(random() % 3000);
    switch (random() % 4) {
      case 0:
      case 1: {
        NodeId id = nodes_.remember(kRootNode, name, file(100 + random() % 2000), at(Level::read));
        expected[name] = id;
        ++references[id];
        break;
      }
      case 2:
        nodes_.drop_name(kRootNode, name, gone_);
        expected.erase(name);
        break;
      case 3:
        if (expected.count(name) != 0) {
          NodeId id = expected[name];
          nodes_.forget(id, references[id], gone_);
          references.erase(id);
          std::erase_if(expected, [&](const auto &entry) { return entry.second == id; });
        }
        break;
    }
    auto found = nodes_.find(kRootNode, name);
    EXPECT_EQ(found.has_value(), expected.count(name) != 0);
    if (found && expected.count(name) != 0) {
      EXPECT_EQ(*found, expected[name]);
    }
  }
  for (const auto &[id, count] : references) {
    ASSERT_TRUE(nodes_.view(id));
    nodes_.forget(id, count, gone_);
  }
  EXPECT_EQ(nodes_.size(), 1u);
}

}  // namespace
}  // namespace agentfense::view
