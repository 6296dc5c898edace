"""Each operation on each state that a path can have in a view over a delta, beside a plain copy of the base: same
results, same tree, after a remount too, and to the kernel's overlayfs.

What may differ: the number of a base symlink or FIFO once it is copied up, as neither can keep the attribute that
holds it (FORMAT.md, origin)."""

import ctypes
import os
import shutil
import stat
import subprocess

import deltas
from deltas import NOBODY, Delta, outcome, views

NOREPLACE, EXCHANGE = 1, 2
LONG_AGO = 1_200_000_000_123456789


def rename2(a, b, flags):
    if deltas.support.libc.renameat2(-100, a.encode(), -100, b.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), b)


def put(path, text):
    with open(path, "w") as file:
        file.write(text)


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def age(top):
    for directory, names, files in os.walk(top, topdown=False):
        for name in [*files, *names, ""]:
            os.utime(os.path.join(directory, name) if name else directory, ns=(LONG_AGO, LONG_AGO), follow_symlinks=False)


def nothing(_):
    pass


def file(path):
    put(path, "of the base\n")


def directory(path):
    os.makedirs(f"{path}/sub")
    put(f"{path}/a", "a\n")
    put(f"{path}/sub/b", "b\n")
    os.symlink("a", f"{path}/link")


def new_directory(path):
    os.mkdir(path)
    put(f"{path}/new", "new\n")


def merge(path):
    os.unlink(f"{path}/a")
    put(f"{path}/new", "new\n")
    append(f"{path}/sub/b", "more\n")


def empty_out(path):
    shutil.rmtree(f"{path}/sub")
    os.unlink(f"{path}/a")
    os.unlink(f"{path}/link")


def again(remove, make):
    return lambda path: [remove(path), make(path)]


# What the base has, and what is done in the view before the operation.
STATES = {
    "nothing": (nothing, nothing),
    "base file": (file, nothing),
    "changed file": (file, lambda p: append(p, "more\n")),
    "file of a changed mode": (file, lambda p: os.chmod(p, 0o640)),
    "new file": (nothing, lambda p: put(p, "new\n")),
    "deleted file": (file, os.unlink),
    "file made again": (file, again(os.unlink, lambda p: put(p, "again\n"))),
    "base directory": (directory, nothing),
    "empty base directory": (os.mkdir, nothing),
    "merged directory": (directory, merge),
    "emptied directory": (directory, empty_out),
    "deleted directory": (directory, shutil.rmtree),
    "directory made again": (directory, again(shutil.rmtree, new_directory)),
    "empty directory made again": (directory, again(shutil.rmtree, os.mkdir)),
    "new directory": (nothing, new_directory),
    "file over a directory": (directory, again(shutil.rmtree, lambda p: put(p, "over\n"))),
    "directory over a file": (file, again(os.unlink, new_directory)),
    "moved directory": (directory, lambda p: [os.rename(p, p + "-away"), os.rename(p + "-away", p)]),
    "base symlink": (lambda p: os.symlink("target", p), nothing),
    "new symlink": (nothing, lambda p: os.symlink("target", p)),
    "base FIFO": (os.mkfifo, nothing),
    "new FIFO": (nothing, os.mkfifo),
}


def opened(path, flags, use):
    fd = os.open(path, flags | os.O_NONBLOCK, 0o640)
    try:
        return use(fd)
    finally:
        os.close(fd)


def seen(path):
    info = os.lstat(path)
    is_file = stat.S_ISREG(info.st_mode)
    return stat.filemode(info.st_mode), info.st_uid, info.st_gid, is_file and (info.st_size, info.st_nlink)


def number_of(path):
    """0 where it need not last."""
    info = os.lstat(path)
    return info.st_ino if stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) else 0


def keeps_its_number(call):
    """The call, and whether the path is still the same file."""
    def wrapped(path, beside):
        before = outcome(number_of, path)
        yield from call(path, beside)
        yield isinstance(before, str) or outcome(number_of, path) == before
    return wrapped


def look(p, _):
    yield outcome(seen, p), outcome(os.listdir, p) if not os.path.isdir(p) else sorted(os.listdir(p))
    yield outcome(os.readlink, p), outcome(os.access, p, os.R_OK), outcome(os.access, p, os.W_OK), outcome(os.access, p, os.X_OK)
    yield outcome(opened, p, os.O_RDONLY, lambda fd: os.read(fd, 100))


def write(p, _):
    yield outcome(opened, p, os.O_WRONLY, lambda fd: os.pwrite(fd, b"XY", 3)), outcome(seen, p)


def append_to(p, _):
    yield outcome(opened, p, os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b"end")), outcome(seen, p)


