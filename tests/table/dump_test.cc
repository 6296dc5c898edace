#include "compiler/table/dump.h"

#include <gtest/gtest.h>

#include "compiler/table/encode.h"
#include "compiler/table/json_writer.h"
#include "tests/table/sample_tables.h"

namespace agentfense::table {
namespace {

// allow read /, as small as a table gets.
Image smallest() {
  Image image;
  image.policy = "p\xc3\xa9";
  image.files = {"a\"b.afp"};
  image.rules = {{false, Level::read, 0, 7, "allow read /", "see \\doc \xff"}};
  image.labels = {{}, {{0, 0}}};
  image.start_label = 1;
  image.classifier.states = {{{0, 0, 0}, 0}};
  image.classifier.base_rows = {0};
  image.base_rows = {{0, 0}};
  image.states = {{.row = {0, 0, 1}, .level = Level::read}};
  image.exceptions = {{0, {0, 1}}};
  fill_claims(image);
  return image;
}

Table decoded(const Image &image) { return std::get<Table>(decode(encode(image))); }

// The dump without the digest of the content, which is not for people to check by eye.
std::string without_digest(std::string dump, std::string_view before) {
  const size_t at = dump.find(before);
  EXPECT_NE(at, std::string::npos);
  return dump.replace(at + before.size(), 64, "...");
}

TEST(Dump, TextOfTheSmallestTable) {
  EXPECT_EQ(without_digest(dump_text(decoded(smallest())), "content sha256: "),
            R"(agentfense table, format 1
policy: "p\xc3\xa9"
sources sha256: 0000000000000000000000000000000000000000000000000000000000000000
content sha256: ...
file 0: "a\"b.afp"
rule 0: allow read file 0 line 7 "allow read /" reason "see \\doc \xff"
slots: 1
start label: 1
label 0:
label 1: slot 0 = 0
byte class 0: 01-2e 30-ff
name row 0: 0
name state 0: class 0 row 0
path row 0: 0
path state 0: read visible-below uniform-below=read alike 0 slot 0 row 0 0->0/1
)");
}

TEST(Dump, JsonOfTheSmallestTable) {
  std::string zeros;
  for (int i = 0; i < 256; ++i) zeros += i == 0 ? "0" : ", 0";
  EXPECT_EQ(
      without_digest(dump_json(decoded(smallest())), "\"content_sha256\": \""),
      R"({"format": 1, "policy": "pé", "sources_sha256": )"
      R"("0000000000000000000000000000000000000000000000000000000000000000", "content_sha256": "...", "files": [
"a\"b.afp"], "rules": [
{"kind": "allow", "level": "read", "file": 0, "line": 7, "text": "allow read /", "reason": "see \\doc \udcff"}], )"
      R"("slots": 1, "start_label": 1, "labels": [
[],
[{"slot": 0, "rule": 0}]], "classifier": {"byte_class": [)" +
          zeros +
          R"(], "byte_classes": 1, "base_rows": [
[0]], "states": [
{"component_class": 0, "base_row": 0, "exceptions": []}]}, "component_classes": 1, "base_rows": [
[[0, 0]]], "states": [
{"level": "read", "visible_below": true, "uniform_below": "read", "writable_child": false, "alike": 0, )"
          R"("deciding_slot": 0, "base_row": 0, "exceptions": [[0, 0, 1]]}]}
)");
}

TEST(Dump, EqualTablesGiveEqualDumpsAndOthersDoNot) {
  Image other = sample_image();
  other.rules[1].line = 5;
  EXPECT_EQ(dump_text(decoded(sample_image())), dump_text(decoded(sample_image())));
  EXPECT_EQ(dump_json(decoded(sample_image())), dump_json(decoded(sample_image())));
  EXPECT_NE(dump_text(decoded(sample_image())), dump_text(decoded(other)));
  EXPECT_NE(dump_json(decoded(sample_image())), dump_json(decoded(other)));
}

TEST(Dump, ClearedSlotsAreNone) {
  EXPECT_NE(dump_text(decoded(sample_image())).find("label 4: slot 0 = none slot 1 = none\n"),
            std::string::npos);
  EXPECT_NE(
      dump_json(decoded(sample_image())).find(R"([{"slot": 0, "rule": null}, {"slot": 1, "rule": null}])"),
      std::string::npos);
}

TEST(Dump, ConstantRowsNameTheirTarget) {
  EXPECT_NE(dump_text(decoded(sample_image())).find("slot 1 constant 2\n"), std::string::npos);
  EXPECT_NE(
      dump_json(decoded(sample_image())).find(R"("deciding_slot": 1, "constant": 2, "exceptions": []})"),
      std::string::npos);
}

std::string json_of(std::string_view bytes) {
  JsonWriter json;
  json.value(bytes);
  return json.take();
}

TEST(JsonWriter, KeepsUtf8AndEscapesTheRest) {
  EXPECT_EQ(json_of(std::string_view("a\0\n\x7f", 4)), R"("a\u0000\u000a\u007f")");
  EXPECT_EQ(json_of("\xe2\x82\xac \xf0\x9f\x98\x80 \xc2\x80"), "\"\xe2\x82\xac \xf0\x9f\x98\x80 \xc2\x80\"");
  EXPECT_EQ(json_of("\xc0\x80"), R"("\udcc0\udc80")") << "overlong";
  EXPECT_EQ(json_of("\xe0\x9f\xbf"), R"("\udce0\udc9f\udcbf")") << "overlong";
  EXPECT_EQ(json_of("\xed\xa0\x80"), R"("\udced\udca0\udc80")") << "surrogate";
  EXPECT_EQ(json_of("\xf0\x8f\xbf\xbf"), R"("\udcf0\udc8f\udcbf\udcbf")") << "overlong";
  EXPECT_EQ(json_of("\xf4\x90\x80\x80"), R"("\udcf4\udc90\udc80\udc80")") << "beyond Unicode";
  EXPECT_EQ(json_of("\xe2\x82"), R"("\udce2\udc82")") << "cut";
  EXPECT_EQ(json_of("\x80z\xff"), R"("\udc80z\udcff")");
}

}  // namespace
}  // namespace agentfense::table
