#include <sys/stat.h>

#include "mounthelper/fuse/serve.h"

namespace agentfense::fuse {

std::string mount_data(int fuse_fd, uid_t user, gid_t group, bool allow_other) {
  std::string data = "fd=" + std::to_string(fuse_fd) + ",rootmode=40000,user_id=" + std::to_string(user) +
                     ",group_id=" + std::to_string(group) + ",default_permissions";
  if (allow_other) data += ",allow_other";
  return data;
}

}  // namespace agentfense::fuse
