"""What is open, mapped, locked or under way while a file of the base becomes one of the delta: as on a plain directory."""

import ctypes
import fcntl
import mmap
import os
import shutil
import stat
import subprocess
import time

import deltas
import parity_test
from deltas import NOBODY, Delta, outcome, views
from operations_test import age, append, put, rename2, trees

SEEK_DATA, SEEK_HOLE = 3, 4
libc = ctypes.CDLL(None, use_errno=True)


def fill_case(top):
    put(f"{top}/f", "of the base\n")
    put(f"{top}/g", "another\n")
    put(f"{top}/log", "")
    with open(f"{top}/big", "wb") as file:
        file.write(bytes(i * i % 251 for i in range(300_000)))
    with open(f"{top}/sparse", "wb") as file:
        file.truncate(8 << 20)
        os.pwrite(file.fileno(), b"middle", 4 << 20)
    os.makedirs(f"{top}/d/sub")
    put(f"{top}/d/a", "a\n")
    put(f"{top}/d/sub/b", "b\n")
    os.mkdir(f"{top}/many")
    for i in range(150):
        put(f"{top}/many/{i}", "")
    os.symlink("f", f"{top}/link")
    os.mkfifo(f"{top}/fifo")
    put(f"{top}/script", "#!/bin/sh\necho ran\n")
    os.chmod(f"{top}/script", 0o755)
    put(f"{top}/" + "n" * 255, "long\n")
    os.mkdir(f"{top}/sticky")
    put(f"{top}/sticky/theirs", "x")


def get(path):
    with open(path, "rb") as file:
        return file.read()


def is_same(fd, path):
    return os.path.samestat(os.fstat(fd), os.stat(path))


def child(call):
    """What it gives in another process."""
    return views.as_user(lambda: repr(call()), os.geteuid())


# Each works in a directory of its own, that the base has.

def deleted_while_open():
    writer, reader = os.open("f", os.O_RDWR), os.open("g", os.O_RDONLY)
    for fd, name in ((writer, "f"), (reader, "g")):
        os.unlink(name)
        yield os.fstat(fd).st_nlink, os.read(fd, 100), os.path.exists(name)
    yield os.pwrite(writer, b"unseen", 0), os.pread(writer, 100, 0), outcome(os.fchmod, reader, 0o600), os.fstat(reader).st_size
    put("g", "made again\n")
    yield os.pread(reader, 100, 0), get("g"), is_same(reader, "g")
    os.ftruncate(writer, 2)
    yield os.fstat(writer).st_size, outcome(os.fsync, writer)
    os.close(writer)
    os.close(reader)


def replaced_while_open():
    fd = os.open("f", os.O_RDONLY)
    put("new", "new\n")
    os.rename("new", "f")
    yield os.read(fd, 100), get("f"), os.fstat(fd).st_nlink
    os.close(fd)


def moved_while_open():
    reader, writer = os.open("f", os.O_RDONLY), os.open("d/a", os.O_RDWR)
    os.rename("f", "f2")
    os.rename("d", "d2")
    yield is_same(reader, "f2"), is_same(writer, "d2/a"), os.read(reader, 100)
    os.write(writer, b"moved")
    append("f2", "more")
    yield get("d2/a"), os.pread(reader, 100, 0), os.fstat(reader).st_size
    os.rename("d2/a", "elsewhere")
    os.write(writer, b"again")
    yield get("elsewhere"), os.path.exists("d"), sorted(os.listdir("d2"))
    os.close(reader)
    os.close(writer)


def readers_see_the_first_write():
    readers = [os.open("big", os.O_RDONLY) for _ in range(20)]
    before = [os.pread(fd, 5, 100) for fd in readers]
    number = os.stat("big").st_ino
    writer = os.open("big", os.O_RDWR)
    os.pwrite(writer, b"fresh", 100)
    yield before, {os.pread(fd, 5, 100) for fd in readers}, {is_same(fd, "big") for fd in readers}, os.stat("big").st_ino == number
    os.pwrite(writer, b"end", 400_000)
    yield {os.fstat(fd).st_size for fd in readers}
    os.ftruncate(writer, 10)
    yield {os.fstat(fd).st_size for fd in readers}, {len(os.pread(fd, 100, 0)) for fd in readers}
    for fd in [*readers, writer]:
        os.close(fd)


