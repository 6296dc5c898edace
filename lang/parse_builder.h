// parse_builder: statements -> ast, as the parser leaves each one. Part of parse.cc.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "AgentFenseBaseListener.h"
#include "lang/ast.h"
#include "lang/parse_source.h"
#include "lang/pattern_syntax.h"

namespace agentfense::lang::parsing {

class Builder final : public grammar::AgentFenseBaseListener {
 public:
  Builder(Source &source, antlr4::CommonTokenStream &tokens) : source_(source), tokens_(tokens) {}

  ast::File take() {
    file_.broken = source_.broken();
    return std::move(file_);
  }
  bool has_statement() const { return first_seen_; }
  bool other_version() const { return other_version_; }

  void enterVersion(Grammar::VersionContext *context) override {
    if (first_seen_) {
      source_.error(Code::repeated_version, context->start,
                    "`agentfense` is the first statement of a file, once");
    }
    first_seen_ = true;
  }
  void enterImportFile(Grammar::ImportFileContext *context) override { need_version(context); }
  void enterParam(Grammar::ParamContext *context) override { need_version(context); }
  void enterSet(Grammar::SetContext *context) override { need_version(context); }
  void enterPolicy(Grammar::PolicyContext *context) override {
    need_version(context);
    policy_ = {};
  }

  void exitVersion(Grammar::VersionContext *context) override {
    if (context->exception || source_.text(context->number) == "1") return;
    Diagnostic &d = source_.error(
        Code::unknown_version, context->number,
        "this compiler knows version 1 of the language, not " + source_.describe(context->number));
    d.fixes.push_back({source_.place(context->number), "1"});
    other_version_ = true;
  }

  void exitImportFile(Grammar::ImportFileContext *context) override {
    if (context->exception) return;
    if (auto path = string(context->path)) file_.imports.push_back({*std::move(path)});
  }

  void exitParam(Grammar::ParamContext *context) override {
    ast::Param param;
    if (!name(context->name, "param", param.name)) return;
    param.broken = context->exception != nullptr;
    if (context->value) {
      if (!context->assign) {
        Diagnostic &d = source_.error(Code::expected_equals, context->value,
                                      "`=` must stand before " + source_.describe(context->value));
        d.fixes.push_back({part_of(source_.place(context->value), 0, 0), "= "});
      }
      param.value = string(context->value);
      param.broken |= !param.value;
    }
    file_.params.push_back(std::move(param));
  }

  void exitSet(Grammar::SetContext *context) override {
    ast::Set set;
    if (!name(context->name, "set", set.name)) return;
    set.broken = context->exception != nullptr;
    if (context->content) items(context->content->list, set.items);
    if (!set.broken && set.items.empty()) {
      source_.error(Code::empty_set, context->open,
                    "the set `" + set.name.text + "` holds nothing; give it a pattern");
      set.broken = true;
    }
    file_.sets.push_back(std::move(set));
  }

  void exitHeader(Grammar::HeaderContext *context) override {
    policy_.broken = context->exception != nullptr;
    if (!name(context->name, "policy", policy_.name)) return;
    for (auto *clause : context->clauses) {
      ast::Extends extends;
      for (const Token *base : clause->bases) {
        bool preset = base->getType() == Grammar::PRESET;
        std::string_view text = source_.text(base);
        extends.bases.push_back({preset, {std::string(text.substr(preset ? 7 : 0)), source_.place(base)}});
      }
      if (const Token *seal = clause->seal ? clause->seal : clause->seal2) {
        extends.sealed = true;
        extends.sealed_place = source_.place(seal);
      }
      if (auto *except = clause->opened) {
        exceptions(except, extends.except);
        extends.except_place = source_.place(except->word);
      }
      if (clause->start && clause->stop) {
        extends.place = source_.place(clause->start, clause->stop);
        extends.text = one_line(clause->start->getTokenIndex(), clause->stop->getTokenIndex());
      }
      policy_.extends.push_back(std::move(extends));
    }
  }

  void exitPolicy(Grammar::PolicyContext *context) override {
    policy_.broken |= context->exception != nullptr;
    if (auto *end = context->RBRACE()) policy_.end = source_.place(end->getSymbol());
    if (!policy_.name.text.empty()) file_.policies.push_back(std::move(policy_));
    policy_ = {};
  }