def open_empty(p, _):
    yield outcome(opened, p, os.O_WRONLY | os.O_TRUNC, lambda fd: os.fstat(fd).st_size), outcome(seen, p)


def create(p, _):
    yield outcome(opened, p, os.O_WRONLY | os.O_CREAT, lambda fd: os.write(fd, b"c")), outcome(seen, p)


def create_exclusively(p, _):
    yield outcome(opened, p, os.O_WRONLY | os.O_CREAT | os.O_EXCL, lambda fd: os.write(fd, b"c")), outcome(seen, p)


def truncate(p, _):
    yield [(outcome(os.truncate, p, size), outcome(seen, p)) for size in (5, 100, 0)]


def change_mode(p, _):
    yield outcome(os.chmod, p, 0o600), outcome(seen, p)


def change_owner(p, _):
    yield outcome(os.lchown, p, os.geteuid(), 2000 if os.geteuid() == 0 else -1), outcome(seen, p)


def change_times(p, _):
    yield outcome(os.utime, p, ns=(1_000_000_001, 2_000_000_002), follow_symlinks=False)
    yield outcome(lambda: (os.lstat(p).st_atime_ns, os.lstat(p).st_mtime_ns))


def attributes(p, _):
    yield outcome(os.setxattr, p, "user.a", b"1"), outcome(os.getxattr, p, "user.a"), outcome(os.listxattr, p)
    yield outcome(os.setxattr, p, "user.b", b"2", os.XATTR_REPLACE), outcome(os.setxattr, p, "user.a", b"3", os.XATTR_CREATE)
    yield outcome(os.removexattr, p, "user.a"), outcome(os.setxattr, p, "user.c", b"c" * 500)


def make_directory(p, _):
    yield outcome(os.mkdir, p, 0o750), outcome(seen, p), outcome(lambda: sorted(os.listdir(p)))


def make_inside(p, _):
    yield outcome(put, f"{p}/x", "x"), outcome(os.mkdir, f"{p}/y"), outcome(os.symlink, "x", f"{p}/z"), outcome(os.mkfifo, f"{p}/p")
    yield outcome(lambda: sorted(os.listdir(p)))


def make_symlink(p, _):
    yield outcome(os.symlink, "elsewhere", p), outcome(os.readlink, p)


def make_nodes(p, _):
    yield outcome(os.mkfifo, p, 0o600), outcome(os.mknod, p, stat.S_IFREG | 0o600), outcome(seen, p)


def link(p, beside):
    yield outcome(os.link, p, beside, follow_symlinks=False), outcome(seen, p), outcome(seen, beside)
    yield outcome(lambda: number_of(p) == number_of(beside))
    yield outcome(opened, beside, os.O_WRONLY, lambda fd: os.write(fd, b"both")), outcome(opened, p, os.O_RDONLY, lambda fd: os.read(fd, 9))


def link_over(p, beside):
    put(beside, "beside")
    yield outcome(os.link, beside, p), outcome(seen, p), outcome(seen, beside)


def unlink(p, _):
    yield outcome(os.unlink, p), outcome(seen, p), sorted(os.listdir(os.path.dirname(p))), outcome(os.unlink, p)


def remove_directory(p, _):
    yield outcome(os.rmdir, p), outcome(seen, p), sorted(os.listdir(os.path.dirname(p))), outcome(os.rmdir, p)


def remove_all_and_make_again(p, _):
    # rmtree() would open a FIFO and wait.
    yield outcome(shutil.rmtree if os.path.isdir(p) else os.rmdir, p), outcome(seen, p), outcome(os.mkdir, p), outcome(lambda: sorted(os.listdir(p)))
    yield outcome(put, f"{p}/a", "new a"), outcome(os.stat, f"{p}/sub") == "ENOENT"


def unlink_open(p, _):
    def use(fd):
        return outcome(os.unlink, p), os.fstat(fd).st_nlink, os.write(fd, b"unseen"), os.pread(fd, 100, 0), outcome(seen, p)
    yield outcome(opened, p, os.O_RDWR, use) if not stat.S_ISFIFO(os.lstat(p).st_mode if os.path.lexists(p) else 0) else "not asked"


def nameless(p, beside):
    def use(fd):
        os.write(fd, b"nameless")
        return outcome(views.link_unnamed, fd, p), outcome(views.link_unnamed, fd, beside), os.fstat(fd).st_nlink
    yield outcome(opened, os.path.dirname(p), os.O_TMPFILE | os.O_RDWR, use), outcome(seen, p), outcome(seen, beside)


def below_a_file(p, _):
    yield outcome(os.stat, f"{p}/a/b/c"), outcome(os.mkdir, f"{p}/missing/x"), outcome(os.unlink, f"{p}/sub/b")


