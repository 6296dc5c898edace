// import_rule_list: a list in which the first match wins -> allows and limits without order.
//
// For each rule i with level L and pattern P:
//   allow L P
//   limit L P except {P' of every rule that beats i with a higher level}
// Where every pattern speaks for all below it, that is the documented meaning, exactly: at a path p, of the
// rules that match and that no other matching rule beats, each holds its limit; a rule that is beaten by a
// higher level is opened for it, one beaten by a lower level is not the lowest.
//
// A rule that speaks for single paths (`*.txt`, a file) opens too much, as our patterns cover what is below.
// For such a rule k and each lower level l:
//   limit l P/* except {P' of rules m with a higher level than l, where nothing that m does not beat has a
//                       level of l or less and meets P/*}
// m must speak for all below it, or stand after k in the list: of several single-path rules above a path, the
// last then holds. So no path gets more than promised. What gets less is found by search and listed.
#include <algorithm>
#include <set>

#include "compiler/import/glob_syntax.h"
#include "compiler/import/list_meaning.h"
#include "compiler/import/prune.h"
#include "compiler/import/rule_list.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::import {
namespace {

using lang::Level;

std::string describe(const ListRule &rule, size_t index) {
  std::string text = "rule " + std::to_string(index + 1) + ": \"" + lang::escape_bytes(rule.pattern) + "\" " +
                     lang::level_name(rule.level) + ", priority " + std::to_string(rule.priority);
  if (rule.type == ListRule::Type::directory) text += ", directory";
  if (rule.type == ListRule::Type::file) text += ", file";
  return text;
}

struct Rules {
  const RuleList &list;
  std::vector<Meaning> of;
  std::vector<std::vector<bool>> beats;
};

void add_except(Statement &s, const lang::PathPattern &pattern) {
  if (std::ranges::find(s.except, pattern) == s.except.end()) s.except.push_back(pattern);
}

// What rule `k` must not open below the single paths that it names.
void cap_below(const Rules &rules, size_t k, Draft &draft) {
  const Meaning &rule = rules.of[k];
  if (rule.documented.closed || rule.level == Level::none) return;
  const lang::PathPattern region = below(rule.documented.pattern);
  std::vector<bool> meets(rules.of.size());
  for (size_t j = 0; j < rules.of.size(); ++j) meets[j] = meet(rules.of[j].documented.pattern, region);
  for (int l = 0; l < static_cast<int>(rule.level); ++l) {
    const auto level = static_cast<Level>(l);
    Statement cap{true, level, region, {}, {}};
    cap.notes.push_back(describe(rules.list.rules[k], k) + ": names single paths, not what is below them");
    for (size_t m = 0; m < rules.of.size(); ++m) {
      if (m == k || rules.of[m].level <= level || !meets[m]) continue;
      if (!rules.of[m].documented.closed && m < k) continue;
      bool free = true;
      for (size_t j = 0; j < rules.of.size() && free; ++j)
        free = j == m || rules.of[j].level > level || rules.beats[m][j] || !meets[j];
      if (free) add_except(cap, rules.of[m].documented.pattern);
    }
    draft.statements.push_back(std::move(cap));
  }
}

void add_statements(const Rules &rules, Draft &draft) {
  for (size_t i = 0; i < rules.of.size(); ++i) {
    const Meaning &rule = rules.of[i];
    const std::string note = describe(rules.list.rules[i], i);
    if (rule.level != Level::none)
      draft.statements.push_back({false, rule.level, rule.documented.pattern, {}, {note}});
    Statement limit{true, rule.level, rule.documented.pattern, {}, {note}};
    bool lowers = false;
    for (size_t k = 0; k < rules.of.size(); ++k) {
      if (rules.of[k].level <= rule.level || !meet(rules.of[k].documented.pattern, rule.documented.pattern))
        continue;
      if (rules.beats[k][i]) {
        add_except(limit, rules.of[k].documented.pattern);
      } else {
        lowers = true;
      }
    }
    // With nothing to lower, what this rule does not open is closed anyway.
    if (lowers || !limit.except.empty()) draft.statements.push_back(std::move(limit));
    cap_below(rules, i, draft);
  }
}

// Which patterns a comparison follows, each once.
class Tracked {
 public:
  size_t add(const lang::PathPattern &pattern) {
    const auto [it, fresh] = ids_.try_emplace(pattern, patterns.size());
    if (fresh) patterns.push_back(pattern);
    return it->second;
  }
  std::vector<lang::PathPattern> patterns;

