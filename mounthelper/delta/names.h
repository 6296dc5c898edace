// Names that come and go in merged directories: each change is one step on disk, or steps of which every prefix
// shows the same tree.
//
// The caller has decided, has copied up what must be (each directory has its upper part; a rename's source is in
// the upper layer, a directory complete and opaque), and lets nobody else change names meanwhile.
#pragma once

#include <functional>

#include "mounthelper/delta/merged.h"
#include "mounthelper/delta/work.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// make(directory, name) makes the new file: 0, or -1 with errno. It runs in the directory itself, or in work
// where a whiteout is to be replaced.
using Make = std::function<int(int directory, const char *name)>;

enum class Made { new_file, further_name };  // of a file that exists

// EEXIST where something shows at the name. The result is the new file's.
[[nodiscard]] sys::Result<struct stat> make_name(const MergedDir &directory, const char *name, Work &work,
                                                 const Make &make, Made what = Made::new_file);

// Anything but a directory. upper: whether it is in the upper layer; else the base shows.
[[nodiscard]] sys::Status remove_file(const MergedDir &directory, const char *name, bool upper, Work &work);

// REQUIRES: a directory shows at the name, and nothing that the policy shows is in it.
// ENOTEMPTY where its upper part holds something all the same (hidden by a policy that came later): nothing that
// was written is thrown away unseen.
[[nodiscard]] sys::Status remove_directory(const MergedDir &directory, const char *name, Work &work);

// flags: 0 or RENAME_EXCHANGE; what stands at the target may be replaced (a directory: nothing shown is in it).
[[nodiscard]] sys::Status rename_name(const MergedDir &from, const char *name, const MergedDir &to,
                                      const char *new_name, unsigned flags, Work &work);

// Makes a directory of the upper layer show nothing of the base any more, all that shows having been copied up.
[[nodiscard]] sys::Status close_off(int upper_parent, const char *name);

}  // namespace agentfense::delta
