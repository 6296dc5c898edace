#include "mounthelper/delta/changes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "mounthelper/delta/format.h"
#include "tests/delta/trees.h"

namespace agentfense::delta {
namespace {

using delta_test::dir;
using delta_test::fifo;
using delta_test::file;
using delta_test::Layers;
using delta_test::link_to;
using delta_test::Node;
using delta_test::opaque_dir;
using delta_test::Tree;
using delta_test::whiteout;
using testing::ElementsAre;

// One line a change: letter, path, where it came from; + content, @ attributes.
std::string line_of(ChangeKind kind, const std::string &path, const std::string &from, bool content,
                    bool attributes) {
  std::string line(1, "ACMRD"[static_cast<int>(kind)]);
  line += " " + (path.empty() ? "." : path);
  if (kind == ChangeKind::renamed) line += " <- " + from;
  if (content) line += " +";
  if (attributes) line += " @";
  return line;
}

std::vector<std::string> lines_of(const std::vector<Change> &changes) {
  std::vector<std::string> lines;
  for (const Change &change : changes) {
    lines.push_back(
        line_of(change.kind, change.path, change.from, change.content_differs, change.attributes_differ));
    EXPECT_EQ(change.after.has_value(), change.kind != ChangeKind::deleted) << change.path;
    EXPECT_TRUE(change.before || change.kind == ChangeKind::added) << change.path;
  }
  return lines;
}

std::vector<std::string> changes_of(const Layers &layers) {
  sys::Result<std::vector<Change>> changes = list_changes(layers.store(), layers.base());
  EXPECT_TRUE(changes.ok()) << changes.status().message();
  return changes.ok() ? lines_of(*changes) : std::vector<std::string>();
}

std::vector<std::string> changes_of(const Tree &base, const Tree &upper) {
  Layers layers;
  layers.make_base(base);
  layers.make_upper(upper);
  return changes_of(layers);
}

TEST(Changes, EachRowOfTheFormat) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  EXPECT_THAT(changes_of({{"f", file("x")}}, {}), ElementsAre());
  EXPECT_THAT(changes_of({{"f", file("x")}}, {{"f", whiteout()}}), ElementsAre("D f"));
  EXPECT_THAT(changes_of({}, {{"f", whiteout()}}), ElementsAre());
  EXPECT_THAT(changes_of({{"f", file("x")}}, {{"f", file("y")}}), ElementsAre("C f +"));
  EXPECT_THAT(changes_of({{"f", file("x")}}, {{"f", file("x", 0755)}}), ElementsAre("M f @"));
  EXPECT_THAT(changes_of({{"f", file("x")}}, {{"f", file("xx", 0755)}}), ElementsAre("C f + @"));
  EXPECT_THAT(changes_of({{"f", file("x")}}, {{"f", file("x")}}), ElementsAre());
  EXPECT_THAT(changes_of({}, {{"d", opaque_dir()}, {"d/f", file("x")}}), ElementsAre("A d", "A d/f"));
  EXPECT_THAT(changes_of({{"d", dir()}, {"d/f", file("x")}}, {{"d", dir()}, {"d/g", file("x")}}),
              ElementsAre("A d/g"));
  EXPECT_THAT(changes_of({{"d", dir()}, {"d/f", file("x")}}, {{"d", opaque_dir()}, {"d/g", file("x")}}),
              ElementsAre("D d/f", "A d/g"));
  EXPECT_THAT(changes_of({{"d", dir()}, {"d/f", file("x")}}, {{"d", dir(0700)}}), ElementsAre("M d @"));
}

TEST(Changes, TypesThatReplaceEachOther) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  EXPECT_THAT(changes_of({{"d", dir()}, {"d/e", dir()}, {"d/e/f", file("x")}}, {{"d", file("x")}}),
              ElementsAre("A d", "D d/e", "D d/e/f"));
  EXPECT_THAT(changes_of({{"d", file("x")}}, {{"d", dir()}, {"d/f", file("x")}}),
              ElementsAre("A d", "A d/f"));
  EXPECT_THAT(changes_of({{"d", dir()}, {"d/f", file("x")}}, {{"d", whiteout()}}),
              ElementsAre("D d", "D d/f"));
  EXPECT_THAT(changes_of({{"l", link_to("x")}}, {{"l", file("x")}}), ElementsAre("A l"));
  EXPECT_THAT(changes_of({{"l", link_to("x")}}, {{"l", link_to("y")}}), ElementsAre("C l +"));
  EXPECT_THAT(changes_of({{"p", fifo()}}, {{"p", fifo(0600)}}), ElementsAre("M p @"));
}