 private:
  std::map<lang::PathPattern, size_t> ids_;
};

struct TrackedShape {
  size_t id;
  bool closed;
  [[nodiscard]] bool speaks(const Standing &s) const { return closed ? s.covers[id] : s.matches[id]; }
};

struct Decision {
  Level level = Level::none;
  size_t rule = kNobody;
  static constexpr size_t kNobody = 0xfff;
};

class Comparison {
 public:
  Comparison(const Rules &rules, const Draft &draft) : rules_(rules), order_(code_order(rules.of)) {
    for (const Meaning &m : rules.of) {
      documented_.push_back({tracked_.add(m.documented.pattern), m.documented.closed});
      code_.emplace_back();
      for (const Shape &s : m.code) code_.back().push_back({tracked_.add(s.pattern), s.closed});
    }
    for (const Statement &s : draft.statements) {
      ours_.push_back({&s, tracked_.add(s.pattern), {}});
      for (const lang::PathPattern &e : s.except) ours_.back().except.push_back(tracked_.add(e));
    }
  }

  // False where the names are beyond the budget.
  bool run(Draft &draft) {
    const std::optional<Walk> walk = Walk::over(tracked_.patterns);
    if (!walk) return false;
    const Walk::Kinds documents = walk->search([&](const Standing &s) -> uint64_t {
      const Level promised = documented(s).level;
      const Level got = ours(s);
      return promised == got ? 0 : 1 + static_cast<uint64_t>(promised) * 4 + static_cast<uint64_t>(got);
    });
    for (const auto &[kind, path] : documents.shortest) {
      const Standing s = walk->at(path);
      draft.from_documents.push_back({documented(s).level, ours(s), path, "", name(documented(s).rule), ""});
    }
    const auto code_kind = [&](const Standing &s) -> uint64_t {
      const Decision promised = documented(s);
      const Decision got = code(s);
      if (promised.level == got.level) return 0;
      return (1 + static_cast<uint64_t>(promised.level) * 4 + static_cast<uint64_t>(got.level)) << 24 |
             promised.rule << 12 | got.rule;
    };
    const Walk::Kinds codes = walk->search(code_kind);
    const std::map<uint64_t, std::string> familiar = familiar_paths(*walk, code_kind);
    for (const auto &[kind, path] : codes.shortest) {
      const Standing s = walk->at(path);
      const auto known = familiar.find(kind);
      draft.from_code.push_back({documented(s).level, code(s).level, path,
                                 known == familiar.end() || known->second == path ? "" : known->second,
                                 name(documented(s).rule), name(code(s).rule)});
    }
    return documents.complete && codes.complete;
  }

 private:
  struct Ours {
    const Statement *statement;
    size_t pattern;
    std::vector<size_t> except;
  };

  [[nodiscard]] std::string name(size_t rule) const {
    return rule == Decision::kNobody ? std::string() : describe(rules_.list.rules[rule], rule);
  }