def truncated_by_another():
    reader = os.open("big", os.O_RDONLY)
    os.close(os.open("big", os.O_WRONLY | os.O_TRUNC))
    yield os.fstat(reader).st_size, os.read(reader, 10), os.stat("big").st_size
    os.close(reader)
    os.truncate("f", 3)
    yield get("f")
    os.truncate("g", 20)
    yield get("g")


def two_appending_writers():
    one = os.open("log", os.O_WRONLY | os.O_APPEND)
    waits = [views.start_as_user(lambda letter=letter: [append("log", letter * 30 + "\n") for _ in range(200)] and None, os.geteuid())
             for letter in "ab"]
    for _ in range(200):
        os.write(one, b"c" * 30 + b"\n")
    yield [wait() for wait in waits]
    lines = get("log").splitlines()
    yield len(lines), [lines.count(letter * 30) for letter in (b"a", b"b", b"c")]
    os.close(one)
    os.unlink("log")  # in an order that nobody has promised


def an_append_of_a_base_file():
    fd = os.open("f", os.O_RDWR | os.O_APPEND)
    yield os.pread(fd, 100, 0), os.write(fd, b"one"), os.pread(fd, 100, 0)
    append("f", "two")
    yield os.write(fd, b"three"), get("f")
    os.close(fd)


def nameless_files():
    fd = os.open("d", os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"born nameless")
    yield os.fstat(fd).st_nlink, outcome(views.link_unnamed, fd, "d/a"), outcome(views.link_unnamed, fd, "d/named")
    os.unlink("d/a")
    yield outcome(views.link_unnamed, fd, "d/a"), get("d/a"), os.stat("d/named").st_nlink, is_same(fd, "d/a")
    os.close(fd)


def allocation():
    fd = os.open("big", os.O_RDWR)
    yield libc.fallocate(fd, 0, ctypes.c_long(300_000), ctypes.c_long(4096)), os.fstat(fd).st_size
    yield libc.fallocate(fd, 1, ctypes.c_long(0), ctypes.c_long(1 << 20)), os.fstat(fd).st_size
    yield libc.fallocate(fd, 3, ctypes.c_long(4096), ctypes.c_long(8192)), get("big")[4096:12288] == bytes(8192), get("big")[12288:12300]
    os.close(fd)
    reader = os.open("g", os.O_RDONLY)
    yield libc.fallocate(reader, 0, ctypes.c_long(0), ctypes.c_long(4096)) == -1
    os.close(reader)


def holes():
    reader = os.open("sparse", os.O_RDONLY)
    yield os.lseek(reader, 0, SEEK_DATA), os.lseek(reader, 4 << 20, SEEK_HOLE), os.lseek(reader, 0, SEEK_HOLE)
    yield outcome(os.lseek, reader, 9 << 20, SEEK_DATA), outcome(os.lseek, reader, 5 << 20, SEEK_DATA)
    writer = os.open("sparse", os.O_WRONLY)
    os.pwrite(writer, b"late", 6 << 20)
    os.fsync(writer)
    for fd in (reader, writer):
        yield os.lseek(fd, 0, SEEK_DATA), os.lseek(fd, 5 << 20, SEEK_DATA), os.lseek(fd, 6 << 20, SEEK_HOLE)
        os.close(fd)
    yield os.stat("sparse").st_blocks * 512 < 100_000, len(get("sparse"))


def shared_mappings():
    reader = os.open("big", os.O_RDONLY)
    with mmap.mmap(reader, 0, mmap.MAP_SHARED, mmap.PROT_READ) as seen:
        first = seen[0:5]
        writer = os.open("big", os.O_RDWR)
        os.pwrite(writer, b"wrote", 0)
        yield first, seen[0:5], seen[250_000:250_005]
        with mmap.mmap(writer, 0) as mine:
            mine[5000:5005] = b"mapped"[:5]
            yield os.pread(reader, 5, 5000), seen[5000:5005]
            os.pwrite(writer, b"there", 6000)
            yield mine[6000:6005]
            mine.flush()
        os.close(writer)
        yield get("big")[4998:5006], seen[4998:5006]
        os.rename("big", "moved")
        append("moved", "tail")
        yield seen[0:5]
    os.close(reader)