TEST(Changes, BelowWhatIsTheUppersAloneTheBaseIsNotLookedAt) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  // e is not marked, but the directory around it is.
  EXPECT_THAT(
      changes_of({{"d", dir()}, {"d/e", dir()}, {"d/e/f", file("x")}}, {{"d", opaque_dir()}, {"d/e", dir()}}),
      ElementsAre("D d/e/f"));
}

TEST(Changes, DevicesOfTheBaseThatAreWhiteoutsShowNothing) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  EXPECT_THAT(changes_of({{"w", whiteout()}}, {{"w", file("x")}}), ElementsAre("A w"));
  EXPECT_THAT(changes_of({{"w", whiteout()}}, {{"w", whiteout()}}), ElementsAre());
  EXPECT_THAT(changes_of({{"d", dir()}, {"d/w", whiteout()}}, {{"d", whiteout()}}), ElementsAre("D d"));
}

TEST(Changes, InTheOrderOfComponents) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  EXPECT_THAT(
      changes_of(
          {},
          {{"a", opaque_dir()}, {"a/x", file("")}, {"a-b", file("")}, {"a.b", file("")}, {"\xff", file("")}}),
      ElementsAre("A a", "A a/x", "A a-b", "A a.b", "A \xff"));
}

TEST(Changes, AttributesCountUnderTheirOwnNames) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  Node plain = file("x");
  Node marked = file("x");
  marked.attributes = {{"user.overlay.agentfense.origin", "7"}};
  EXPECT_THAT(changes_of({{"f", plain}}, {{"f", marked}}), ElementsAre());
  Node noted = file("x");
  noted.attributes = {{"user.note", "1"}};
  EXPECT_THAT(changes_of({{"f", plain}}, {{"f", noted}}), ElementsAre("M f @"));
  EXPECT_THAT(changes_of({{"f", noted}}, {{"f", plain}}), ElementsAre("M f @"));
  EXPECT_THAT(changes_of({{"f", noted}}, {{"f", noted}}), ElementsAre());
  Node base_overlay = file("x");
  base_overlay.attributes = {{"user.overlay.mine", "1"}};
  Node escaped = file("x");
  escaped.attributes = {{"user.overlay.overlay.mine", "1"}};
  EXPECT_THAT(changes_of({{"f", base_overlay}}, {{"f", escaped}}), ElementsAre());
  EXPECT_THAT(changes_of({{"f", base_overlay}}, {{"f", base_overlay}}), ElementsAre("M f @"));
}

TEST(Changes, TheRoot) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  EXPECT_THAT(changes_of(layers), ElementsAre());
  ASSERT_EQ(chmod((layers.path() + "/delta/upper").c_str(), 0700), 0);
  EXPECT_THAT(changes_of(layers), ElementsAre("M . @"));
}

TEST(Changes, ContentIsComparedToTheLastByte) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  std::string big(300000, 'x');
  std::string other = big;
  other.back() = 'y';
  EXPECT_THAT(changes_of({{"f", file(big)}}, {{"f", file(big)}}), ElementsAre());
  EXPECT_THAT(changes_of({{"f", file(big)}}, {{"f", file(other)}}), ElementsAre("C f +"));
  // Far behind a hole that one side, or both, have.
  Layers layers;
  layers.make_base({{"f", file("x")}, {"g", file("x")}});
  layers.make_upper({{"f", file("x")}, {"g", file("x")}});
  for (const char *path : {"/base/f", "/base/g", "/delta/upper/f", "/delta/upper/g"}) {
    ASSERT_EQ(truncate((layers.path() + path).c_str(), off_t{1} << 40), 0);
  }
  sys::Fd far(open((layers.path() + "/delta/upper/g").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(pwrite(far.get(), "y", 1, (off_t{1} << 40) - 7), 1);
  EXPECT_THAT(changes_of(layers), ElementsAre("C g +"));
}

// Writes a log that has each path of the base.
void log_all(const Layers &layers, const Tree &base) {
  Origins origins;
  for (const auto &[path, node] : base) origins[path].ino = layers.base_inode(path);
  ASSERT_TRUE(write_origins(layers.store().meta.get(), origins).ok());
}

TEST(Renames, AFileThatMoved) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  Tree base{{"f", file("x")}, {"g", file("y")}, {"h", file("h")}};
  layers.make_base(base);
  layers.make_upper(
      {{"f", whiteout()}, {"f2", file("x")}, {"g", whiteout()}, {"g2", file("z", 0755)}, {"h2", file("h")}});
  log_all(layers, base);
  layers.note_origin("f2", layers.base_inode("f"));
  layers.note_origin("g2", layers.base_inode("g"));
  layers.note_origin("h2", layers.base_inode("h"));  // h is still there
  EXPECT_THAT(changes_of(layers), ElementsAre("R f2 <- f", "R g2 <- g + @", "A h2"));
}

