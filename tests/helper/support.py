"""What the end-to-end tests of mount.agentfense share.

A test program calls main(): it enters a mount namespace of its own, so that nothing that is mounted outlives it,
puts a /dev/fuse that everybody may open over the machine's own (which stays as it is), and runs its tests. Where the
machine cannot do that it exits with 77, which ctest counts as a skip, or fails where AGENTFENSE_MUST_WORK=1.
"""

import ctypes
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

CLONE_NEWNS = 0x00020000
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


class Machine:
    """Set by main()."""

    helper = ""      # a copy of mount.agentfense that everybody may execute
    make_table = ""
    work = ""        # a directory that goes when the tests end
    as_user = False  # whether the helper is run by an ordinary user


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source, target, kind, flags=0, data=""):
    check(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, data.encode()), f"mount {target}")


def umount(target):
    libc.umount2(target.encode(), MNT_DETACH)


def table(name, *rules):
    path = os.path.join(Machine.work, name)
    if not os.path.exists(path):
        subprocess.run([Machine.make_table, path, *rules], check=True)
    return path


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path) as file:
        return file.read()


def give_to_user(top):
    for directory, names, files in os.walk(top):
        os.lchown(directory, NOBODY, NOBODY)
        for name in files + names:
            os.lchown(os.path.join(directory, name), NOBODY, NOBODY)


def user_words(as_user):
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if as_user else []


def wait_until(condition, seconds=20):
    """For what has been started to happen; the limit is there to end a broken run, not to measure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    return condition()


def processes_with(marker):
    """Ids of living processes that have the marker among their words; zombies have none."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if marker.encode() in file.read():
                    found.append(int(name))
        except OSError:
            pass
    return found


def view_mounts(table_path="/proc/self/mountinfo"):
    """The tests' own; the machine may have others."""
    with open(table_path) as lines:
        return [line for line in lines if " - fuse.agentfense " in line and line.split()[4].startswith(Machine.work + "/")]


def make_private():
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)


def open_device(directory):
    """A /dev/fuse for everybody, in this mount namespace alone."""
    shelf = os.path.join(directory, "dev")
    os.mkdir(shelf)
    mount("tmpfs", shelf, "tmpfs", 0, "mode=755,size=64k")
    node = os.path.join(shelf, "fuse")
    os.mknod(node, stat.S_IFCHR | 0o666, os.stat("/dev/fuse").st_rdev)
    os.chmod(node, 0o666)
    mount(node, "/dev/fuse", "", MS_BIND)


def missing():
    if os.geteuid() != 0:
        return "these tests need root"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    for program in ("bwrap", "setpriv"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return None


def main():
    """Arguments: mount.agentfense, make_table, then what unittest takes. AGENTFENSE_TEST_AS_USER=1: as an ordinary user."""
    reason = missing()
    if reason:
        print(f"{'cannot run' if os.environ.get('AGENTFENSE_MUST_WORK') == '1' else 'skipped'}: {reason}")
        sys.exit(1 if os.environ.get("AGENTFENSE_MUST_WORK") == "1" else 77)
    helper, make_table = sys.argv[1:3]
    Machine.as_user = os.environ.get("AGENTFENSE_TEST_AS_USER") == "1"
    work = tempfile.mkdtemp(prefix="agentfense-test-")
    child = os.fork()
    if child == 0:
        make_private()
        os.chmod(work, 0o755)
        open_device(work)
        Machine.work = work
        Machine.helper = os.path.join(work, "mount.agentfense")
        Machine.make_table = make_table
        shutil.copy(helper, Machine.helper)
        os.chmod(Machine.helper, 0o755)
        os.umask(0o022)
        result = unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[3:]], exit=False, verbosity=2).result
        sys.stdout.flush()
        os._exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
    status = os.waitpid(child, 0)[1]
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
