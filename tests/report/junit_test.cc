// JUnit XML of hostile names and messages. Whether it is well-formed is asked of an XML parser in
// check_test.py; here the bytes.
#include "compiler/report/junit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agentfense::compiler::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Junit, CountsSuitesAndCases) {
  std::vector<JunitCase> cases(3);
  cases[0].suite = cases[1].suite = "a.afp";
  cases[2].suite = "b.afp";
  cases[0].name = "fine";
  cases[1].name = "faulty";
  cases[1].file = "a.afp";
  cases[1].line = 7;
  cases[1].failure_type = "dead-rule";
  cases[1].failure_message = "one line";
  cases[1].failure_text = "two\nlines";
  cases[2].name = "fine";
  EXPECT_EQ(junit_xml(cases), R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="0" skipped="0">
  <testsuite name="a.afp" tests="2" failures="1" errors="0" skipped="0">
    <testcase name="fine" classname="a.afp"/>
    <testcase name="faulty" classname="a.afp" file="a.afp" line="7">
      <failure message="one line" type="dead-rule">two
lines</failure>
    </testcase>
  </testsuite>
  <testsuite name="b.afp" tests="1" failures="0" errors="0" skipped="0">
    <testcase name="fine" classname="b.afp"/>
  </testsuite>
</testsuites>
)");
}

TEST(Junit, NothingIsAnEmptyDocument) {
  EXPECT_THAT(junit_xml({}),
              HasSubstr("<testsuites tests=\"0\" failures=\"0\" errors=\"0\" skipped=\"0\">\n"));
}

TEST(Junit, HostileBytesStayData) {
  JunitCase c;
  c.suite = "a\"b<c>&'.afp";
  c.name = "nul";
  c.name += '\0';
  c.name += "esc\x1b[31m nl\n tab\t cr\r bad\xff\xc3 \xef\xbf\xbf surrogate\xed\xa0\x80 fine\xc3\xa4";
  c.failure_type = "x";
  c.failure_message = "]]>";
  c.failure_text = "]]><!-- \r\n</failure>";
  const std::string xml = junit_xml({c});
  EXPECT_THAT(xml, HasSubstr("name=\"a&quot;b&lt;c&gt;&amp;'.afp\""));
  EXPECT_THAT(xml, HasSubstr("nul\\x00esc\\x1B[31m nl&#10; tab&#9; cr&#13; bad\\xFF\\xC3 \\xEF\\xBF\\xBF "
                             "surrogate\\xED\\xA0\\x80 fine\xc3\xa4\""));
  EXPECT_THAT(xml, HasSubstr("message=\"]]&gt;\""));
  EXPECT_THAT(xml, HasSubstr(">]]&gt;&lt;!-- &#13;\n&lt;/failure&gt;</failure>"));
  EXPECT_THAT(xml, Not(HasSubstr("]]>")));
}

}  // namespace
}  // namespace agentfense::compiler::report
