"""The same operations on a plain directory and in a view in which everything is writable: same results, same
errors, same tree. Run as root and as an ordinary user, for every way of serving."""

import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import signal
import socket
import stat
import struct
import time

import views
from views import NOBODY, View, each_kind, outcome

libc = ctypes.CDLL(None, use_errno=True)
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
SEEK_DATA, SEEK_HOLE = 3, 4


def c_call(name, *args):
    ctypes.set_errno(0)
    function = getattr(libc, name)
    function.restype = ctypes.c_long
    result = function(*args)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def rename2(a, b, flags):
    return c_call("renameat2", -100, a.encode(), -100, b.encode(), flags)


def put(name, content="x"):
    with open(name, "w") as file:
        file.write(content)


def get(name):
    with open(name) as file:
        return file.read()


def get_bytes(name):
    with open(name, "rb") as file:
        return file.read()


# A scenario works in the current directory and yields what it saw. Each stands for itself.

def create_and_open_flags():
    yield outcome(os.close, os.open("a", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
    yield oct(os.stat("a").st_mode)
    yield outcome(os.open, "a", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    yield outcome(os.open, "missing", os.O_RDONLY)
    yield outcome(os.open, "missing/b", os.O_RDONLY | os.O_CREAT)
    yield outcome(os.open, "a/b", os.O_RDONLY)
    put("a", "content")
    fd = os.open("a", os.O_WRONLY | os.O_TRUNC)
    yield os.fstat(fd).st_size
    yield outcome(os.read, fd, 1)
    os.close(fd)
    fd = os.open("a", os.O_RDONLY)
    yield outcome(os.write, fd, b"x")
    os.close(fd)
    os.mkdir("d")
    yield outcome(os.open, "d", os.O_WRONLY)
    yield outcome(os.open, "d", os.O_RDWR | os.O_CREAT)
    os.symlink("a", "l")
    yield outcome(os.open, "l", os.O_RDONLY | os.O_NOFOLLOW)
    put("l", "through")
    yield get("a")
    os.symlink("nowhere", "dangling")
    yield outcome(os.open, "dangling", os.O_RDONLY)
    put("dangling", "made")
    yield get("nowhere")
    yield outcome(os.open, "n" * 256, os.O_CREAT | os.O_WRONLY)
    put("n" * 255)
    yield sorted(os.listdir("."))


def modes_of_new_files():
    old = os.umask(0)
    os.close(os.open("all", os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir("dir", 0o777)
    os.umask(0o027)
    os.close(os.open("less", os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir("less-dir", 0o777)
    os.mkfifo("fifo", 0o666)
    os.umask(old)
    for name in ("all", "dir", "less", "less-dir", "fifo"):
        yield oct(os.stat(name).st_mode)
    # Closed against its own writer, as git makes its objects.
    fd = os.open("readonly", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o444)
    yield os.write(fd, b"one")
    time.sleep(1.5)
    yield os.write(fd, b"two")
    os.close(fd)
    yield get("readonly")
    fd = os.open("closing", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    os.write(fd, b"one")
    os.fchmod(fd, 0o400)
    time.sleep(1.5)
    yield os.write(fd, b"two")
    os.close(fd)


def reading_and_writing():
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    yield os.write(fd, b"hello world")
    yield os.pread(fd, 5, 6)
    yield os.pread(fd, 100, 11)
    yield os.pwrite(fd, b"W", 6)
    yield os.pwrite(fd, b"far", 100000)
    yield os.fstat(fd).st_size
    yield os.pread(fd, 3, 50000)
    os.ftruncate(fd, 8)
    yield os.pread(fd, 100, 0)
    os.ftruncate(fd, 20)
    yield os.pread(fd, 100, 0)
    os.truncate("f", 3)
    yield os.pread(fd, 100, 0)
    big = bytes(i * i % 251 for i in range(1 << 20)) * 3
    yield sum(os.pwrite(fd, big[i:i + (1 << 20)], i) for i in range(0, len(big), 1 << 20))
    yield os.pread(fd, len(big), 0) == big
    os.close(fd)
    with open("f", "rb") as file:
        yield file.read() == big
    yield os.stat("f").st_size, outcome(os.truncate, "f", -1), outcome(os.truncate, "missing", 1)


def appending():
    one = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    two = os.open("log", os.O_WRONLY | os.O_APPEND)
    for i in range(200):
        os.write(one, b"1")
        os.write(two, b"2")
    os.close(one)
    os.close(two)
    yield get("log")
    children = []
    for letter in b"ab":
        pid = os.fork()
        if pid == 0:
            fd = os.open("shared", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
            for _ in range(500):
                os.write(fd, bytes([letter]) * 10 + b"\n")
            os._exit(0)
        children.append(pid)
    yield [os.waitpid(pid, 0)[1] for pid in children]
    lines = get("shared").splitlines()
    yield len(lines), lines.count("a" * 10), lines.count("b" * 10)
    os.unlink("shared")  # in an order that nobody has promised


def mapped_writes():
    put("m", "0" * 10000)
    fd = os.open("m", os.O_RDWR)
    with mmap.mmap(fd, 10000) as shared:
        shared[5000:5005] = b"hello"
        yield os.pread(fd, 5, 5000)
        os.pwrite(fd, b"there", 100)
        yield shared[100:105]
        shared.flush()
    os.close(fd)
    yield get("m")[4998:5007]
    with open("m", "rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as private:
        private[0:1] = b"!"
        yield private[0:2]
    yield get("m")[0:2]


def names_that_come_and_go():
    put("f")
    os.mkdir("d")
    put("d/x")
    yield outcome(os.unlink, "d"), outcome(os.rmdir, "f"), outcome(os.rmdir, "d")
    yield outcome(os.unlink, "missing"), outcome(os.rmdir, "missing"), outcome(os.unlink, "f/x")
    yield outcome(os.mkdir, "d"), outcome(os.mkdir, "missing/d"), outcome(os.mkdir, "f")
    os.unlink("d/x")
    yield outcome(os.rmdir, "d"), os.path.exists("d")
    os.symlink("../over/there", "s")
    yield os.readlink("s"), outcome(os.symlink, "x", "s"), oct(os.lstat("s").st_mode), os.lstat("s").st_size
    yield outcome(os.readlink, "f"), outcome(os.symlink, "", "empty"), outcome(os.symlink, "a" * 4095, "long")
    os.mkfifo("p")
    yield stat.S_ISFIFO(os.stat("p").st_mode)
    server = socket.socket(socket.AF_UNIX)
    server.bind("sock")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect("sock")
    yield stat.S_ISSOCK(os.stat("sock").st_mode)
    client.close()
    server.close()
    os.mknod("reg", stat.S_IFREG | 0o600)
    yield oct(os.stat("reg").st_mode)
    yield sorted(os.listdir("."))


def fifo_between_processes():
    os.mkfifo("p")
    pid = os.fork()
    if pid == 0:
        with open("p", "w") as pipe:
            pipe.write("through the pipe")
        os._exit(0)
    with open("p") as pipe:
        yield pipe.read()
    os.waitpid(pid, 0)


def hard_links():
    put("a", "shared")
    yield outcome(os.link, "a", "b"), os.stat("a").st_nlink, os.path.samefile("a", "b")
    yield outcome(os.link, "a", "b"), outcome(os.link, "missing", "c"), outcome(os.link, "a", "missing/c")
    put("b", "changed")
    yield get("a")
    os.mkdir("d")
    yield outcome(os.link, "d", "e")
    yield outcome(os.link, "a", "d/c")
    os.unlink("a")
    yield os.stat("b").st_nlink, get("b"), get("d/c")
    os.rename("b", "d/c")  # one file under both names: nothing happens
    yield os.path.exists("b"), os.path.exists("d/c")
    os.symlink("b", "s")
    yield outcome(os.link, "s", "t", follow_symlinks=False), os.readlink("t")


def renames():
    put("a", "a")
    put("b", "b")
    os.makedirs("d/e")
    put("d/e/f", "f")
    os.mkdir("empty")
    yield outcome(os.rename, "a", "b"), get("b"), os.path.exists("a")
    yield outcome(os.rename, "missing", "x"), outcome(os.rename, "b", "missing/x")
    yield outcome(os.rename, "b", "d"), outcome(os.rename, "d", "b")
    yield outcome(os.rename, "d", "d/e/inside"), outcome(os.rename, "d/e/f", "d")
    yield outcome(os.rename, "d", "empty"), get("empty/e/f")
    os.mkdir("full")
    put("full/x")
    yield outcome(os.rename, "empty", "full")
    yield outcome(os.rename, "empty", "moved"), get("moved/e/f"), outcome(os.rename, "b", "b")
    yield rename2("b", "full/x", RENAME_NOREPLACE), rename2("b", "fresh", RENAME_NOREPLACE)
    put("one", "1")
    put("two", "2")
    yield rename2("one", "two", RENAME_EXCHANGE), get("one"), get("two")
    yield rename2("one", "full", RENAME_EXCHANGE), get("full"), sorted(os.listdir("one"))
    yield rename2("one", "missing", RENAME_EXCHANGE), rename2("one", "two", RENAME_EXCHANGE | RENAME_NOREPLACE)
    yield rename2("moved", "moved/e", RENAME_EXCHANGE)
    os.symlink("one", "link")
    yield outcome(os.rename, "link", "two"), os.readlink("two")


def working_directory_follows_renames():
    os.makedirs("a/b/c")
    top = os.getcwd()
    os.chdir("a/b/c")
    os.rename(top + "/a/b", top + "/b2")
    yield os.path.relpath(os.getcwd(), top)
    put("here", "here")
    yield get(top + "/b2/c/here"), sorted(os.listdir("."))
    os.rename(top + "/b2", top + "/a/b3")
    yield os.path.relpath(os.getcwd(), top), get("here"), os.stat("..").st_ino == os.stat(top + "/a/b3").st_ino
    os.unlink("here")
    os.rmdir(top + "/a/b3/c")
    yield outcome(os.getcwd), outcome(os.listdir, "."), outcome(put, "x"), os.stat(".").st_mode
    os.chdir(top)


def deleted_but_open():
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"still here")
    os.unlink("f")
    yield os.path.exists("f"), os.fstat(fd).st_size, os.fstat(fd).st_nlink
    time.sleep(1.2)
    yield os.pread(fd, 20, 0), os.pwrite(fd, b"S", 0), os.pread(fd, 5, 0)
    os.ftruncate(fd, 3)
    yield os.fstat(fd).st_size
    os.fchmod(fd, 0o600)
    yield oct(os.fstat(fd).st_mode)
    os.fsync(fd)
    put("f", "another")
    yield os.pread(fd, 20, 0), get("f")
    os.close(fd)
    fd = os.open("old", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"old")
    put("new", "new")
    os.rename("new", "old")
    yield os.pread(fd, 20, 0), get("old"), os.fstat(fd).st_nlink
    os.close(fd)
    fd = os.open("ro", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"ro")
    os.close(fd)
    fd = os.open("ro", os.O_RDONLY)
    os.unlink("ro")
    yield os.read(fd, 10)
    os.close(fd)
    os.mkdir("gone")
    fd = os.open("gone", os.O_RDONLY)
    os.rmdir("gone")
    yield os.fstat(fd).st_nlink > 1, outcome(os.open, "x", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    os.close(fd)


def attributes():
    put("f", "12345")
    os.chmod("f", 0o600)
    yield oct(os.stat("f").st_mode)
    os.utime("f", ns=(1_000_000_000_123456789, 2_000_000_000_987654321))
    yield os.stat("f").st_mtime_ns, os.stat("f").st_atime_ns
    os.symlink("f", "s")
    os.utime("s", ns=(5_000_000_000, 6_000_000_001), follow_symlinks=False)
    yield os.lstat("s").st_mtime_ns, os.stat("f").st_mtime_ns
    before = os.stat("f").st_mtime_ns
    os.utime("f")
    yield os.stat("f").st_mtime_ns > before
    os.mkdir("d")
    os.chmod("d", 0o1755)
    yield oct(os.stat("d").st_mode)
    os.utime("d", ns=(1, 2))
    yield os.stat("d").st_mtime_ns
    yield outcome(os.chmod, "missing", 0o600), outcome(os.utime, "missing")
    os.mkfifo("p")
    os.chmod("p", 0o640)
    yield oct(os.stat("p").st_mode)
    fd = os.open("f", os.O_RDWR)
    os.fchmod(fd, 0o000)
    yield oct(os.fstat(fd).st_mode), os.pread(fd, 5, 0)
    os.fchmod(fd, 0o644)
    os.utime(fd, ns=(7, 8))
    os.close(fd)
    yield os.stat("f").st_mtime_ns, os.access("f", os.R_OK), os.access("f", os.X_OK)


def owners():
    put("f")
    for user, group in ((1234, -1), (-1, 4321), (NOBODY, NOBODY)):
        yield outcome(os.chown, "f", user, group), os.stat("f").st_uid, os.stat("f").st_gid
    os.symlink("f", "s")
    yield outcome(os.lchown, "s", 77, 78), os.lstat("s").st_uid, os.stat("f").st_uid
    os.mkdir("d")
    yield outcome(os.chown, "d", 5, 6), os.stat("d").st_uid, os.stat("d").st_gid


def permissions_count():
    put("secret", "s")
    os.chmod("secret", 0)
    yield outcome(get, "secret"), outcome(put, "secret", "y"), os.access("secret", os.R_OK)
    os.mkdir("closed")
    put("closed/x")
    os.chmod("closed", 0)
    yield outcome(os.listdir, "closed"), outcome(os.stat, "closed/x") == "EACCES", outcome(put, "closed/y")
    os.chmod("closed", 0o500)
    yield outcome(os.unlink, "closed/x"), outcome(put, "closed/y")
    os.chmod("closed", 0o700)


def programs_run():
    put("script", "#!/bin/sh\necho ran $1\n")
    yield outcome(os.spawnl, os.P_WAIT, "./script", "script")
    os.chmod("script", 0o755)
    yield views.run(["./script", "well"], ".")
    fd = os.open("true2", os.O_CREAT | os.O_WRONLY, 0o755)
    with open("/bin/true", "rb") as source:
        os.write(fd, source.read())
    os.close(fd)
    yield views.run(["./true2"], ".")


def execute_only_programs():
    shutil.copy("/bin/true", "true")
    os.chmod("true", 0o111)
    yield views.run(["./true"], ".")


def listing_large_directories():
    os.mkdir("d")
    names = {f"file-{i}" for i in range(3000)}
    for name in names:
        os.close(os.open("d/" + name, os.O_CREAT | os.O_WRONLY))
    yield set(os.listdir("d")) == names
    seen = []
    with os.scandir("d") as entries:
        for entry in entries:
            seen.append(entry.name)
            os.unlink("d/" + entry.name)  # as rm -r does, while the listing is under way
    yield set(seen) == names, len(seen) == len(names), os.listdir("d")
    yield outcome(os.rmdir, "d")


def entry_types_agree():
    put("f")
    os.mkdir("d")
    os.symlink("f", "s")
    os.mkfifo("p")
    for entry in sorted(os.scandir("."), key=lambda e: e.name):
        yield entry.name, entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False), entry.is_symlink()
        yield entry.inode() == os.lstat(entry.name).st_ino


def locks():
    put("f", "x" * 100)
    one, two = os.open("f", os.O_RDWR), os.open("f", os.O_RDWR)
    fcntl.flock(one, fcntl.LOCK_EX)
    yield outcome(fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(one, fcntl.LOCK_UN)
    yield outcome(fcntl.flock, two, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fcntl.flock(two, fcntl.LOCK_UN)
    fcntl.lockf(one, fcntl.LOCK_EX, 10, 0)
    pid = os.fork()
    if pid == 0:
        mine = os.open("f", os.O_RDWR)
        ok = outcome(fcntl.lockf, mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 5) in ("EAGAIN", "EACCES")
        ok = ok and outcome(fcntl.lockf, mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 50) is None
        os._exit(0 if ok else 1)
    yield os.waitpid(pid, 0)[1]
    os.close(one)
    os.close(two)


def sync_calls():
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"x")
    yield outcome(os.fsync, fd), outcome(os.fdatasync, fd)
    os.close(fd)
    fd = os.open("f", os.O_RDONLY)
    yield outcome(os.fsync, fd)
    os.close(fd)
    fd = os.open(".", os.O_RDONLY)
    yield outcome(os.fsync, fd)
    os.close(fd)
    fd = os.open("s", os.O_CREAT | os.O_WRONLY | os.O_SYNC)
    yield os.write(fd, b"synced")
    os.close(fd)


def allocation_and_holes():
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    yield outcome(os.posix_fallocate, fd, 0, 8192), os.fstat(fd).st_size
    yield c_call("fallocate", fd, 1, ctypes.c_long(0), ctypes.c_long(1 << 20)), os.fstat(fd).st_size  # KEEP_SIZE
    os.pwrite(fd, b"x" * 8192, 0)
    yield c_call("fallocate", fd, 3, ctypes.c_long(0), ctypes.c_long(4096)), os.pread(fd, 4, 0)  # PUNCH_HOLE
    os.close(fd)
    fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"end", 1 << 30)
    yield os.lseek(fd, 0, SEEK_DATA), os.lseek(fd, 0, SEEK_HOLE), os.stat("sparse").st_blocks < 1000
    yield outcome(os.lseek, fd, 1 << 31, SEEK_DATA)
    os.close(fd)
    fd = os.open("sparse", os.O_WRONLY)
    yield os.lseek(fd, 0, SEEK_DATA)
    os.close(fd)
    os.truncate("sparse", 0)


def copying_ranges():
    put("from", "0123456789" * 1000)
    source, target = os.open("from", os.O_RDONLY), os.open("to", os.O_CREAT | os.O_RDWR)
    yield os.copy_file_range(source, target, 10000, 0, 0)
    yield os.pread(target, 20000, 0) == b"0123456789" * 1000
    yield os.copy_file_range(source, target, 5, 5, 3), os.pread(target, 12, 0)
    os.lseek(source, 0, os.SEEK_SET)
    yield os.sendfile(target, source, 0, 100)
    yield outcome(os.copy_file_range, target, source, 5, 0, 0)
    os.close(source)
    os.close(target)


def direct_io():
    buffer = mmap.mmap(-1, 8192)
    buffer[:8192] = b"d" * 8192
    fd = os.open("f", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    yield os.writev(fd, [buffer])
    os.lseek(fd, 0, os.SEEK_SET)
    back = mmap.mmap(-1, 8192)
    yield os.readv(fd, [back]), back[:8192] == b"d" * 8192
    os.close(fd)
    yield get("f") == "d" * 8192


def extended_attributes():
    put("f")
    os.mkdir("d")
    for name in ("f", "d"):
        yield outcome(os.setxattr, name, "user.one", b"1"), outcome(os.getxattr, name, "user.one")
        yield outcome(os.setxattr, name, "user.one", b"2", os.XATTR_CREATE)
        yield outcome(os.setxattr, name, "user.two", b"2", os.XATTR_REPLACE)
        yield outcome(os.setxattr, name, "user.two", b"x" * 1000), len(os.getxattr(name, "user.two"))
        yield sorted(os.listxattr(name)), outcome(os.getxattr, name, "user.missing")
        yield outcome(os.removexattr, name, "user.one"), outcome(os.removexattr, name, "user.one")
        yield outcome(os.getxattr, name, "nonsense.x")
    os.mkfifo("p")
    yield outcome(os.setxattr, "p", "user.x", b"1"), os.listxattr("p")


def numbers_stay():
    put("f")
    os.mkdir("d")
    ids = os.stat("f").st_ino, os.stat("d").st_ino
    os.rename("f", "g")
    os.rename("d", "e")
    yield (os.stat("g").st_ino, os.stat("e").st_ino) == ids
    time.sleep(1.2)
    yield (os.stat("g").st_ino, os.stat("e").st_ino) == ids, ids[0] != ids[1]


def deep_paths():
    top = os.getcwd()
    for i in range(60):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    put("bottom", "deep")
    time.sleep(1.2)
    yield get("bottom"), os.listdir("."), outcome(os.stat, "/".join(["d" * 100] * 60))
    os.unlink("bottom")
    os.chdir(top)
    shutil.rmtree("d" * 100)
    yield os.listdir(".")


def large_files_opened_in_many_ways():
    """Large enough for the kernel to read and write the base by itself."""
    content = bytes(i * i % 251 for i in range(1 << 20)) * 2
    with open("f", "wb") as file:
        file.write(content)
        reader = os.open("f", os.O_RDONLY)  # while the first handle is open
        yield file.flush(), os.pread(reader, 10, 1 << 20)
    os.close(reader)
    writer, reader = os.open("f", os.O_RDWR), os.open("f", os.O_RDONLY)
    yield os.pwrite(writer, b"here", 5), os.pread(reader, 10, 0), os.fstat(reader).st_size
    with mmap.mmap(reader, 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
        os.pwrite(writer, b"there", 1 << 20)
        yield mapped[1 << 20:(1 << 20) + 5]
    appender = os.open("f", os.O_WRONLY | os.O_APPEND)
    yield os.write(appender, b"end"), os.fstat(writer).st_size, os.pread(reader, 10, 2 << 20)
    direct = os.open("f", os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 4096)
    yield os.readv(direct, [buffer]), buffer[:10]
    os.ftruncate(writer, 100)
    yield os.pread(reader, 200, 0) == os.pread(reader, 100, 0), os.fstat(reader).st_size
    emptier = os.open("f", os.O_WRONLY | os.O_TRUNC)
    yield os.fstat(reader).st_size, os.pread(reader, 10, 0)
    yield os.write(emptier, b"anew"), os.pread(reader, 10, 0)
    for fd in (writer, reader, appender, direct, emptier):
        os.close(fd)
    with open("g", "wb") as file:
        file.write(content)
    reader = os.open("g", os.O_RDONLY)
    os.unlink("g")
    yield os.pread(reader, 5, 1 << 20), os.fstat(reader).st_size
    os.close(reader)
    with open("g", "wb") as file:
        file.write(content)
    os.link("g", "h")
    one, two = os.open("g", os.O_RDWR), os.open("h", os.O_RDWR)
    yield os.pwrite(one, b"one", 0), os.pread(two, 5, 0), os.pwrite(two, b"two", 0), os.pread(one, 5, 0)
    os.close(one)
    os.close(two)
    shutil.copyfile("g", "copy")
    yield os.path.getsize("copy"), get_bytes("copy") == get_bytes("h")


def odd_names():
    for name in (b"with space", b"new\nline", b"\xff\xfe", "é".encode(), b"-rf", b"..x", b"...", b"a\\b", b"*"):
        fd = os.open(name, os.O_CREAT | os.O_WRONLY)
        os.write(fd, name)
        os.close(fd)
    yield sorted(os.listdir(b"."))
    for name in sorted(os.listdir(b".")):
        with open(name, "rb") as file:
            yield file.read() == name


def whole_file_system():
    info = os.statvfs(".")
    yield info.f_namemax, info.f_blocks > 0, info.f_files > 0


def unnamed_files():
    # Only where the kernel and libfuse know it; then it must work in full.
    fd = outcome(os.open, ".", os.O_TMPFILE | os.O_RDWR, 0o600)
    if isinstance(fd, str):
        return
    os.write(fd, b"born nameless")
    yield os.fstat(fd).st_nlink
    yield outcome(views.link_unnamed, fd, "named"), get("named"), os.stat("named").st_nlink
    os.close(fd)


def interrupted_waits():
    """A signal while waiting for a lock ends the wait, and the file stays usable."""
    put("f")
    one = os.open("f", os.O_RDWR)
    fcntl.lockf(one, fcntl.LOCK_EX)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        mine = os.open("f", os.O_RDWR)
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
        libc.fcntl.restype = ctypes.c_int
        result = libc.fcntl(mine, fcntl.F_SETLKW, request)
        os._exit(0 if result == -1 and ctypes.get_errno() == errno.EINTR else 1)
    yield os.waitpid(pid, 0)[1]
    os.close(one)


SCENARIOS = [
    create_and_open_flags, modes_of_new_files, reading_and_writing, appending, mapped_writes, names_that_come_and_go,
    fifo_between_processes, hard_links, renames, working_directory_follows_renames, deleted_but_open, attributes, owners,
    permissions_count, programs_run, execute_only_programs, listing_large_directories, entry_types_agree, locks, sync_calls,
    allocation_and_holes, copying_ranges, direct_io, extended_attributes, numbers_stay, deep_paths,
    large_files_opened_in_many_ways, odd_names,
    whole_file_system, unnamed_files, interrupted_waits,
]


def observe(scenario, directory):
    """Runs it in a child, whose working directory and ids are its own."""
    def work():
        os.chdir(directory)
        os.umask(0o022)
        seen = []
        try:
            for each in scenario():
                seen.append(each)
        except Exception as error:  # noqa: B902: compared like any other result
            seen.append(f"raised {error!r}".replace(directory, ""))
        return "\n".join(map(repr, seen))
    return work


class Parity(views.TestCase):
    def compare(self, kind, user, by_user=False):
        with View(["allow write /"], by_user=by_user, **kind) as view:
            # Both on the base's own file system, so that its abilities are not what is compared.
            runs = []
            for scenario in SCENARIOS:
                # The helper has to read what the kernel runs, and has no right beyond its user's.
                if by_user and scenario is execute_only_programs:
                    continue
                plain, inside = os.path.join(view.top, scenario.__name__), view.v(scenario.__name__)
                for directory in (plain, view.b(scenario.__name__)):
                    os.mkdir(directory)
                    os.chown(directory, user, user)
                runs.append((scenario, plain, inside, *(views.start_as_user(observe(scenario, directory), user)
                                                        for directory in (plain, inside))))
            for scenario, plain, inside, expected, actual in runs:
                with self.subTest(scenario=scenario.__name__, user=user, **kind):
                    expected, actual = expected(), actual()
                    if scenario is unnamed_files and not actual:
                        continue
                    views.same(self, actual, expected, "results")
                    views.same(self, views.tree(view.b(scenario.__name__)), views.tree(plain), "tree of the base")
                    views.same(self, views.as_user(lambda: "\n".join(views.tree(inside)), user),
                               views.as_user(lambda: "\n".join(views.tree(plain)), user), "tree of the view")

    @each_kind
    def test_as_root(self, kind):
        self.compare(kind, 0)

    @each_kind
    def test_as_an_ordinary_user(self, kind):
        self.compare(kind, NOBODY)

    @each_kind
    def test_with_a_helper_of_the_same_user(self, kind):
        """Without capabilities the helper can do what the base lets its user do, and no more."""
        self.compare(kind, NOBODY, by_user=True)


if __name__ == "__main__":
    views.main()
