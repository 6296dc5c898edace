// The protocol of fusermount3: it finds the number of a socket in _FUSE_COMMFD, mounts, and sends
// the descriptor of /dev/fuse back over it.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "mounthelper/mount/attach.h"
#include "mounthelper/mount/mount_table.h"

namespace agentfense::mount {
namespace {

constexpr const char *kProgram = "fusermount3";

std::string option_text(const AttachRequest &request) {
  // default_permissions: the kernel checks mode bits too. nosuid and nodev are fusermount3's own rule.
  std::string text = "default_permissions,subtype=agentfense,fsname=";
  for (char c : request.source) {
    if (c == ',' || c == '\\') text += '\\';
    text += c;
  }
  if (request.allow_other) text += ",allow_other";
  if (request.read_only) text += ",ro";
  if ((request.flags & MS_NOEXEC) != 0) text += ",noexec";
  if ((request.flags & MS_NOATIME) != 0) text += ",noatime";
  if ((request.flags & MS_SYNCHRONOUS) != 0) text += ",sync";
  if ((request.flags & MS_DIRSYNC) != 0) text += ",dirsync";
  return text;
}

// Runs the program with `channel` as its descriptor 3, if there is one; its words, if any, go to stderr.
int run_program(std::vector<std::string> words, int channel, pid_t &child) {
  std::vector<char *> argv;
  argv.reserve(words.size() + 1);
  for (std::string &word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string channel_variable = "_FUSE_COMMFD=3";
  std::string path_variable = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
  char *environment[] = {channel_variable.data(), path_variable.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (channel >= 0) posix_spawn_file_actions_adddup2(&actions, channel, 3);
  int error = ENOENT;
  for (const char *directory : {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    std::string path = std::string(directory) + kProgram;
    error = posix_spawn(&child, path.c_str(), &actions, nullptr, argv.data(), environment);
    if (error != ENOENT) break;
  }
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

sys::Fd receive_descriptor(int channel) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
    return sys::Fd();
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return sys::Fd(fd);
}

void wait_for(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

sys::Result<sys::Fd> attach_as_user(const AttachRequest &request) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return sys::errno_status();
  sys::Fd ours(pair[0]);
  sys::Fd theirs(pair[1]);
  pid_t child = -1;
  // dup2 onto itself would keep close-on-exec, so the channel is moved away from 3 first.
  sys::Fd channel(fcntl(theirs.get(), F_DUPFD_CLOEXEC, 4));
  if (!channel) return sys::errno_status();
  theirs.reset();
  int error = run_program({kProgram, "-o", option_text(request), "--", request.dir}, channel.get(), child);
  channel.reset();
  if (error != 0) {
    return sys::Status::failure(
        error, std::string("cannot mount the view on ") + request.dir + " as an ordinary user: " + kProgram +
                   " does not start (" + std::strerror(error) +
                   "); install fuse3, or use mount.agentfense run, which needs no such program");
  }
  sys::Fd device = receive_descriptor(ours.get());
  wait_for(child);
  if (!device) {
    return sys::Status::failure(EPERM, std::string(kProgram) + " refused to mount the view on " +
                                           request.dir + "; see what it says above, and /etc/fuse.conf");
  }
  return device;
}

void detach_as_user(const std::string &dir, unsigned long long mount_id) {
  if (mount_id != 0 && (mount_point_of(mount_id) != dir || mount_id_at(dir) != mount_id)) return;
  pid_t child = -1;
  if (run_program({kProgram, "-u", "-q", "-z", "--", dir}, -1, child) == 0) wait_for(child);
}

}  // namespace agentfense::mount
