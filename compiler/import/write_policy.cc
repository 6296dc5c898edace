#include "compiler/import/write_policy.h"

#include <llvm/Support/JSON.h>
#include <llvm/Support/raw_ostream.h>

#include "compiler/import/glob_syntax.h"
#include "lang/format.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::import {
namespace {

std::string difference(const Difference &d, const std::string &other) {
  std::string text = "documented " + std::string(lang::level_name(d.promised)) + ", " + other + " " +
                     lang::level_name(d.other) + ": " + lang::escape_bytes(d.example);
  if (!d.familiar.empty()) text += " (as is " + lang::escape_bytes(d.familiar) + ")";
  std::string why;
  if (!d.promised_by.empty()) why = "promised by " + d.promised_by;
  if (!d.other_by.empty()) why += (why.empty() ? "" : "; ") + std::string("decided by ") + d.other_by;
  return why.empty() ? text : text + " [" + why + "]";
}

// The findings as paragraphs: a title, then one line each.
struct Paragraph {
  std::string title;
  std::vector<std::string> lines;
};

std::vector<Paragraph> paragraphs(const Draft &draft) {
  std::vector<Paragraph> out;
  if (draft.compared) {
    const std::string so_far =
        draft.decided ? "" : "; the search passed its budget, longer examples may exist";
    Paragraph &documents = out.emplace_back();
    documents.title = "Where this policy differs from what the documents promise";
    if (draft.from_documents.empty())
      documents.title += draft.decided ? ": nowhere, decided over all paths" : ": nowhere found";
    documents.title += so_far;
    for (const Difference &d : draft.from_documents) documents.lines.push_back(difference(d, "here"));
    Paragraph &code = out.emplace_back();
    code.title = "Where that project's code does otherwise than its documents";
    if (draft.from_code.empty())
      code.title += draft.decided ? ": nowhere, decided over all paths" : ": nowhere found";
    code.title += so_far;
    for (const Difference &d : draft.from_code) code.lines.push_back(difference(d, "its code"));
  }
  if (!draft.implied.empty()) out.push_back({"Left out, as the rest says it already", draft.implied});
  if (!draft.hides_more.empty()) out.push_back({"Stricter than the source", draft.hides_more});
  if (!draft.left_out.empty()) out.push_back({"Not carried over", draft.left_out});
  return out;
}

std::string list_of(const std::vector<lang::PathPattern> &patterns) {
  std::string text;
  for (const lang::PathPattern &p : patterns) text += (text.empty() ? "" : ", ") + spell(p);
  return text;
}

std::string comment(const std::string &text, const std::string &indent) {
  return text.empty() ? indent + "#\n" : indent + "# " + text + "\n";
}

llvm::json::Array strings(const std::vector<std::string> &texts) {
  llvm::json::Array out;
  for (const std::string &t : texts) out.push_back(lang::escape_bytes(t));
  return out;
}

llvm::json::Array differences(const std::vector<Difference> &all) {
  llvm::json::Array out;
  for (const Difference &d : all) {
    llvm::json::Object one{{"documented", lang::level_name(d.promised)},
                           {"actual", lang::level_name(d.other)},
                           {"example", lang::escape_bytes(d.example)}};
    if (!d.familiar.empty()) one["familiar"] = lang::escape_bytes(d.familiar);
    if (!d.promised_by.empty()) one["promised_by"] = d.promised_by;
    if (!d.other_by.empty()) one["decided_by"] = d.other_by;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string policy_text(const Draft &draft, const std::string &source, const std::string &kind) {
  std::string text =
      comment("Imported by agentfense-compile from " + lang::escape_bytes(source) + " (" + kind + ").", "");
  for (const std::string &line : draft.header) text += comment(line, "");
  for (const Paragraph &p : paragraphs(draft)) {
    text += "#\n" + comment(p.title + (p.lines.empty() ? "." : ":"), "");
    for (const std::string &line : p.lines) text += comment("  " + line, "");
  }
  text += "\nagentfense 1\n\npolicy " + draft.name + " {\n";
  bool first = true;
  std::vector<std::string> before;
  for (const Statement &s : draft.statements) {
    if (s.notes != before) {
      if (!first) text += "\n";
      for (const std::string &note : s.notes) text += comment(note, "  ");
    }
    before = s.notes;
    first = false;
    text += std::string("  ") + (s.limit ? "limit " : "allow ") + lang::level_name(s.level) + " " +
            spell(s.pattern);
    if (!s.except.empty()) text += " except " + list_of(s.except);
    text += "\n";
  }
  text += "}\n";
  // Whatever the formatter would change yet: it is the one that says what canonical is.
  lang::Diagnostics ignored;
  return lang::format_policy(text, ignored).value_or(text);
}

std::string summary(const Draft &draft) {
  std::string text;
  for (const Paragraph &p : paragraphs(draft)) {
    text += p.title + (p.lines.empty() ? ".\n" : ":\n");
    for (const std::string &line : p.lines) text += "  " + line + "\n";
  }
  return text;
}

std::string summary_json(const Draft &draft, const std::string &policy) {
  llvm::json::Object root{{"policy", policy},
                          {"already_said", strings(draft.implied)},
                          {"hides_more", strings(draft.hides_more)},
                          {"not_carried_over", strings(draft.left_out)}};
  if (draft.compared) {
    root["decided_over_all_paths"] = draft.decided;
    root["differs_from_documents"] = differences(draft.from_documents);
    root["code_differs_from_documents"] = differences(draft.from_code);
  }
  std::string out;
  llvm::raw_string_ostream stream(out);
  stream << llvm::formatv("{0:2}", llvm::json::Value(std::move(root))) << "\n";
  return stream.str();
}

}  // namespace agentfense::compiler::import
