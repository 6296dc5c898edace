"""Deltas that the kernel's own overlayfs made, for tests of the commands that take them apart.

A test program calls main(): it runs in a mount namespace of its own, and exits with 77, a skip, where overlayfs with
userxattr does not mount (a failure where AGENTFENSE_MUST_WORK=1).
"""

import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "helper"))
import support  # noqa: E402


class Machine:
    """Set by main()."""

    helper = ""
    make_table = ""
    work = ""


def escape(path):
    return "".join(chr(b) if b > 0x20 and b not in (0x25, 0x7F) and b < 0x80 else f"%{b:02X}" for b in os.fsencode(path))


def paths_below(top):
    for directory, names, files in os.walk(top):
        for name in names + files:
            yield os.path.relpath(os.path.join(directory, name), top)


def describe(path, first):
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    content = ""
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            content = file.read()
    elif stat.S_ISLNK(info.st_mode):
        content = os.readlink(path)
    attributes = {}
    if kind in (stat.S_IFREG, stat.S_IFDIR):
        for name in os.listxattr(path):
            if name.startswith("user.") and not name.startswith("user.overlay."):
                attributes[name] = os.getxattr(path, name)
    return kind, info.st_mode & 0o7777, info.st_uid, info.st_gid, info.st_mtime_ns, content, attributes, first


def tree(top):
    """Everything that a process sees below top, times of directories too."""
    names = {}
    for path in sorted(paths_below(top)):
        info = os.lstat(os.path.join(top, path))
        names.setdefault((info.st_dev, info.st_ino), []).append(path)
    result = {".": describe(top, "")}
    for path in paths_below(top):
        info = os.lstat(os.path.join(top, path))
        same = names[(info.st_dev, info.st_ino)]
        result[path] = describe(os.path.join(top, path), same[0] if len(same) > 1 else "")
    return result


def merged(upper, base):
    """tree() of what both show by FORMAT.md, slow and obvious, without numbers of files: the kernel takes a file that was
    moved away for another name of the base file that shows again at its old place."""
    result = {".": describe(upper, "")}

    def add(above, below, path):
        names = set(os.listdir(above) if above else []) | set(os.listdir(below) if below else [])
        for name in names:
            high, low = (os.path.join(side, name) if side else None for side in (above, below))
            here = os.path.join(path, name)
            in_upper = high is not None and os.path.lexists(high)
            info = os.lstat(high if in_upper else low)
            if in_upper and stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
                continue
            result[here] = describe(high if in_upper else low, "")
            if not stat.S_ISDIR(info.st_mode):
                continue
            hides = in_upper and "user.overlay.opaque" in os.listxattr(high)
            low_is_directory = low is not None and os.path.isdir(low) and not os.path.islink(low)
            add(high if in_upper else None, low if low_is_directory and not hides else None, here)

    add(upper, base, "")
    return result


def settle(top, seed):
    """A time of its own for each file, so that times are part of what is compared."""
    for number, path in enumerate([".", *sorted(paths_below(top))]):
        time = 10**18 + seed * 10**15 + number * 1_000_000_007
        os.utime(os.path.join(top, path), ns=(time, time), follow_symlinks=False)


def give_to_user(top):
    """With the modes that chown takes away."""
    for path in [".", *paths_below(top)]:
        path = os.path.join(top, path)
        mode = os.lstat(path).st_mode
        os.lchown(path, support.NOBODY, support.NOBODY)
        if not stat.S_ISLNK(mode):
            os.chmod(path, stat.S_IMODE(mode))


class Layered:
    """A base, and a delta that overlayfs writes to."""

    def __init__(self):
        self.top = tempfile.mkdtemp(dir=Machine.work)
        self.base, self.delta, self.view = (os.path.join(self.top, name) for name in ("base", "delta", "view"))
        for path in (self.base, self.delta, self.view):
            os.mkdir(path)
        for part in ("upper", "work", "meta"):
            os.mkdir(os.path.join(self.delta, part), 0o700)

    def start(self):
        """Over the base as it is now."""
        shutil.copystat(self.base, os.path.join(self.delta, "upper"))
        self.note_base()
        self.mount()

    def note_base(self):
        base = os.stat(self.base)
        fsid = os.statvfs(self.base).f_fsid & (2**64 - 1)
        meta = os.path.join(self.delta, "meta")
        with open(os.path.join(meta, "delta"), "w") as file:
            file.write(f"agentfense-delta 1\nbase-inode {base.st_ino}\nbase-filesystem {fsid:x}\nbase-path {escape(self.base)}\n")
        with open(os.path.join(meta, "origins"), "wb") as file:
            for path in [".", *paths_below(self.base)]:
                i = os.lstat(os.path.join(self.base, path))
                numbers = f"{i.st_ino} {i.st_mode:o} {i.st_uid} {i.st_gid} {i.st_size}"
                times = " ".join(f"{t // 10**9}.{t % 10**9:09d}" for t in (i.st_mtime_ns, i.st_ctime_ns))
                file.write(f"{numbers} {times} {escape(path)}\n".encode())

    def mount(self):
        data = f"userxattr,lowerdir={self.base},upperdir={self.delta}/upper,workdir={self.delta}/work"
        support.mount("overlay", self.view, "overlay", 0, data)

    def shown(self):
        return tree(self.view)

    def stop(self):
        support.check(support.libc.umount2(self.view.encode(), 0), "umount")

    def run(self, command, *words, check=True, as_user=False):
        words = [Machine.helper, "delta", command, self.delta, "--base", self.base, *words]
        result = subprocess.run(support.user_words(as_user) + words, capture_output=True, text=True, errors="surrogateescape")
        if check and result.returncode != 0:
            raise AssertionError(f"{command}: {result.returncode} {result.stdout}{result.stderr}")
        return result

    def json(self, command, *words):
        return json.loads(self.run(command, "--json", *words, check=False).stdout)


