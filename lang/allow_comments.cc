#include "lang/allow_comments.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lang/parse_tokens.h"
#include "lang/place.h"
#include "lang/suggest.h"

namespace agentfense::lang {
namespace {

using Kind = SourceToken::Kind;
using Tokens = std::vector<SourceToken>;

constexpr std::string_view kMark = "agentfense:";
constexpr std::string_view kBlank = " \t\r";

struct AllowComment {
  Code code{};
  std::string reason;
  Place place;
  size_t end = 0;        // of what it answers; that begins behind the comment
  bool of_item = false;  // of a list, else of a statement
  bool used = false;
};

// Of one file. Of two comments that answer the same, the nearer one is taken.
class AllowComments {
 public:
  void add(AllowComment comment) {
    auto &found = comment.of_item ? items_ : statements_;
    found.emplace(std::pair(comment.code, comment.place.offset), std::move(comment));
  }
  AllowComment *answer(Code code, size_t offset) {
    AllowComment *item = nearest(items_, code, offset);
    return item ? item : nearest(statements_, code, offset);
  }
  template <typename Visit>
  void for_each(Visit visit) {
    for (auto *found : {&items_, &statements_}) {
      for (auto &[key, comment] : *found) visit(comment);
    }
  }

 private:
  using Sorted = std::map<std::pair<Code, uint32_t>, AllowComment>;

  static AllowComment *nearest(Sorted &sorted, Code code, size_t offset) {
    auto it = sorted.lower_bound(std::pair(code, static_cast<uint32_t>(offset)));
    if (it == sorted.begin()) return nullptr;
    AllowComment &comment = (--it)->second;
    return comment.code == code && offset < comment.end ? &comment : nullptr;
  }

  Sorted items_;
  Sorted statements_;
};

// The first word of `rest`, which is left with what follows it.
std::string_view take_word(std::string_view &rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
  std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
  rest.remove_prefix(word.size());
  return word;
}

class Reader {
 public:
  // `diagnostics` null: faulty comments have been reported before.
  Reader(uint32_t file, std::string_view text, Diagnostics *diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  AllowComments run() {
    if (text_.find(kMark) == std::string_view::npos) return {};
    const Tokens tokens = source_tokens(text_);
    // A statement ends with its line, unless a comma or the braces of a set hold it open.
    size_t last = tokens.size();  // the last token that is no line end and no comment
    bool in_set = false;
    bool inside = false;  // of a statement
    bool own_line = true;
    uint32_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const SourceToken &token = tokens[i];
      if (token.kind == Kind::comment) {
        Place place{file_, line, static_cast<uint32_t>(token.offset - line_start + 1), token.offset,
                    token.length};
        read(tokens, i, place, own_line, inside);
        continue;
      }
      if (token.kind == Kind::newline) {
        bool goes_on = in_set || (last < tokens.size() && tokens[last].kind == Kind::comma);
        inside = inside && goes_on;
        own_line = true;
        ++line;
        line_start = token.offset + 1;
        continue;
      }
      own_line = false;
      if (token.kind == Kind::open) {
        in_set = last < tokens.size() && tokens[last].kind == Kind::equals;
        inside = in_set;
      } else if (token.kind == Kind::close) {
        in_set = false;
        inside = false;
      } else {
        inside = true;
      }
      last = i;
    }
    return std::move(found_);
  }

