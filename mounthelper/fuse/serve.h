// serve: the view of one base directory through one table, over a FUSE connection.
//
// The one door of mounthelper/fuse. Called by the mount and run commands once the file system of
// type "fuse" is mounted on their descriptor of /dev/fuse.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "compiler/table/table.h"
#include "mounthelper/delta/store.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::fuse {

struct ViewOptions {
  // Every change is answered EROFS. Mount with MS_RDONLY too: the kernel then asks less.
  bool read_only = false;

  // live: the base may change under the view; names and attributes are asked again after a second.
  // snapshot: the base is promised to change through this view alone; everything is cached.
  enum class Coherence { live, snapshot } coherence = Coherence::live;

  // true: every open is asked for, so that it can be refused and recorded. false: the kernel opens
  // by mode bits alone and never asks; content is still checked at each read and write it asks for.
  // Without it a caller with CAP_DAC_OVERRIDE can open what the table denies, and meets EACCES at
  // the first read or write instead; the base's POSIX ACLs are not consulted for reading; and a file that
  // is replaced in the base from outside is stale to those who have it open.
  bool ask_open = true;

  // Changes go to this delta, and the base is only read; null: changes go to the base. Not owned; open to
  // write, or, with read_only, to read.
  const delta::Store *delta = nullptr;
  uint64_t delta_limit = 0;     // bytes that the delta may hold; 0: as many as there is room for
  bool delta_volatile = false;  // the delta goes with the view: nothing in it is synced, fsync(2) included

  bool verbose = false;  // says on stderr which kernel features are in use
  int threads = 2;       // 1..64
  int stop_fd = -1;      // readable (an eventfd, a pipe at its end): serve() returns soon; not owned
};

// Serves the connection until it is unmounted or stop_fd becomes readable, and returns success then.
// fuse_fd: /dev/fuse, mounted with mount_data(); closed on return, which ends the connection.
// base: from sys::open_base, or any O_PATH|O_DIRECTORY handle.
// on_ready is called once, from the calling thread, when the view answers.
// Process-wide effects: umask(0), the soft limit of descriptors is raised, SIGPIPE is ignored.
// The calling thread serves too; other threads are gone on return.
[[nodiscard]] sys::Status serve(sys::Fd fuse_fd, sys::Fd base, table::Table table, const ViewOptions &options,
                                const std::function<void()> &on_ready);

// The data argument of mount(2) for type "fuse" (or "fuse.agentfense"). Mode bits are always checked
// by the kernel too. Mount with MS_NOSUID|MS_NODEV.
// user, group: who mounts; without allow_other the kernel lets only this user in.
[[nodiscard]] std::string mount_data(int fuse_fd, uid_t user, gid_t group, bool allow_other);

}  // namespace agentfense::fuse