def private_mappings():
    with open("big", "rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as private:
        private[0:5] = b"mine!"
        with open("big", "r+b") as writer:
            writer.write(b"their")
        yield private[0:5], get("big")[0:5]
        os.unlink("big")
        yield private[0:5], private[200_000:200_005]


def locks_over_a_copy_up():
    reader = os.open("f", os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_EX)
    posix = os.open("g", os.O_RDWR)
    fcntl.lockf(posix, fcntl.LOCK_EX, 10, 0)
    record = os.open("d/a", os.O_RDONLY)
    fcntl.lockf(record, fcntl.LOCK_SH)

    def others():
        return (outcome(fcntl.flock, os.open("f", os.O_RDWR), fcntl.LOCK_SH | fcntl.LOCK_NB),
                outcome(fcntl.lockf, os.open("g", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 5),
                outcome(fcntl.lockf, os.open("g", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 50),
                outcome(fcntl.lockf, os.open("d/a", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB),
                outcome(fcntl.lockf, os.open("d/a", os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB))
    yield child(others)
    writer = os.open("f", os.O_RDWR)
    os.write(writer, b"copied up")
    os.write(posix, b"copied up")
    os.chmod("d/a", 0o600)
    yield child(others)
    os.rename("f", "f2")
    os.rename("f2", "f")
    yield child(others), outcome(fcntl.flock, writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(reader, fcntl.LOCK_UN)
    yield outcome(fcntl.flock, writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for fd in (reader, posix, record, writer):
        os.close(fd)
    yield child(others)


def copies_of_ranges():
    source, target = os.open("big", os.O_RDONLY), os.open("f", os.O_RDWR)
    yield os.copy_file_range(source, target, 1000, 5, 3), os.pread(target, 1003, 0) == b"of " + get("big")[5:1005]
    new = os.open("new", os.O_CREAT | os.O_RDWR)
    yield os.copy_file_range(target, new, 500, 0, 100), os.fstat(new).st_size
    yield os.copy_file_range(new, target, 10, 100, 0), get("f")[:3]
    for fd in (source, target, new):
        os.close(fd)


def deleting_while_listing():
    put("many/new", "")
    seen = []
    with os.scandir("many") as entries:
        for entry in entries:
            seen.append(entry.name)
            os.unlink("many/" + entry.name)
    yield len(seen), len(set(seen)), os.listdir("many"), outcome(os.rmdir, "many"), outcome(os.mkdir, "many"), os.listdir("many")


def positions_in_listings():
    libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
    libc.telldir.restype = ctypes.c_long
    put("many/new", "")
    os.unlink("many/7")
    handle = ctypes.c_void_p(libc.opendir(b"many"))

    def read(count):
        names = []
        while len(names) < count:
            entry = libc.readdir(handle)
            if not entry:
                break
            names.append(ctypes.string_at(entry + 19))
        return names
    first = read(70)
    place = ctypes.c_long(libc.telldir(handle))
    rest = read(1000)
    yield len(first), len(rest), len(set(first + rest))
    libc.seekdir(handle, place)
    yield read(1000) == rest
    for name in first[10:20] + rest[10:20]:
        if name not in (b".", b".."):
            os.unlink(b"many/" + name)
    libc.seekdir(handle, place)
    yield set(read(1000)) <= set(rest), os.path.exists("many/new")
    libc.rewinddir(handle)
    put("many/later", "")
    libc.rewinddir(handle)
    yield b"later" in read(1000)
    libc.closedir(handle)
    shutil.rmtree("many")  # which were deleted depends on the order


def listing_what_was_not_there():
    fd = os.open("d", os.O_RDONLY)
    os.unlink("d/a")
    put("d/new", "")
    yield sorted(os.listdir(fd))
    shutil.rmtree("d")
    yield outcome(os.listdir, fd), outcome(os.open, "x", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    os.mkdir("d")
    yield os.listdir("d"), outcome(os.listdir, fd)
    os.close(fd)


def handles_on_directories():
    fd = os.open("d", os.O_RDONLY | os.O_DIRECTORY)
    os.rename("d", "e")
    os.close(os.open("inside", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.unlink("a", dir_fd=fd)
    os.mkdir("d")
    yield sorted(os.listdir("e")), os.listdir("d"), sorted(os.listdir(fd)), is_same(fd, "e")
    yield outcome(os.fsync, fd), outcome(os.fchmod, fd, 0o700), oct(os.stat("e").st_mode)
    os.close(fd)


def working_directories():
    top = os.getcwd()
    os.chdir("d/sub")
    os.rename(f"{top}/d", f"{top}/e")
    yield os.path.relpath(os.getcwd(), top), sorted(os.listdir(".")), get("b")
    put("here", "")
    os.rename(f"{top}/e/sub", f"{top}/sub")
    yield os.path.relpath(os.getcwd(), top), sorted(os.listdir(".")), sorted(os.listdir(".."))[:2]
    shutil.rmtree(f"{top}/sub")
    yield outcome(os.getcwd), outcome(os.listdir, "."), outcome(put, "x", "")
    os.chdir(top)


def links_to_base_files():
    os.link("f", "f2")
    yield os.stat("f").st_nlink, os.path.samefile("f", "f2")
    append("f2", "by the other name")
    yield get("f"), get("f2"), os.path.samefile("f", "f2")
    os.unlink("f")
    append("f2", "!")
    yield os.stat("f2").st_nlink, get("f2")
    os.link("f2", "d/f3")
    os.rename("f2", "d/f3")
    yield os.path.exists("f2"), os.path.exists("d/f3")
    fd = os.open("g", os.O_RDONLY)
    os.link("g", "g2")
    yield os.fstat(fd).st_nlink, is_same(fd, "g2"), outcome(os.link, f"/proc/self/fd/{fd}", "g3", follow_symlinks=True)
    os.close(fd)


def exclusive_creation():
    yield outcome(os.open, "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.unlink("f")
    fd = os.open("f", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o604)
    yield os.fstat(fd).st_size, oct(os.fstat(fd).st_mode), os.write(fd, b"new")
    os.close(fd)
    yield outcome(os.open, "d", os.O_CREAT | os.O_WRONLY), outcome(os.open, "link", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    yield outcome(os.open, "d", os.O_DIRECTORY | os.O_WRONLY), outcome(os.open, "f", os.O_DIRECTORY)


def metadata_through_handles():
    fd = os.open("f", os.O_RDONLY)
    number = os.fstat(fd).st_ino
    os.fchmod(fd, 0o611)
    os.utime(fd, ns=(5, 6))
    yield outcome(os.setxattr, fd, "user.a", b"1"), outcome(os.listxattr, "f"), outcome(os.getxattr, fd, "user.a")
    info = os.stat("f")
    yield oct(info.st_mode), info.st_mtime_ns, info.st_ino == number, os.fstat(fd).st_mtime_ns, os.read(fd, 100)
    append("f", "more")
    yield os.read(fd, 100), oct(os.fstat(fd).st_mode)
    os.close(fd)
    fd = os.open("d", os.O_RDONLY)
    os.fchmod(fd, 0o711)
    os.utime(fd, ns=(7, 8))
    yield oct(os.stat("d").st_mode), os.stat("d").st_mtime_ns, sorted(os.listdir("d"))
    os.close(fd)


def times_move_as_they_should():
    old = os.stat("f").st_mtime_ns
    os.chmod("f", 0o600)
    yield os.stat("f").st_mtime_ns == old, os.stat("f").st_ctime > 1_600_000_000
    before = os.stat("d").st_mtime_ns
    append("d/a", "x")
    os.chmod("d/sub/b", 0o600)
    yield os.stat("d").st_mtime_ns == before, os.stat("d/sub").st_mtime_ns == before, os.stat("d/a").st_mtime_ns > before
    os.unlink("d/sub/b")
    yield os.stat("d").st_mtime_ns == before, os.stat("d/sub").st_mtime_ns > before
    os.utime("d", ns=(1, 2))
    append("d/a", "y")
    yield os.stat("d").st_mtime_ns


def syncs():
    fd = os.open("f", os.O_RDONLY)
    yield outcome(os.fsync, fd), outcome(os.fdatasync, fd)
    append("f", "x")
    yield outcome(os.fsync, fd)
    os.close(fd)
    fd = os.open("d", os.O_RDONLY)
    yield outcome(os.fsync, fd)
    os.close(fd)
    fd = os.open("g", os.O_WRONLY | os.O_SYNC)
    yield os.write(fd, b"synced")
    os.close(fd)


def direct_reading_and_writing():
    buffer = mmap.mmap(-1, 4096)
    fd = os.open("big", os.O_RDWR | os.O_DIRECT)
    yield os.readv(fd, [buffer]), buffer[:5]
    buffer[:5] = b"DIRCT"
    os.lseek(fd, 0, os.SEEK_SET)
    yield os.writev(fd, [buffer]), get("big")[:8]
    os.close(fd)


def programs():
    yield views.run(["./script"], ".")
    append("script", "echo more\n")
    yield views.run(["./script"], ".")
    os.chmod("script", 0o644)
    yield outcome(os.access, "script", os.X_OK)
    shutil.copy("/bin/true", "true")
    os.rename("true", "d/true")
    yield views.run(["d/true"], ".")


def a_pipe_of_the_base():
    pid = os.fork()
    if pid == 0:
        with open("fifo", "w") as pipe:
            pipe.write("through")
        os._exit(0)
    with open("fifo") as pipe:
        yield pipe.read()
    os.waitpid(pid, 0)
    os.chmod("fifo", 0o600)
    os.rename("fifo", "pipe")
    yield stat.filemode(os.lstat("pipe").st_mode), os.path.exists("fifo")


def symlinks():
    os.utime("link", ns=(3, 4), follow_symlinks=False)
    yield os.lstat("link").st_mtime_ns, os.readlink("link"), get("link")
    append("link", "through the link")
    yield get("f")
    os.rename("link", "d/link")
    yield os.readlink("d/link"), outcome(get, "d/link"), os.path.lexists("link")
    os.symlink("g", "next")
    os.rename("next", "d/link")
    os.symlink("sub/b", "d/deep")
    yield os.readlink("d/link"), get("d/deep")
    os.unlink("d/link")
    yield sorted(os.listdir("d"))


def names_of_255_bytes():
    name, other = "n" * 255, "m" * 255
    append(name, "more")
    os.rename(name, other)
    yield get(other), os.path.exists(name)
    os.unlink(other)
    os.mkdir(name)
    put(f"{name}/{name}", "in")
    os.rename(name, other)
    yield get(f"{other}/{name}"), outcome(put, "x" * 256, ""), outcome(os.mkdir, "x" * 256), outcome(os.rename, other, "x" * 256)
    yield sorted(n for n in os.listdir(".") if len(n) > 200) == [other]


def deep_paths():
    top = os.getcwd()
    os.chdir("d/sub")
    for _ in range(50):
        os.mkdir("x" * 100)
        os.chdir("x" * 100)
    put("bottom", "deep")
    append("bottom", "er")
    os.chmod("bottom", 0o600)
    os.rename("bottom", "ground")
    yield get("ground"), os.listdir(".")
    os.chdir(top)
    os.rename("d", "e")
    os.chdir("e/sub")
    yield os.listdir(".")[0] in ("b", "x" * 100)
    os.chdir(top)
    yield views.run(["rm", "-rf", "e"], "."), os.path.exists("e")


def closed_files():
    fd = os.open("f", os.O_RDWR)
    os.chmod("f", 0)
    yield os.pread(fd, 100, 0), os.pwrite(fd, b"x", 0), outcome(os.open, "f", os.O_RDONLY) if os.geteuid() else "root"
    os.close(fd)
    os.chmod("d", 0)
    yield (outcome(os.listdir, "d"), outcome(put, "d/a", "x"), outcome(os.unlink, "d/a")) if os.geteuid() else "root"
    os.chmod("d", 0o755)
    yield sorted(os.listdir("d"))


def sticky_directories():
    yield outcome(os.unlink, "sticky/theirs"), outcome(os.rename, "sticky/theirs", "mine"), outcome(put, "sticky/mine", "x")
    yield outcome(os.unlink, "sticky/mine")


def swaps():
    yield outcome(rename2, "f", "d", 2), get("d"), sorted(os.listdir("f"))
    put("f/new", "")
    append("d", "more")
    yield outcome(rename2, "f", "d", 2), get("f"), sorted(os.listdir("d")), outcome(rename2, "f", "g", 2), get("f"), get("g")
    yield outcome(rename2, "d", "d/sub", 2), outcome(rename2, "f", "missing", 2), outcome(rename2, "f", "g", 1)


def directories_gone_and_made_again():
    shutil.rmtree("d")
    os.mkdir("d")
    yield os.listdir("d")
    os.mkdir("d/sub")
    yield os.listdir("d/sub"), outcome(os.stat, "d/a")
    put("d/a", "another a")
    os.rename("d", "e")
    os.mkdir("d")
    yield os.listdir("d"), sorted(os.listdir("e")), get("e/a")
    os.rmdir("d")
    os.rename("e", "d")
    yield sorted(os.listdir("d"))


def moves_of_what_was_moved():
    os.rename("d", "e")
    os.rename("e/sub", "sub")
    os.rename("sub", "e/back")
    append("e/back/b", "more")
    os.rename("e", "d")
    yield sorted(os.listdir("d")), get("d/back/b"), os.path.exists("e")
    os.mkdir("d/sub")
    yield os.listdir("d/sub")
    os.rename("d", "many/d")
    yield sorted(os.listdir("many/d")), len(os.listdir("many"))


def numbers_last():
    # Not a symlink and not a FIFO: neither can keep the attribute that holds its number (FORMAT.md, origin).
    names = ["f", "d", "d/a", "big"]
    before = [os.lstat(name).st_ino for name in names]
    for name in names:
        os.utime(name, ns=(1, 1), follow_symlinks=False)
    yield [os.lstat(name).st_ino for name in names] == before
    os.rename("f", "f2")
    os.rename("d", "d2")
    names = ["f2", "d2", "d2/a", "big"]
    yield [os.lstat(name).st_ino for name in names] == before, len(set(before)) == len(names)
    time.sleep(1.2)
    yield [os.lstat(name).st_ino for name in names] == before
    with os.scandir(".") as entries:
        yield all(entry.inode() == os.lstat(entry.name).st_ino for entry in entries)


SCENARIOS = [
    deleted_while_open, replaced_while_open, moved_while_open, readers_see_the_first_write, truncated_by_another,
    two_appending_writers, an_append_of_a_base_file, nameless_files, allocation, holes, shared_mappings, private_mappings,
    locks_over_a_copy_up, copies_of_ranges, deleting_while_listing, positions_in_listings, listing_what_was_not_there,
    handles_on_directories, working_directories, links_to_base_files, exclusive_creation, metadata_through_handles,
    times_move_as_they_should, syncs, direct_reading_and_writing, programs, a_pipe_of_the_base, symlinks, names_of_255_bytes,
    deep_paths, closed_files, sticky_directories, swaps, directories_gone_and_made_again,
    moves_of_what_was_moved, numbers_last,
]


class Handles(deltas.TestCase):
    def compare(self, scenarios, fill_one, kind, user, where=""):
        def fill(base):
            for scenario in scenarios:
                top = os.path.join(base, scenario.__name__)
                os.mkdir(top)
                fill_one(top)
            deltas.give(base, user)
            for scenario in scenarios:
                sticky = os.path.join(base, scenario.__name__, "sticky")
                if os.path.exists(sticky):
                    os.chown(sticky, 0, 0)
                    os.chmod(sticky, 0o1777)
                    os.chown(f"{sticky}/theirs", 0, 0)
            age(base)

        with Delta(fill, **kind) as view:
            plain = os.path.join(view.top, "plain")
            subprocess.run(["cp", "-a", "--sparse=always", view.base, plain], check=True)
            # Of each, what it saw: in the view and beside it, both at once.
            runs = [(scenario, *(views.start_as_user(parity_test.observe(scenario, os.path.join(top, scenario.__name__)), user)
                                 for top in (view.dir, plain))) for scenario in scenarios]
            for scenario, actual, expected in runs:
                with self.subTest(scenario=scenario.__name__, user=user, **kind):
                    views.same(self, actual(), expected(), "results")

            def same_trees(shown, when):
                expected, actual = trees(plain), trees(shown)
                for scenario in scenarios:
                    with self.subTest(scenario=scenario.__name__, user=user, when=when, **kind):
                        views.same(self, actual[scenario.__name__], expected[scenario.__name__], when)
            same_trees(view.dir, "at the end")
            view.umount()
            with view.kernel() as kernel:
                same_trees(kernel, "to the kernel's overlayfs")
            view.mount()
            same_trees(view.dir, "after a remount")


def add_tests():
    # Those of a view without a delta, in a base directory that is empty.
    without_a_delta = parity_test.SCENARIOS
    for coherence, opens in deltas.KINDS:
        kind = dict(coherence=coherence, opens=opens)
        for user, who in ((0, "root"), (NOBODY, "user")):
            def handles(self, kind=kind, user=user):
                self.compare(SCENARIOS, fill_case, kind, user)

            def plain_view(self, kind=kind, user=user):
                self.compare(without_a_delta, lambda top: None, kind, user)
            setattr(Handles, f"test_{coherence}_{opens}_{who}", handles)
            setattr(Handles, f"test_in_an_empty_base_{coherence}_{opens}_{who}", plain_view)


add_tests()
if __name__ == "__main__":
    deltas.main()