OPERATIONS = [keeps_its_number(operation) for operation in (
    look, write, append_to, open_empty, create, change_mode, change_owner, change_times, attributes, truncate, link, make_inside)]
OPERATIONS += [create_exclusively, make_directory, make_symlink, make_nodes, link_over, unlink, remove_directory,
               remove_all_and_make_again, unlink_open, nameless, below_a_file]
NAMES = ["look", "write", "append_to", "open_empty", "create", "change_mode", "change_owner", "change_times", "attributes",
         "truncate", "link", "make_inside", *(operation.__name__ for operation in OPERATIONS[12:])]


def by_operation():
    """(name, states of `t`, of `u`, what is done and answers)."""
    for name, operation in zip(NAMES, OPERATIONS):
        for state in STATES:
            yield f"{name}, {state}", state, "nothing", operation


def by_rename(flags):
    def move(p, beside):
        number = outcome(number_of, p)
        result = outcome(rename2, p, beside, flags)
        yield result, outcome(seen, p), outcome(seen, beside)
        if result is None:
            yield outcome(number_of, beside) == number
            yield outcome(append, f"{beside}/sub/b", "after"), outcome(put, f"{beside}/x", "x"), outcome(os.unlink, f"{beside}/a")
            yield outcome(os.mkdir, p), outcome(lambda: sorted(os.listdir(p)))
    for source in STATES:
        for target in STATES:
            yield f"{source} to {target}", source, target, move


def trees(top):
    """What each case has left, line by line."""
    result = {}
    for line in deltas.ops("tree", top, "seen")[1].splitlines():
        result.setdefault(line.split(maxsplit=1)[0].split("/")[0], []).append(line)
    return result


class Operations(deltas.TestCase):
    def compare(self, cases, kind, user, exchange=False):
        cases = list(cases)

        def fill(base):
            for number, (_, source, target, _) in enumerate(cases):
                top = os.path.join(base, str(number))
                os.makedirs(top)
                STATES[source][0](f"{top}/t")
                STATES[target][0](f"{top}/u")
            deltas.give(base, user)
            age(base)

        def work(top, skip):
            os.umask(0o022)
            results = []
            for number, (name, source, target, operation) in enumerate(cases):
                place = os.path.join(top, str(number))
                before = [outcome(STATES[state][1], f"{place}/{end}") for end, state in (("t", source), ("u", target))]
                results.append([str(before)] if number in skip else [str(before), *map(str, operation(f"{place}/t", f"{place}/u"))])
            return results

        with Delta(fill, **kind) as view:
            plain = os.path.join(view.top, "plain")
            subprocess.run(["cp", "-a", view.base, plain], check=True)
            actual = deltas.as_user(lambda: work(view.dir, ()), user)
            # Where the format cannot say it; see FORMAT.md. Here nothing is that large.
            crossed = {number for number, result in enumerate(actual) if deltas.stand_in and "EXDEV" in str(result)}
            expected = deltas.as_user(lambda: work(plain, crossed), user)
            for number, ((name, *_), mine, its) in enumerate(zip(cases, actual, expected)):
                with self.subTest(name, user=user, **kind):
                    if number in crossed:
                        continue
                    self.assertEqual(mine, its, f"{name}: first in the view, second plain")

            def same_tree(shown, when):
                expected, actual = trees(plain), trees(shown)
                self.assertEqual(expected.pop("."), actual.pop("."))
                for number, (name, *_) in enumerate(cases):
                    with self.subTest(name, user=user, **kind):
                        if number not in crossed and actual[str(number)] != expected[str(number)]:
                            views.same(self, actual[str(number)], expected[str(number)], f"{name}, {when}")
            same_tree(view.dir, "the tree")
            view.umount()
            with view.kernel() as kernel:
                same_tree(kernel, "the tree to the kernel's overlayfs")
            view.mount()
            same_tree(view.dir, "the tree after a remount")


def add_tests():
    for index, (coherence, opens) in enumerate(deltas.KINDS):
        kind = dict(coherence=coherence, opens=opens)
        for user, who in ((0, "root"), (NOBODY, "user")):
            def operations(self, kind=kind, user=user):
                self.compare(by_operation(), kind, user)

            def renames(self, kind=kind, user=user):
                for flags in (0, NOREPLACE, EXCHANGE):
                    with self.subTest(flags=flags):
                        self.compare(by_rename(flags), kind, user)
            setattr(Operations, f"test_{coherence}_{opens}_{who}", operations)
            # The way of opening is nothing to a rename.
            if opens == "asked" and (coherence, who) in (("live", "root"), ("snapshot", "user")):
                setattr(Operations, f"test_renames_{coherence}_{who}", renames)


add_tests()
if __name__ == "__main__":
    deltas.main()