  void exitAccessRule(Grammar::AccessRuleContext *context) override {
    if (context->exception) return;
    ast::Rule rule;
    rule.kind = context->kind->getType() == Grammar::ALLOW   ? ast::Rule::Kind::allow
                : context->kind->getType() == Grammar::LIMIT ? ast::Rule::Kind::limit
                                                             : ast::Rule::Kind::never;
    rule.level = level_of(context->level->getType());
    rule.nocase = context->nocase != nullptr;
    items(context->covered->list, rule.items);
    if (auto *except = context->opened) {
      if (rule.kind != ast::Rule::Kind::limit) {
        source_.error(
            Code::misplaced_except, except->word,
            "only a limit has exceptions; list what " + source_.describe(context->kind) + " is for instead");
      }
      exceptions(except, rule.except);
    }
    if (context->reason) rule.reason = reason(context->reason);
    const Token *last = context->reason ? tokens_.get(context->reason->getTokenIndex() - 1) : context->stop;
    rule.place = source_.place(context->start, context->stop);
    rule.items_end = Source::behind(source_.place(last));
    rule.text = one_line(context->start->getTokenIndex(), last->getTokenIndex());
    policy_.rules.push_back(std::move(rule));
  }

  void exitTestLine(Grammar::TestLineContext *context) override {
    if (context->exception) return;
    ast::Test test;
    test.level = level_of(context->level->getType());
    items(context->covered->list, test.paths);
    policy_.tests.push_back(std::move(test));
  }

 private:
  void need_version(antlr4::ParserRuleContext *context) {
    if (first_seen_) return;
    first_seen_ = true;
    Place start{source_.file(), 1, 1, 0, 0};
    Diagnostic &d = source_.error_at(Code::missing_version, source_.place(context->start),
                                     "the first statement of a file is `agentfense 1`");
    d.fixes.push_back({start, "agentfense 1\n"});
  }

  bool name(const Token *token, const char *what, ast::Name &out) {
    // Words of the language come here too, reported: they are kept, so that uses of them are found.
    if (!token || (token->getType() != Grammar::NAME && !is_word(token->getType()))) return false;
    std::string_view text = source_.text(token);
    if (!is_name(text)) {
      source_.error(Code::expected_name, token,
                    "the name of a " + std::string(what) + " starts with a letter and has at most 255 bytes");
      return false;
    }
    out = {std::string(text), source_.place(token)};
    return true;
  }

  std::optional<ast::String> string(const Token *token) {
    Place place = source_.place(token);
    auto decoded = decode_string(inner(token));
    if (auto *issue = std::get_if<PatternIssue>(&decoded)) {
      source_.error(issue->code, token, part_of(place, 1 + issue->offset, issue->length), issue->message);
      return std::nullopt;
    }
    return ast::String{std::get<std::string>(std::move(decoded)), place};
  }

  // Empty where it is wrong: the rest of the statement is still worth reading.
  std::string reason(const Token *token) {
    auto decoded = string(token);
    if (!decoded) return "";
    if (decoded->text.starts_with("/") || decoded->text.starts_with("**/")) {
      const Token *previous = tokens_.get(token->getTokenIndex() - 1);
      Diagnostic &d = source_.error(Code::expected_comma, token,
                                    "a reason cannot start like a pattern; a comma is missing before it");
      d.fixes.push_back({Source::behind(source_.place(previous)), ","});
    }
    return std::move(decoded->text);
  }

  std::string_view inner(const Token *token) const {
    std::string_view text = source_.text(token);
    text.remove_prefix(1);
    // An unclosed quote has been reported and has no end to cut off.
    if (!text.empty() && text.back() == '"') text.remove_suffix(1);
    return text;
  }

  void items(const std::vector<Token *> &list, std::vector<ast::Item> &out) {
    for (const Token *token : list) {
      ast::Item item;
      bool quoted = token->getType() == Grammar::STRING;
      item.kind = quoted                              ? ast::Item::Kind::quoted
                  : token->getType() == Grammar::NAME ? ast::Item::Kind::name
                                                      : ast::Item::Kind::bare;
      item.text = quoted ? inner(token) : source_.text(token);
      item.place = source_.place(token);
      out.push_back(std::move(item));
    }
  }

  void exceptions(Grammar::ExceptionsContext *context, std::vector<ast::Item> &out) {
    if (context->covered) items(context->covered->list, out);
  }

  std::string one_line(size_t first, size_t last) {
    std::string out;
    for (size_t i = first; i <= last; ++i) {
      const Token *token = tokens_.get(i);
      if (token->getChannel() != Token::DEFAULT_CHANNEL) continue;
      bool comma = token->getType() == Grammar::COMMA;
      if (!out.empty() && !comma) out += ' ';
      out += comma ? std::string_view(",") : source_.text(token);
    }
    return out;
  }

  Source &source_;
  antlr4::CommonTokenStream &tokens_;
  ast::File file_;
  ast::Policy policy_;
  bool first_seen_ = false;
  bool other_version_ = false;
};

}  // namespace agentfense::lang::parsing