  [[nodiscard]] Decision documented(const Standing &s) const {
    std::vector<size_t> matching;
    for (size_t i = 0; i < documented_.size(); ++i) {
      if (documented_[i].speaks(s)) matching.push_back(i);
    }
    Decision d;
    for (const size_t i : matching) {
      if (std::ranges::any_of(matching, [&](size_t k) { return rules_.beats[k][i]; })) continue;
      if (d.rule == Decision::kNobody || rules_.of[i].level < d.level) d = {rules_.of[i].level, i};
    }
    return d;
  }
  [[nodiscard]] Decision code(const Standing &s) const {
    for (const size_t i : order_) {
      if (std::ranges::any_of(code_[i], [&](const TrackedShape &t) { return t.speaks(s); }))
        return {rules_.of[i].level, i};
    }
    return {};
  }
  [[nodiscard]] Level ours(const Standing &s) const {
    Level allowed = Level::none;
    Level limit = Level::write;
    for (const Ours &o : ours_) {
      if (!s.covers[o.pattern]) continue;
      if (!o.statement->limit) {
        allowed = std::max(allowed, o.statement->level);
      } else if (std::ranges::none_of(o.except, [&](size_t e) { return s.covers[e]; })) {
        limit = std::min(limit, o.statement->level);
      }
    }
    return std::min(allowed, limit);
  }

  // Shortest paths are exact and strange to read; where a well-known one shows the same, it is told too.
  template <typename Kind>
  std::map<uint64_t, std::string> familiar_paths(const Walk &walk, const Kind &kind_of) const {
    std::map<uint64_t, std::string> out;
    for (const char *path : {"/secrets/db.txt", "/a/b/secrets/x", "/.git/config", "/src/.env", "/.env",
                             "/.env/x", "/config/credentials/aws.json", "/credentials/aws.json", "/tls.key/x",
                             "/tls.pem/x", "/node_modules/x/index.js", "/.aws/credentials", "/.ssh/id_rsa",
                             "/src/main.cc", "/README.md", "/docs/guide.md", "/output/x", "/tmp/x"})
      out.try_emplace(kind_of(walk.at(path)), path);
    return out;
  }

  const Rules &rules_;
  std::vector<size_t> order_;
  Tracked tracked_;
  std::vector<TrackedShape> documented_;
  std::vector<std::vector<TrackedShape>> code_;
  std::vector<Ours> ours_;
};

// The same spelling from several rules is one statement that names them all.
void merge_twins(Draft &draft) {
  std::vector<Statement> out;
  for (Statement &s : draft.statements) {
    const auto twin = std::ranges::find_if(out, [&](const Statement &o) {
      return o.limit == s.limit && o.level == s.level && o.pattern == s.pattern && o.except == s.except;
    });
    if (twin == out.end()) {
      out.push_back(std::move(s));
      continue;
    }
    for (std::string &note : s.notes) {
      if (std::ranges::find(twin->notes, note) == twin->notes.end()) twin->notes.push_back(std::move(note));
    }
  }
  draft.statements = std::move(out);
}

}  // namespace

Result import_rule_list(const RuleList &list, const std::string &name) {
  Rules rules{list, {}, {}};
  for (size_t i = 0; i < list.rules.size(); ++i) {
    auto meaning = meaning_of(list.rules[i]);
    if (const auto *refusal = std::get_if<Refusal>(&meaning)) {
      std::string open = list.rules[i].level == Level::none
                             ? "; the code of that project would skip this rule and leave open what it hides"
                             : "";
      return Refusal{describe(list.rules[i], i) + ": the pattern " + refusal->message + open +
                     "; mend it first"};
    }
    rules.of.push_back(std::move(std::get<Meaning>(meaning)));
  }
  rules.beats = who_beats(rules.of);
  Draft draft;
  draft.name = name;
  draft.left_out = list.left_out;
  add_statements(rules, draft);
  merge_twins(draft);
  if (auto refusal = prune(draft)) return *refusal;
  std::set<std::string> named;
  for (const Statement &s : draft.statements) named.insert(s.notes.begin(), s.notes.end());
  for (size_t i = 0; i < list.rules.size(); ++i) {
    const std::string note = describe(list.rules[i], i);
    if (std::ranges::none_of(named, [&](const std::string &n) { return n.starts_with(note); }))
      draft.header.push_back(note + (list.rules[i].level == Level::none
                                         ? ": needs no statement: nothing else opens what it hides"
                                         : ": needs no statement: others decide all that it names"));
  }
  draft.compared = true;
  draft.decided = Comparison(rules, draft).run(draft);
  return draft;
}

}  // namespace agentfense::compiler::import