TEST(Renames, OverAnotherBaseFileIsAChangeAndADeletion) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  Tree base{{"f", file("x")}, {"g", file("y")}};
  layers.make_base(base);
  layers.make_upper({{"f", whiteout()}, {"g", file("x")}});
  log_all(layers, base);
  layers.note_origin("g", layers.base_inode("f"));
  EXPECT_THAT(changes_of(layers), ElementsAre("D f", "C g +"));
}

TEST(Renames, OnePlaceIsTakenOnce) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  Tree base{{"f", file("x")}};
  layers.make_base(base);
  layers.make_upper({{"f", whiteout()}, {"g", file("x")}, {"h", file("x")}});
  log_all(layers, base);
  layers.note_origin("g", layers.base_inode("f"));
  layers.note_origin("h", layers.base_inode("f"));
  EXPECT_THAT(changes_of(layers), ElementsAre("R g <- f", "A h"));
}

TEST(Renames, ADirectoryWithWhatIsInIt) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  Tree base{{"d", dir()},
            {"d/e", dir()},
            {"d/e/f", file("x")},
            {"d/e/gone", file("x")},
            {"d/e/edited", file("x")},
            {"d/e/here", file("x")},
            {"d/l", link_to("t")},
            {"d/m", link_to("t")}};
  layers.make_base(base);
  layers.make_upper({{"d", whiteout()},
                     {"n", opaque_dir()},
                     {"n/e", opaque_dir()},
                     {"n/e/f", file("x")},
                     {"n/e/new", file("x")},
                     {"n/e/edited", file("y")},
                     {"n/e/here", file("by another")},
                     {"there", file("x")},
                     {"n/l", link_to("t")},
                     {"n/m", link_to("u")}});
  log_all(layers, base);
  layers.note_origin("n", layers.base_inode("d"));
  layers.note_origin("n/e", layers.base_inode("d/e"));
  layers.note_origin("n/e/f", layers.base_inode("d/e/f"));
  layers.note_origin("there", layers.base_inode("d/e/here"));
  EXPECT_THAT(changes_of(layers),
              ElementsAre("D d/e/gone", "D d/m", "R n <- d", "R n/e <- d/e", "R n/e/edited <- d/e/edited +",
                          "R n/e/f <- d/e/f", "A n/e/here", "A n/e/new", "R n/l <- d/l", "A n/m",
                          "R there <- d/e/here"));
}

TEST(Renames, WithoutALogThereAreNone) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  layers.make_base({{"f", file("x")}});
  layers.make_upper({{"f", whiteout()}, {"g", file("x")}});
  layers.note_origin("g", layers.base_inode("f"));
  EXPECT_THAT(changes_of(layers), ElementsAre("D f", "A g"));
}

