// make_rule_table OUT.aft RULE...
//
// Writes a table without the compiler, from rules as tests/view/rule_table.h reads them.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "compiler/table/encode.h"
#include "tests/view/rule_table.h"

int main(int argc, char **argv) {
  if (argc < 3) {
    std::fputs("usage: make_rule_table OUT.aft RULE...\n", stderr);
    return 2;
  }
  auto image = agentfense::testing::rules_to_image(std::vector<std::string>(argv + 2, argv + argc));
  if (!image) {
    std::fputs("make_rule_table: a rule cannot be read\n", stderr);
    return 2;
  }
  std::vector<std::byte> bytes = agentfense::table::encode(*image);
  std::ofstream out(argv[1], std::ios::binary);
  out.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return out.flush() ? 0 : 2;
}