def table(*rules):
    path = os.path.join(Machine.work, "table-" + "-".join(rules).replace("/", "_").replace("*", "x") + ".aft")
    if not os.path.exists(path):
        subprocess.run([Machine.make_table, path, *rules], check=True)
    return path


def fill(top, seed):
    """A small tree of every kind of file."""
    chance = random.Random(seed)
    directories = [""]
    for number in range(12):
        parent = chance.choice(directories)
        name = os.path.join(parent, f"d{number}")
        os.mkdir(os.path.join(top, name), chance.choice([0o755, 0o700, 0o2775]))
        directories.append(name)
    for number in range(40):
        path = os.path.join(top, chance.choice(directories), f"f{number}")
        kind = chance.random()
        if kind < 0.1:
            os.symlink(f"to{number}", path)
        elif kind < 0.15:
            os.mkfifo(path)
        else:
            with open(path, "wb") as file:
                file.write(chance.randbytes(chance.choice([0, 10, 5000])))
            os.chmod(path, chance.choice([0o644, 0o600, 0o755, 0o444]))
            if kind > 0.8:
                os.setxattr(path, "user.note", chance.randbytes(5))
                os.chown(path, chance.randrange(2000), chance.randrange(2000))
    settle(top, 1)


def change(top, seed, count):
    """Random operations; what the file system refuses is no matter."""
    chance = random.Random(seed)

    def some(kinds):
        found = [p for p in sorted(paths_below(top)) if stat.S_IFMT(os.lstat(os.path.join(top, p)).st_mode) in kinds]
        return os.path.join(top, chance.choice(found)) if found else None

    for number in range(count):
        parent = chance.choice([top, some({stat.S_IFDIR}) or top])
        new = os.path.join(parent, chance.choice([f"n{number}", f"f{chance.randrange(40)}", f"d{chance.randrange(12)}"]))
        any_file = some({stat.S_IFREG})
        anything = some({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO})
        what = chance.randrange(13)
        try:
            if what == 0:
                os.mkdir(new)
            elif what == 1:
                with open(new, "xb") as file:
                    file.write(chance.randbytes(100))
            elif what == 2:
                with open(any_file, "r+b") as file:
                    file.write(chance.randbytes(20))
            elif what == 3:
                os.truncate(any_file, chance.randrange(30))
            elif what == 4:
                os.symlink("anywhere", new)
            elif what == 5:
                os.link(any_file, new)
            elif what == 6:
                os.rename(anything, new)
            elif what == 7:
                os.unlink(some({stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO}))
            elif what == 8:
                shutil.rmtree(some({stat.S_IFDIR}))
            elif what == 9:
                os.chmod(some({stat.S_IFREG, stat.S_IFDIR}), chance.choice([0o755, 0o640, 0o4755]))
            elif what == 10:
                os.chown(anything, chance.randrange(2000), 0, follow_symlinks=False)
            elif what == 11:
                os.setxattr(some({stat.S_IFREG, stat.S_IFDIR}), "user.mark", chance.randbytes(9))
            else:
                os.utime(anything, ns=(0, chance.randrange(10**18)), follow_symlinks=False)
        except (OSError, TypeError):
            pass


def missing():
    if os.geteuid() != 0:
        return "these tests need root"
    probe = Layered()
    try:
        probe.start()
    except OSError as error:
        return f"overlayfs with userxattr: {error}"
    probe.stop()
    return None


def main():
    """Arguments: mount.agentfense, make_table, then what unittest takes."""
    Machine.helper, Machine.make_table = sys.argv[1:3]
    Machine.work = tempfile.mkdtemp(prefix="agentfense-test-")
    child = os.fork()
    if child == 0:
        os.umask(0o022)
        try:
            support.make_private()
            reason = missing()
        except OSError as error:
            reason = str(error)
        if reason:
            must = os.environ.get("AGENTFENSE_MUST_WORK") == "1"
            print(f"{'cannot run' if must else 'skipped'}: {reason}")
            sys.stdout.flush()
            os._exit(1 if must else 77)
        result = unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[3:]], exit=False, verbosity=2).result
        sys.stdout.flush()
        os._exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
    status = os.waitpid(child, 0)[1]
    shutil.rmtree(Machine.work, ignore_errors=True)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
