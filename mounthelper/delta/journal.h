// Journal: what an `apply` is about to do to the base, on disk before it begins, so that the next one can finish it. A
// `discard` of some paths writes one that has no steps and says base-done.
//
// meta/journal is written whole, synced and renamed into place before the first change of the base, and removed
// when the delta has let go of what was applied. Steps are redone from the first one after a kill: each of them
// finds out by itself that it is done. It is replaced by one that says base-done, and what was skipped, when the
// base is finished and synced; from then on the base is no longer touched.
//
//     agentfense-journal 1 TOKEN
//     STEP BEFORE AFTER PATH OTHER      a line for each step; `-` for what a step has not
//     drop PATH                         a line for each path that the delta gives up
//     skipped INDEX                     a step that the base had no place for
//     base-done
//     end SHA256                        of all lines above
//
// BEFORE and AFTER are INO:MODE:SIZE:SECONDS.NANOSECONDS of the base's and of the upper layer's file; paths have the
// form of FORMAT.md.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// Which file stood at a path, and whether it is still that one with that content. Of a directory the number and
// the type alone.
struct FileMark {
  uint64_t ino = 0;
  mode_t mode = 0;
  off_t size = 0;
  timespec mtime{};
  timespec ctime{};  // not in the journal: after a kill our own changes may have moved it
};
[[nodiscard]] FileMark mark_of(const struct stat &info);
[[nodiscard]] bool is_still(const FileMark &mark, const struct stat &now);
// Of a file also mode, owner, attributes and names, which the ctime tells of. REQUIRES: the mark is of mark_of().
[[nodiscard]] bool is_untouched(const FileMark &mark, const struct stat &now);

enum class StepKind {
  make_directory,        // without its final attributes; a file in its place goes first
  put,                   // a whole new file, symlink, FIFO or socket
  link,                  // the same file as the base's `other`
  set_attributes,        // of a file that stays as it is otherwise
  remove,                // not where `other`, the place it was moved to, was skipped
  directory_attributes,  // mode, owner, extended attributes and times
  directory_times,
};

struct Step {
  StepKind kind = StepKind::put;
  std::string path;
  std::string other;
  std::optional<FileMark> before;  // the base's
  std::optional<FileMark> after;   // the upper layer's
};

struct Journal {
  std::string token;  // of the names of temporaries: nobody else can have chosen it
  std::vector<Step> steps;
  std::vector<std::string> dropped;
  std::vector<size_t> skipped;  // indices of steps, in order
  bool base_done = false;
};

// With a token and nothing else.
[[nodiscard]] sys::Result<Journal> new_journal();

// Pure.
[[nodiscard]] std::string encode(const Journal &journal);
// EBADMSG with the cause for anything that encode() does not write: a path that leaves the tree, a digest that
// disagrees, an unknown word.
[[nodiscard]] sys::Result<Journal> decode_journal(std::string_view text);

// A name for the temporary of step `index`: one that no view shows.
[[nodiscard]] std::string temporary_name(const Journal &journal, size_t index);

// meta: handle of the delta's meta directory.
[[nodiscard]] sys::Status write_journal(int meta, const Journal &journal);
// Nothing where there is none. A journal that is no regular file of ours, or not intact, is EBADMSG with a sentence.
[[nodiscard]] sys::Result<std::optional<Journal>> read_journal(int meta);
[[nodiscard]] bool has_journal(int meta);
// EBUSY, with a sentence about the delta: what was cut short comes before anything else.
[[nodiscard]] sys::Status unsettled();
[[nodiscard]] sys::Status remove_journal(int meta);

}  // namespace agentfense::delta
