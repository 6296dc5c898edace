// What git ignores: a path of which it, or a folder above it, is last matched by a pattern without `!`.
//
// For each such pattern i, with K the later `!` patterns that can match the same path as i:
//   limit none I except K        a path that i matches, unless K takes it back
//   limit none I/* except K/*    and what is below it
// An exception covers more than what its pattern matches itself. Where i can match below a match of k, or k
// below a match of i, a guard closes that again; where it cannot be written, the exception is not made.
// So nothing that git ignores becomes visible; what is hidden beyond that is said in words.
#include "compiler/import/gitignore.h"

#include <algorithm>

#include "compiler/import/glob_syntax.h"
#include "compiler/import/prune.h"
#include "compiler/import/walk.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::import {
namespace {

struct Line {
  size_t number;
  std::string text;
  IgnorePattern is;
};

std::string describe(const Line &line) {
  return "line " + std::to_string(line.number) + ": " + lang::escape_bytes(line.text);
}

// **/g, matched by name alone.
bool by_name(const lang::PathPattern &p) {
  return p.components.size() == 2 && p.components[0].any_depth && !p.components[1].any_depth;
}

lang::PathPattern somewhere_below(const lang::PathPattern &folder, const lang::PathPattern &name) {
  lang::PathPattern out = folder;
  out.components.push_back({true, {}});
  out.components.push_back(name.components.back());
  return out;
}

// Whether `a` matches a path strictly below one that `b` matches.
bool matches_below(const lang::PathPattern &a, const lang::PathPattern &b) {
  const std::optional<Walk> walk = Walk::over({a, below(b)});
  if (!walk) return true;
  const Walk::Kinds kinds =
      walk->search([](const Standing &s) { return s.matches[0] && s.covers[1] ? 1U : 0U; }, 1, 200'000);
  return !kinds.shortest.empty() || !kinds.complete;
}

void hide(const std::vector<Line> &lines, size_t i, Draft &draft) {
  const lang::PathPattern &ignored = lines[i].is.pattern;
  Statement itself{true, lang::Level::none, ignored, {}, {describe(lines[i])}};
  Statement beneath{true, lang::Level::none, below(ignored), {}, itself.notes};
  std::vector<size_t> taken_back;
  for (size_t k = i + 1; k < lines.size(); ++k) {
    const lang::PathPattern &back = lines[k].is.pattern;
    if (!lines[k].is.negated || !match_alike(ignored, back)) continue;
    if ((by_name(ignored) || !matches_below(ignored, back)) &&
        (by_name(back) || !matches_below(back, ignored))) {
      taken_back.push_back(k);
      continue;
    }
    draft.hides_more.push_back(describe(lines[k]) + " takes nothing back from " + describe(lines[i]) +
                               ": their matches nest, and no limit says that exactly");
  }
  std::vector<Statement> guards;
  for (const size_t k : taken_back) {
    const lang::PathPattern &back = lines[k].is.pattern;
    const std::vector<std::string> notes{describe(lines[i]), std::string(kAnd) + describe(lines[k])};
    const bool under = matches_below(ignored, back);
    const bool over = matches_below(back, ignored);
    if (under) guards.push_back({true, lang::Level::none, somewhere_below(back, ignored), {}, notes});
    if (over) guards.push_back({true, lang::Level::none, somewhere_below(ignored, back), {}, notes});
    // A guard is blind to what is taken back inside of it.
    const bool blind = std::ranges::any_of(taken_back, [&](size_t other) {
      const lang::PathPattern &also = lines[other].is.pattern;
      return (under && matches_below(also, back)) || (over && matches_below(back, also));
    });
    if (blind)
      draft.hides_more.push_back(describe(lines[k]) + " takes nothing back from " + describe(lines[i]) +
                                 " where one `!` pattern matches below a match of another or of itself");
    itself.notes.push_back(std::string(kButNot) + describe(lines[k]));
    itself.except.push_back(lines[k].is.folders_only ? below(back) : back);
    beneath.except.push_back(below(back));
  }
  beneath.notes = itself.notes;
  const bool open = !itself.except.empty();
  draft.statements.push_back(std::move(itself));
  if (open) draft.statements.push_back(std::move(beneath));
  for (Statement &g : guards) draft.statements.push_back(std::move(g));
}

std::string_view without_trailing_spaces(std::string_view line) {
  size_t end = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      end = ++i + 1;
    } else if (line[i] != ' ') {
      end = i + 1;
    }
  }
  return line.substr(0, end);
}

}  // namespace