TEST(Changes, DeepTreesNeedFewDescriptors) {
  Layers layers;
  DELTA_TEST_NEEDS(layers);
  constexpr int kDepth = 3000;
  // Two names at each level, so that the walk comes back to each: e is visited after the whole of d.
  sys::Fd upper(dup(layers.store().upper.get()));
  sys::Fd base(dup(layers.base()));
  for (int i = 0; i < kDepth; ++i) {
    for (sys::Fd *at : {&upper, &base}) {
      ASSERT_EQ(mkdirat(at->get(), "d", 0755), 0);
      if (at == &upper) {
        ASSERT_EQ(mkdirat(at->get(), "e", 0755), 0);
      }
      at->reset(openat(at->get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
  }
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few{128, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  sys::Result<std::vector<Change>> changes = list_changes(layers.store(), layers.base());
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(changes.ok()) << changes.status().message();
  EXPECT_EQ(changes->size(), static_cast<size_t>(kDepth));
}

// --- Random layers against a naive reference: both trees as maps, merged by the table of FORMAT.md path by path.

std::vector<std::string> prefixes_of(const std::string &path) {
  std::vector<std::string> prefixes;
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    prefixes.push_back(path.substr(0, at));
  }
  return prefixes;
}

std::optional<Node> at(const Tree &tree, const std::string &path) {
  auto node = tree.find(path);
  return node == tree.end() ? std::nullopt : std::optional(node->second);
}

std::optional<Node> visible(std::optional<Node> node) {
  return node && node->type != Node::whiteout ? node : std::nullopt;
}

std::optional<Node> shown_at(const Tree &base, const Tree &upper, const std::string &path) {
  if (std::optional<Node> node = at(upper, path)) return visible(node);
  for (const std::string &prefix : prefixes_of(path)) {
    std::optional<Node> above = at(upper, prefix);
    if (!above) continue;
    std::optional<Node> below = at(base, prefix);
    bool merged = above->type == Node::directory && !above->opaque && below && below->type == Node::directory;
    if (!merged) return std::nullopt;
  }
  return visible(at(base, path));
}

bool by_components(const std::string &a, const std::string &b) {
  auto key = [](std::string path) {
    std::replace(path.begin(), path.end(), '/', '\0');
    return path;
  };
  return key(a) < key(b);
}

struct Expected {
  ChangeKind kind;
  std::string path;
  std::string from;
  bool content = false;
  bool attributes = false;
  std::optional<Node> before;
  std::optional<Node> after;
};

std::vector<Expected> compare_maps(const Tree &base, const Tree &upper) {
  std::set<std::string> paths;
  for (const Tree *tree : {&base, &upper}) {
    for (const auto &[path, node] : *tree) paths.insert(path);
  }
  std::vector<Expected> result;
  for (const std::string &path : paths) {
    std::optional<Node> before = visible(at(base, path));
    std::optional<Node> after = shown_at(base, upper, path);
    if (!before && !after) continue;
    if (!after) {
      result.push_back({ChangeKind::deleted, path, "", false, false, before, after});
    } else if (!before || before->type != after->type) {
      result.push_back({ChangeKind::added, path, "", false, false, before, after});
    } else {
      bool content = before->content != after->content;
      bool attributes = before->mode != after->mode;
      if (!content && !attributes) continue;
      result.push_back({content ? ChangeKind::changed : ChangeKind::metadata, path, "", content, attributes,
                        before, after});
    }
  }
  std::sort(result.begin(), result.end(),
            [](const Expected &a, const Expected &b) { return by_components(a.path, b.path); });
  return result;
}

// numbers: upper path -> the base path whose number it bears.
void join_moves(std::vector<Expected> &all, const std::map<std::string, std::string> &numbers) {
  std::map<std::string, std::string> directories;
  std::set<std::string> taken;
  auto find = [&](const std::string &path, Node::Type type) {
    return std::find_if(all.begin(), all.end(), [&](const Expected &e) {
      return e.kind == ChangeKind::deleted && e.path == path && e.before->type == type &&
             taken.count(path) == 0;
    });
  };
  auto join = [&](Expected &added, std::vector<Expected>::iterator from) {
    if (from == all.end()) return;
    added.kind = ChangeKind::renamed;
    added.from = from->path;
    added.content = from->before->content != added.after->content;
    added.attributes = from->before->mode != added.after->mode;
    taken.insert(from->path);
    if (added.after->type == Node::directory) directories[added.path] = from->path;
  };
  auto is_new = [](const Expected &e) { return e.kind == ChangeKind::added && !e.before; };
  for (Expected &added : all) {
    auto number = numbers.find(added.path);
    if (is_new(added) && number != numbers.end()) join(added, find(number->second, added.after->type));
  }
  for (Expected &added : all) {
    size_t slash = added.path.rfind('/');
    if (!is_new(added) || slash == std::string::npos || added.after->type == Node::directory) continue;
    auto parent = directories.find(added.path.substr(0, slash));
    if (parent == directories.end()) continue;
    auto from = find(parent->second + added.path.substr(slash), added.after->type);
    if (from == all.end()) continue;
    bool fits = added.after->type == Node::file || from->before->content == added.after->content;
    if (fits) join(added, from);
  }
  std::erase_if(all,
                [&](const Expected &e) { return e.kind == ChangeKind::deleted && taken.count(e.path) != 0; });
}

class RandomTrees {
 public:
  explicit RandomTrees(unsigned seed) : random_(seed) {}

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  Node node(bool upper) {
    switch (below(10)) {
      case 0:
        return link_to(below(2) != 0 ? "x" : "y");
      case 1:
        return fifo(below(2) != 0 ? 0644 : 0600);
      case 2:
        return whiteout();
      case 3:
        return upper ? whiteout() : file("");
      case 4:
      case 5:
      case 6:
        return file(below(2) != 0 ? "x" : "y", below(3) != 0 ? 0644 : 0755);
      default:
        return {Node::directory, "", below(4) != 0 ? 0755U : 0700U, upper && below(3) == 0, {}};
    }
  }

  Tree tree(bool upper) {
    Tree tree;
    std::vector<std::string> folders{""};
    for (size_t left = 2 + below(14); left > 0; --left) {
      std::string path = folders[below(folders.size())] + "abc"[below(3)];
      if (tree.count(path) != 0) continue;
      Node made = node(upper);
      if (made.type == Node::directory && path.size() < 7) folders.push_back(path + "/");
      tree[path] = made;
    }
    return tree;
  }

 private:
  std::mt19937 random_;
};

std::vector<std::string> lines_of(const std::vector<Expected> &expected) {
  std::vector<std::string> lines;
  for (const Expected &e : expected)
    lines.push_back(line_of(e.kind, e.path, e.from, e.content, e.attributes));
  return lines;
}

std::string dump(const Tree &tree) {
  std::string text;
  for (const auto &[path, node] : tree) {
    text += path + " " + "dflpw"[node.type] + (node.opaque ? "o" : "") + " " + node.content + "\n";
  }
  return text;
}

TEST(Changes, RandomLayersAgainstMaps) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  for (unsigned seed = 0; seed < 1500; ++seed) {
    RandomTrees random(seed);
    Tree base = random.tree(false);
    Tree upper = random.tree(true);
    ASSERT_EQ(changes_of(base, upper), lines_of(compare_maps(base, upper))) << "seed " << seed << "\nbase\n"
                                                                            << dump(base) << "upper\n"
                                                                            << dump(upper);
  }
}

TEST(Renames, RandomLayersAgainstMaps) {
  Layers machine;
  DELTA_TEST_NEEDS(machine);
  int moves = 0;
  for (unsigned seed = 0; seed < 1500; ++seed) {
    RandomTrees random(seed);
    Tree base = random.tree(false);
    Tree upper = random.tree(true);
    Layers layers;
    layers.make_base(base);
    layers.make_upper(upper);
    log_all(layers, base);
    std::map<std::string, std::string> numbers;
    std::vector<std::string> bases;
    for (const auto &[path, node] : base) bases.push_back(path);
    for (const auto &[path, node] : upper) {
      if (node.type != Node::file && node.type != Node::directory) continue;
      // Most often that of a file which is gone, else there were few moves.
      numbers[path] = bases[random.below(bases.size())];
      for (int draws = 0; draws < 5 && shown_at(base, upper, numbers[path]); ++draws) {
        numbers[path] = bases[random.below(bases.size())];
      }
      layers.note_origin(path, layers.base_inode(numbers[path]));
    }
    std::vector<Expected> expected = compare_maps(base, upper);
    join_moves(expected, numbers);
    moves += static_cast<int>(std::count_if(expected.begin(), expected.end(),
                                            [](const Expected &e) { return e.kind == ChangeKind::renamed; }));
    ASSERT_EQ(changes_of(layers), lines_of(expected)) << "seed " << seed << "\nbase\n"
                                                      << dump(base) << "upper\n"
                                                      << dump(upper);
  }
  EXPECT_GT(moves, 150);
}

}  // namespace
}  // namespace agentfense::delta