 private:
  void read(const Tokens &tokens, size_t at, const Place &place, bool own_line, bool inside) {
    std::string_view rest = tokens[at].text(text_).substr(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
    if (!rest.starts_with(kMark)) return;
    rest.remove_prefix(kMark.size());
    AllowComment comment;
    comment.place = place;
    comment.of_item = inside;
    std::string_view verb = take_word(rest);
    std::string_view name = take_word(rest);
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
    comment.reason = rest.substr(0, rest.find_last_not_of(kBlank) + 1);
    if (verb != "allow")
      return bad(place, "only `# agentfense: allow CODE reason` is known", verb, closest(verb, {"allow"}));
    if (name.empty())
      return bad(place, "the code of a finding is missing: write `# agentfense: allow CODE reason`");
    std::optional<Code> code = code_of_name(name);
    if (!code) return bad_code(place, name);
    if (!code_is_judgement(*code)) {
      return bad(part(place, name),
                 "`" + std::string(name) +
                     "` is no judgement that a comment could overrule; change the policy instead");
    }
    if (comment.reason.empty()) {
      return bad(place, "a reason is missing: say behind `" + std::string(name) + "` why it is right here");
    }
    if (!own_line)
      return bad(place, "this comment stands behind something; put it on a line of its own above that");
    comment.code = *code;
    comment.end = end_of_answered(tokens, at, inside);
    if (comment.end == 0) return bad(place, "this comment stands above no statement and no item of a list");
    found_.add(std::move(comment));
  }

  // Where the statement or the item below the comment ends; 0 where there is none.
  static size_t end_of_answered(const Tokens &tokens, size_t at, bool inside) {
    auto ignored = [](Kind kind) { return kind == Kind::newline || kind == Kind::comment; };
    while (at < tokens.size() && ignored(tokens[at].kind)) ++at;
    if (at == tokens.size() || tokens[at].kind == Kind::close || tokens[at].kind == Kind::open) return 0;
    if (inside) {
      bool item = tokens[at].kind == Kind::name || tokens[at].kind == Kind::pattern ||
                  tokens[at].kind == Kind::string;
      return item ? tokens[at].offset + tokens[at].length : 0;
    }
    size_t last = at;
    bool in_set = false;
    for (; at < tokens.size() && (in_set || tokens[at].kind != Kind::close); ++at) {
      Kind kind = tokens[at].kind;
      if (kind == Kind::newline && !in_set && tokens[last].kind != Kind::comma) break;
      if (kind == Kind::open && tokens[last].kind != Kind::equals) break;
      if (kind == Kind::open) in_set = true;
      if (kind == Kind::close) in_set = false;
      if (!ignored(kind)) last = at;
    }
    return tokens[last].offset + tokens[last].length;
  }

  Place part(const Place &comment, std::string_view word) const {
    auto begin = static_cast<size_t>(word.data() - text_.data());
    return part_of(comment, begin - comment.offset, word.size());
  }

  void bad(const Place &place, std::string message) {
    if (!diagnostics_ || ++bad_ > kMaxErrors) return;
    diagnostics_->report(Code::bad_allow, place, std::move(message));
  }
  void bad(const Place &place, std::string message, std::string_view word, const std::string &meant) {
    if (!diagnostics_ || ++bad_ > kMaxErrors) return;
    Diagnostic &d =
        diagnostics_->report(Code::bad_allow, word.empty() ? place : part(place, word),
                             meant.empty() ? std::move(message) : message + did_you_mean(meant, ""));
    if (!meant.empty()) d.fixes.push_back({part(place, word), meant});
  }
  void bad_code(const Place &place, std::string_view name) {
    std::vector<std::string_view> names;
    for (uint16_t i = 0; i <= static_cast<uint16_t>(Code::internal_error); ++i) {
      if (code_is_judgement(static_cast<Code>(i))) names.push_back(code_name(static_cast<Code>(i)));
    }
    bad(place, "no finding has the code `" + std::string(name) + "`", name, closest(name, names));
  }

  uint32_t file_;
  std::string_view text_;
  Diagnostics *diagnostics_;
  size_t bad_ = 0;
  AllowComments found_;
};

std::vector<AllowComments> read_all(const std::vector<SourceFile> &files, Diagnostics *diagnostics) {
  std::vector<AllowComments> out;
  for (const SourceFile &file : files) {
    out.push_back(Reader(static_cast<uint32_t>(out.size()), file.text, diagnostics).run());
  }
  return out;
}

// Null where nothing answers; a finding about a file as a whole has no place that could be answered.
AllowComment *answer_of(std::vector<AllowComments> &comments, const Diagnostic &d) {
  if (d.place.line == 0 || d.place.file >= comments.size()) return nullptr;
  return comments[d.place.file].answer(d.code, d.place.offset);
}

}  // namespace

void apply_allow_comments(const std::vector<SourceFile> &files, Diagnostics &diagnostics) {
  Diagnostics faulty;
  std::vector<AllowComments> comments = read_all(files, &faulty);
  for (Diagnostic &d : diagnostics.edit()) {
    if (const AllowComment *comment = answer_of(comments, d)) d.allowed = comment->reason;
  }
  for (const Diagnostic &d : faulty.all()) diagnostics.report(d.code, d.place, d.message) = d;
}

void report_unused_allows(const std::vector<SourceFile> &files, const JudgedAllow &judged,
                          Diagnostics &diagnostics) {
  std::vector<AllowComments> comments = read_all(files, nullptr);
  for (const Diagnostic &d : diagnostics.all()) {
    AllowComment *comment = d.allowed ? answer_of(comments, d) : nullptr;
    if (comment) comment->used = true;
  }
  // Comments on unused comments last: the others decide whether these are of use.
  for (bool last : {false, true}) {
    for (AllowComments &file : comments) {
      file.for_each([&](const AllowComment &comment) {
        if (comment.used || (comment.code == Code::unused_allow) != last) return;
        if (!judged(comment.code, comment.place)) return;
        Diagnostic &d =
            diagnostics.report(Code::unused_allow, comment.place,
                               "nothing below has the finding `" + std::string(code_name(comment.code)) +
                                   "` any more; remove this comment");
        AllowComment *answer = last ? nullptr : answer_of(comments, d);
        if (!answer) return;
        d.allowed = answer->reason;
        answer->used = true;
      });
    }
  }
}

}  // namespace agentfense::lang
