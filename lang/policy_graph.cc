#include "lang/policy_graph.h"

#include <map>
#include <string>
#include <utility>

#include "lang/suggest.h"

namespace agentfense::lang {
namespace {

using Index = std::map<std::pair<uint32_t, std::string_view>, uint32_t>;

void add_nodes(const Program &program, PolicyGraph &graph, Index &index, Diagnostics &diagnostics) {
  for (uint32_t module = 0; module < program.modules.size(); ++module) {
    for (const ParsedFile &file : program.modules[module].files) {
      for (const ast::Policy &policy : file.ast.policies) {
        auto number = static_cast<uint32_t>(graph.nodes.size());
        auto [first, fresh] = index.emplace(std::pair(module, std::string_view(policy.name.text)), number);
        if (!fresh && diagnostics.full()) {
          diagnostics.drop();
        } else if (!fresh) {
          Diagnostic &d = diagnostics.report(Code::duplicate_policy, policy.name.place,
                                             "the policy `" + policy.name.text + "` is defined twice");
          d.remarks.push_back({graph.nodes[first->second].policy->name.place, "it is defined here first"});
        }
        graph.nodes.push_back({&policy, module, file.index, {}});
      }
    }
  }
}

uint32_t find_base(const Program &program, const PolicyGraph &graph, const Index &index, uint32_t module,
                   const ast::PolicyRef &base, Diagnostics &diagnostics) {
  const std::string &name = base.name.text;
  uint32_t where = module;
  if (base.preset) {
    auto preset = program.presets.find(name);
    if (preset == program.presets.end()) return kNoPolicy;  // reported when it was not found
    where = preset->second;
  }
  if (auto found = index.find({where, name}); found != index.end()) return found->second;
  const Module &target = program.modules[where];
  if (target.incomplete || (base.preset && target.files.back().ast.broken)) return kNoPolicy;
  if (diagnostics.full()) {
    diagnostics.drop();
    return kNoPolicy;
  }
  if (base.preset) {
    diagnostics.report(Code::unknown_policy, base.name.place,
                       "the file of preset `" + name + "` defines no policy of that name");
    return kNoPolicy;
  }
  std::vector<std::string_view> names;
  for (const PolicyNode &node : graph.nodes) {
    if (node.module == module) names.push_back(node.policy->name.text);
  }
  std::string meant = closest(name, names);
  std::string remedy = "define or import it";
  if (program.presets.contains(name)) remedy = "a preset is named preset:" + name;
  Diagnostic &d = diagnostics.report(Code::unknown_policy, base.name.place,
                                     "no policy is named `" + name + "`" + did_you_mean(meant, remedy));
  if (!meant.empty()) d.fixes.push_back({base.name.place, meant});
  return kNoPolicy;
}

// Depth first with a stack of its own: chains of policies can be as long as a file.
class Sorter {
 public:
  Sorter(PolicyGraph &graph, Diagnostics &diagnostics)
      : graph_(graph), diagnostics_(diagnostics), state_(graph.nodes.size(), State::fresh) {}

  void run() {
    bool cyclic = false;
    for (uint32_t root = 0; root < graph_.nodes.size(); ++root) cyclic |= !visit(root);
    if (cyclic) graph_.order.clear();
  }

 private:
  enum class State : uint8_t { fresh, open, done };
  struct Frame {
    uint32_t node;
    size_t clause = 0;
    size_t base = 0;
  };

  bool visit(uint32_t root) {
    if (state_[root] != State::fresh) return true;
    bool sound = true;
    std::vector<Frame> stack{{root}};
    state_[root] = State::open;
    while (!stack.empty()) {
      Frame &top = stack.back();
      const auto &clauses = graph_.nodes[top.node].bases;
      if (top.clause == clauses.size()) {
        state_[top.node] = State::done;
        graph_.order.push_back(top.node);
        stack.pop_back();
      } else if (top.base == clauses[top.clause].size()) {
        ++top.clause;
        top.base = 0;
      } else {
        uint32_t next = clauses[top.clause][top.base++];
        if (state_[next] == State::open) {
          report(stack, next);
          sound = false;
        } else if (state_[next] == State::fresh) {
          state_[next] = State::open;
          stack.push_back({next});
        }
      }
    }
    return sound;
  }

  void report(const std::vector<Frame> &stack, uint32_t closing) {
    std::string chain;
    size_t named = 0;
    bool inside = false;
    for (const Frame &frame : stack) {
      inside |= frame.node == closing;
      if (inside && ++named <= 8) chain += graph_.nodes[frame.node].policy->name.text + " -> ";
    }
    if (named > 8) chain += "... -> ";
    diagnostics_.report(Code::extends_cycle, graph_.nodes[stack.back().node].policy->name.place,
                        "these policies extend each other: " + chain +
                            graph_.nodes[closing].policy->name.text + "; take one `extends` away");
  }

  PolicyGraph &graph_;
  Diagnostics &diagnostics_;
  std::vector<State> state_;
};

}  // namespace

uint32_t PolicyGraph::find(uint32_t module, std::string_view name) const {
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].module == module && nodes[i].policy->name.text == name) return i;
  }
  return kNoPolicy;
}

PolicyGraph build_policy_graph(const Program &program, Diagnostics &diagnostics) {
  PolicyGraph graph;
  Index index;
  add_nodes(program, graph, index, diagnostics);
  for (PolicyNode &node : graph.nodes) {
    for (const ast::Extends &extends : node.policy->extends) {
      std::vector<uint32_t> &bases = node.bases.emplace_back();
      for (const ast::PolicyRef &base : extends.bases) {
        uint32_t found = find_base(program, graph, index, node.module, base, diagnostics);
        if (found != kNoPolicy) bases.push_back(found);
      }
    }
  }
  Sorter(graph, diagnostics).run();
  return graph;
}

}  // namespace agentfense::lang