std::variant<std::optional<IgnorePattern>, Refusal> read_ignore_line(std::string_view line) {
  line = without_trailing_spaces(line);
  if (line.empty() || line[0] == '#') return std::optional<IgnorePattern>();
  IgnorePattern out;
  if (line[0] == '!') {
    out.negated = true;
    line.remove_prefix(1);
  }
  if (line.empty()) return Refusal{"is a `!` without a pattern"};
  if (line.back() == '/' && !line.ends_with("\\/")) {
    out.folders_only = true;
    line.remove_suffix(1);
  }
  if (line.empty()) return Refusal{"names no file"};
  const bool anchored = line.find('/') != std::string_view::npos;
  if (line[0] == '/') line.remove_prefix(1);
  if (line.empty() || line.find("//") != std::string_view::npos || line.back() == '/')
    return Refusal{"has an empty component, which git never matches"};
  auto parsed =
      anchored || line != "**" ? parse_glob(line, Dialect::gitignore) : parse_glob("*", Dialect::gitignore);
  if (auto *refusal = std::get_if<Refusal>(&parsed)) return *refusal;
  lang::PathPattern &p = std::get<lang::PathPattern>(parsed);
  if (!anchored) p.components.insert(p.components.begin(), {true, {}});
  // `a/**` is all below a, at any depth.
  if (p.components.back().any_depth) p.components.push_back({false, {{{}, true}}});
  lang::PathPattern canonical;
  for (lang::PatternComponent &c : p.components) {
    if (c.any_depth && !canonical.components.empty() && canonical.components.back().any_depth) continue;
    canonical.components.push_back(std::move(c));
  }
  out.pattern = std::move(canonical);
  return std::optional<IgnorePattern>(std::move(out));
}

Result import_gitignore(std::string_view text, const std::string &name, const Places &places) {
  Draft draft;
  draft.name = name;
  std::vector<Line> lines;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto read = read_ignore_line(line);
    if (const auto *refusal = std::get_if<Refusal>(&read))
      return Refusal{"line " + std::to_string(number) + ": the pattern " + lang::escape_bytes(line) + " " +
                     refusal->message + "; mend it or take it out"};
    auto &pattern = std::get<std::optional<IgnorePattern>>(read);
    if (!pattern) continue;
    if (pattern->folders_only)
      draft.hides_more.push_back(
          "line " + std::to_string(number) + ": " + lang::escape_bytes(line) +
          (pattern->negated
               ? " takes back folders alone: what is below them; the folder shows where something below does"
               : " means folders alone; a file of that name is hidden too"));
    lines.push_back({number, std::string(line), std::move(*pattern)});
    if (lines.size() > kMaxSourceRules)
      return Refusal{"holds more than " + std::to_string(kMaxSourceRules) + " patterns; import it in parts"};
  }
  const lang::Level base = places.base.value_or(lang::Level::read);
  draft.header.push_back(
      std::string("What is ignored is hidden; everything else is `") + lang::level_name(base) +
      (places.base ? "`, as --base says." : "`, as an ignore file says nothing of it (see --base)."));
  if (base != lang::Level::none) draft.statements.push_back({false, base, {}, {}, {"what is not ignored"}});
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].is.negated) hide(lines, i, draft);
  }
  if (auto refusal = prune(draft)) return *refusal;
  for (size_t k = 0; k < lines.size(); ++k) {
    const auto ignores = [&](const Line &before) {
      return !before.is.negated && match_alike(before.is.pattern, lines[k].is.pattern);
    };
    if (lines[k].is.negated &&
        std::none_of(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(k), ignores))
      draft.implied.push_back(describe(lines[k]) + ": no line before it ignores what it names");
  }
  return draft;
}

}  // namespace agentfense::compiler::import
