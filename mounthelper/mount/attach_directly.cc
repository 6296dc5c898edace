#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "mounthelper/fuse/serve.h"
#include "mounthelper/mount/attach.h"
#include "mounthelper/mount/mount_table.h"

namespace agentfense::mount {
namespace {

sys::Status explain_device(int error) {
  std::string why = "cannot open /dev/fuse: ";
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    why += "the kernel's FUSE support is not loaded; run modprobe fuse";
  } else if (error == EACCES || error == EPERM) {
    why +=
        "it is closed to this user; as root, run chmod 0666 /dev/fuse, or add the udev rule "
        "KERNEL==\"fuse\", "
        "MODE=\"0666\"";
  } else {
    why += std::string(std::strerror(error)) + "; check the device";
  }
  return sys::Status::failure(error, why);
}

sys::Status explain_mount(int error, const std::string &dir) {
  std::string why = "cannot mount the view on " + dir + ": ";
  if (error == EPERM) {
    why += "the caller may not mount here; run as root with CAP_SYS_ADMIN";
  } else if (error == ENODEV) {
    why += "the kernel has no FUSE file system; run modprobe fuse";
  } else {
    why += std::string(std::strerror(error)) + "; check the directory and /proc/self/mountinfo";
  }
  return sys::Status::failure(error, why);
}

}  // namespace

sys::Result<sys::Fd> attach_directly(const AttachRequest &request) {
  sys::Fd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) return explain_device(errno);
  std::string data = fuse::mount_data(device.get(), getuid(), getgid(), request.allow_other);
  unsigned long flags = request.flags | MS_NOSUID | MS_NODEV | (request.read_only ? MS_RDONLY : 0);
  // By the descriptor: the path may lead elsewhere by now.
  std::string target = "/proc/self/fd/" + std::to_string(request.dir_fd);
  if (::mount(request.source.c_str(), target.c_str(), "fuse.agentfense", flags, data.c_str()) != 0) {
    return explain_mount(errno, request.dir);
  }
  return device;
}

void detach_directly(unsigned long long mount_id) {
  auto place = mount_point_of(mount_id);
  // What somebody has mounted over the view is not ours to take; the view stays below it then, and is dead.
  if (place && mount_id_at(*place) == mount_id) umount2(place->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

}  // namespace agentfense::mount
