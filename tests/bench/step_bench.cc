// The check for one component: Table::step() for policies of growing size. The names are many and
// mixed, so that the table does not sit in the first-level cache as it would for one name.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "compiler/pipeline.h"
#include "tests/reference/rule_text.h"

namespace agentfense {
namespace {

std::string mixed_rules(int count) {
  static const char *const kLevels[] = {"view", "read", "write"};
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    text += std::string("allow ") + kLevels[(i / 4) % 3] + " ";
    switch (i % 4) {
      case 0:
        text += "/a/b/" + n;
        break;
      case 1:
        text += "/d/" + n + "/**";
        break;
      case 2:
        text += "**/name" + n;
        break;
      default:
        text += "**/*.ext" + n;
        break;
    }
    text += "\n";
  }
  return text;
}

std::vector<std::string> names_for(int count) {
  std::mt19937 random(1);
  std::vector<std::string> names;
  for (int i = 0; i < 4096; ++i) {
    const std::string n = std::to_string(random() % static_cast<unsigned>(count));
    switch (i % 4) {
      case 0:
        names.push_back("main_window.cc");
        break;
      case 1:
        names.push_back("name" + n);
        break;
      case 2:
        names.push_back("report.ext" + n);
        break;
      default:
        names.push_back("file" + n + ".txt");
        break;
    }
  }
  return names;
}

void component_check(benchmark::State &state) {
  const int rules = static_cast<int>(state.range(0));
  compiler::Compilation c;
  lang::Diagnostics diagnostics;
  c.rules = reference::rules_of(mixed_rules(rules));
  compiler::compile_rules({}, diagnostics, c);
  if (!c.table) {
    state.SkipWithError("the policy does not compile");
    return;
  }
  const std::vector<std::string> names = names_for(rules);
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(c.table->step(c.table->root(), names[i++ & 4095]));
  }
  state.counters["table_bytes"] = static_cast<double>(c.bytes.size());
}
BENCHMARK(component_check)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace agentfense

BENCHMARK_MAIN();
