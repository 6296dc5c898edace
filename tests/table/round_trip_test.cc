// Image -> bytes -> Table -> Image, and the walks of the Table against the dense meaning of the Image.
#include <gtest/gtest.h>

#include "compiler/table/encode.h"
#include "compiler/table/table.h"
#include "tests/table/sample_tables.h"

namespace agentfense::table {
namespace {

Table decoded(const Image &image) {
  auto result = decode(encode(image));
  if (const auto *error = std::get_if<DecodeError>(&result)) {
    ADD_FAILURE() << error->check << ": " << error->message;
    std::abort();
  }
  return std::get<Table>(std::move(result));
}

std::string random_name(std::mt19937 &random) {
  std::string name(1 + random() % 20, '\0');
  for (char &c : name) {
    do {
      c = static_cast<char>(random());
    } while (c == '\0' || c == '/');
  }
  return name;
}

void expect_same_walks(const Image &image, const Table &table, std::mt19937 &random) {
  for (uint32_t s = 0; s < table.state_count(); ++s) {
    for (uint32_t c = 0; c < table.class_count(); ++c) {
      ASSERT_EQ(table.step_class(s, c), dense_step(image, s, c).target) << "state " << s << " class " << c;
    }
    const std::string name = random_name(random);
    ASSERT_EQ(table.classify(name), dense_classify(image, name));
    ASSERT_EQ(table.step(s, name), dense_step(image, s, dense_classify(image, name)).target);
  }
}

TEST(RoundTrip, SampleComesBack) {
  const Image image = sample_image();
  EXPECT_EQ(canonical(image), image);
  const Table table = decoded(image);
  EXPECT_EQ(table.image(), image);
  std::mt19937 random(1);
  expect_same_walks(image, table, random);
}

TEST(RoundTrip, SampleSaysWhatThePolicySays) {
  const Table table = decoded(sample_image());
  EXPECT_EQ(table.classify("src"), 1u);
  EXPECT_EQ(table.classify("srcs"), 0u);
  EXPECT_EQ(table.classify("sr"), 0u);
  EXPECT_EQ(table.classify(".key"), 2u);
  EXPECT_EQ(table.classify("src.key.key"), 2u);
  EXPECT_EQ(table.classify(".keys"), 0u);

  const StateInfo root = table.info(table.root());
  EXPECT_EQ(root.level, Level::read);
  EXPECT_TRUE(root.visible_below);
  EXPECT_FALSE(root.uniform_below);
  EXPECT_TRUE(root.writable_child);
  const StateInfo key = table.info(table.step(table.root(), "a.key"));
  EXPECT_EQ(key.level, Level::none);
  EXPECT_FALSE(key.visible_below);
  EXPECT_TRUE(key.uniform_below);
  EXPECT_EQ(key.below, Level::none);
  EXPECT_FALSE(key.writable_child);
  EXPECT_EQ(table.policy(), "sample");
  EXPECT_EQ(table.source_digest()[31], 31);
}

TEST(RoundTrip, ExplainNamesTheDecidingRule) {
  const Table table = decoded(sample_image());
  const auto rule = [&](std::string_view path) { return table.explain(path).rule; };
  EXPECT_EQ(rule("/"), 0u);
  EXPECT_EQ(rule("/docs/a"), 0u);
  EXPECT_EQ(rule("/src"), 1u);
  EXPECT_EQ(rule("//src/x//y/"), 1u);
  EXPECT_EQ(rule("/src/id.key"), 2u);
  EXPECT_EQ(rule("/src/id.key/below"), 2u);
  EXPECT_EQ(table.explain("/src/id.key").info.level, Level::none);

  const RuleView view = table.rule(2);
  EXPECT_TRUE(view.is_limit);
  EXPECT_EQ(view.level, Level::none);
  EXPECT_EQ(view.file, "team.afp");
  EXPECT_EQ(view.line, 1u);
  EXPECT_EQ(view.text, "limit none **/*.key");
  EXPECT_EQ(view.reason, "keys \"stay\" home");
}

TEST(RoundTrip, ExplainSaysWhereNoRuleDecides) {
  Image image = sample_image();
  image.start_label = 0;
  EXPECT_EQ(decoded(image).explain("/docs").rule, kNoRule);
  image.base_rows[0].label = 4;  // clears both slots
  image.start_label = 1;
  EXPECT_EQ(decoded(image).explain("/").rule, 0u);
  EXPECT_EQ(decoded(image).explain("/docs").rule, kNoRule);
}

TEST(RoundTrip, RandomImagesComeBack) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const auto up_to = [&](uint32_t n) { return 1 + static_cast<uint32_t>(random()) % n; };
    RandomShape shape;
    shape.component_classes = up_to(24);
    shape.classifier_states = shape.component_classes + up_to(20);
    shape.byte_classes = up_to(40);
    shape.path_states = up_to(12);
    shape.base_rows = up_to(4);
    const Image image = random_image(random, shape);
    const Table table = decoded(image);
    ASSERT_EQ(table.image(), canonical(image));
    ASSERT_EQ(encode(table.image()), encode(image));
    expect_same_walks(image, table, random);
  }
}

TEST(RoundTrip, EncodingMakesImagesCanonical) {
  const Image plain = sample_image();
  Image other = plain;
  // The same exceptions, in another order and after some that no state uses.
  other.exceptions = {{2, {0, 0}}, {0, {1, 0}}, {1, {1, 0}}, {1, {1, 2}}};
  other.states[0].row.exception_begin = 3;
  other.states[1].row.exception_begin = 1;
  for (PathState &state : other.states) {
    state.alike += 100;
    if (!state.uniform_below) state.below = Level::write;
  }
  other.labels[4] = {{1, 0}, {0, kNoRule}, {1, kNoRule}};
  other.classifier.byte_class['/'] = 5;
  EXPECT_NE(other, plain);
  EXPECT_EQ(canonical(other), plain);
  EXPECT_EQ(encode(other), encode(plain));
}

TEST(RoundTrip, ControlBytesAreSpelledOut) {
  Image image = sample_image();
  image.policy = "a\x1b[2Jb";
  image.files[0] = std::string("nul\0", 4);
  image.rules[0].text = "tab\there";
  image.rules[0].reason = "two\nlines\x7f";
  const Table table = decoded(image);
  EXPECT_EQ(table.policy(), "a\\x1b[2Jb");
  EXPECT_EQ(table.rule(0).file, "nul\\x00");
  EXPECT_EQ(table.rule(0).text, "tab\\x09here");
  EXPECT_EQ(table.rule(0).reason, "two\\x0alines\\x7f");
}

TEST(RoundTrip, DecodingDoesNotDependOnTheCallersAlignment) {
  const std::vector<std::byte> bytes = encode(sample_image());
  for (size_t shift = 1; shift < 16; ++shift) {
    std::vector<std::byte> shifted(shift);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    EXPECT_TRUE(std::holds_alternative<Table>(decode(std::span(shifted).subspan(shift)))) << shift;
  }
}

}  // namespace
}  // namespace agentfense::table
