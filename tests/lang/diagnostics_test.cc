// Every message of lang/, word for word: diagnostics.golden holds, for each code, files that earn it
// and what is printed. The golden file is text for people; in its files <0xHH> is a byte and
// <*N TEXT> repeats TEXT N times, % being the count and | a line end.
// AGENTFENSE_WRITE_GOLDEN=FILE writes it anew with what is printed now.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "memory_files.h"

namespace agentfense::lang {
namespace {

struct Case {
  std::string title;  // starts with the code that must be among the printed ones
  std::vector<std::pair<std::string, std::string>> files;
  std::string options;
  std::string expected;
};

std::string expand(const std::string &text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "<0x") == 0) {
      out += static_cast<char>(std::stoi(text.substr(i + 3, 2), nullptr, 16));
      i += 5;
    } else if (text.compare(i, 2, "<*") == 0) {
      size_t space = text.find(' ', i);
      size_t end = text.find('>', i);
      int count = std::stoi(text.substr(i + 2, space - i - 2));
      for (int n = 0; n < count; ++n) {
        for (char c : text.substr(space + 1, end - space - 1)) {
          out += c == '%' ? std::to_string(n) : c == '|' ? "\n" : std::string(1, c);
        }
      }
      i = end;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Case> read_cases(const std::string &path) {
  std::vector<Case> cases;
  std::ifstream in(path);
  std::string *into = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("=== ", 0) == 0) {
      cases.emplace_back();
      cases.back().title = line.substr(4);
      into = nullptr;
    } else if (line.rfind("--- options ", 0) == 0) {
      cases.back().options = line.substr(12);
      into = nullptr;
    } else if (line == "--- prints") {
      into = &cases.back().expected;
    } else if (line.rfind("--- ", 0) == 0) {
      into = &cases.back().files.emplace_back(line.substr(4), "").second;
    } else if (into) {
      *into += line + '\n';
    }
  }
  return cases;
}

LoadOptions read_options(const std::string &text) {
  LoadOptions options;
  options.preset_dirs = {"presets"};
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word.rfind("-D", 0) == 0) {
      size_t equals = word.find('=');
      options.defines.emplace_back(word.substr(2, equals - 2), word.substr(equals + 1));
    } else if (word.rfind("--policy=", 0) == 0) {
      options.policy = word.substr(9);
    } else if (word == "--no-presets") {
      options.preset_dirs.clear();
    }
  }
  return options;
}

std::string run(const Case &c) {
  MemoryFiles files;
  for (const auto &[name, text] : c.files) files.files[name] = expand(text);
  size_t source = c.options.find("source=");
  std::string main = source == std::string::npos ? "main.afp" : c.options.substr(source + 7);
  return load(std::move(files), read_options(c.options), main).printed;
}

void write_golden(const std::string &path, const std::vector<Case> &cases) {
  std::ofstream out(path);
  for (const Case &c : cases) {
    out << "=== " << c.title << '\n';
    for (const auto &[name, text] : c.files) out << "--- " << name << '\n' << text;
    if (!c.options.empty()) out << "--- options " << c.options << '\n';
    out << "--- prints\n" << run(c);
  }
}

TEST(DiagnosticTexts, AreAsTheGoldenFileSays) {
  std::vector<Case> cases = read_cases(DIAGNOSTICS_GOLDEN);
  ASSERT_FALSE(cases.empty());
  if (const char *path = std::getenv("AGENTFENSE_WRITE_GOLDEN")) write_golden(path, cases);
  for (const Case &c : cases) {
    SCOPED_TRACE(c.title);
    EXPECT_EQ(run(c), c.expected);
    std::string code = c.title.substr(0, c.title.find(' '));
    EXPECT_NE(c.expected.find("[" + code + "]"), std::string::npos) << "the case does not show its own code";
  }
}

TEST(DiagnosticTexts, CoverEveryCodeOfTheLanguage) {
  std::set<std::string> covered;
  for (const Case &c : read_cases(DIAGNOSTICS_GOLDEN)) covered.insert(c.title.substr(0, c.title.find(' ')));
  // From dead-rule on, codes are the compiler's. useless-except is shared.
  for (size_t i = 0; i < static_cast<size_t>(Code::dead_rule); ++i) {
    std::string name(code_name(static_cast<Code>(i)));
    EXPECT_TRUE(covered.count(name)) << name;
  }
}

TEST(DiagnosticTexts, SpeakOurLanguage) {
  for (const Case &c : read_cases(DIAGNOSTICS_GOLDEN)) {
    for (const char *word :
         {"mismatched", "viable", "extraneous", "token", "expecting", "LBRACE", "NAME_BYTE"}) {
      EXPECT_EQ(c.expected.find(word), std::string::npos) << c.title;
    }
  }
}

}  // namespace
}  // namespace agentfense::lang
