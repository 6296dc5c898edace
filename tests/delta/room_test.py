"""A delta without room: a full file system under it and a limit of its own give ENOSPC, nothing breaks, and it goes on
when there is room again."""

import os
import shutil
import subprocess

import deltas
from deltas import Delta, get, outcome, put, run, support, views

MEGABYTE = 1 << 20


def fill(base):
    with open(f"{base}/big", "wb") as file:
        for i in range(24):
            file.write(bytes([i]) * MEGABYTE)
    put(f"{base}/dir/f", "of the base")
    for i in range(200):
        put(f"{base}/many/{i}", "x" * 5000)


def write_until_full(path, limit=200):
    """Megabytes that went in, and the error that ended it."""
    with open(path, "wb", buffering=0) as file:
        for count in range(limit):
            left = MEGABYTE
            while left:  # what goes in of it first may be less
                result = outcome(file.write, bytes([count]) * left)
                if isinstance(result, str):
                    return count, result
                left -= result
            result = outcome(os.fsync, file.fileno())
            if result is not None:
                return count, result
    return limit, None


class FileSystem:
    """A small one of its own, on which the delta lies."""

    def __init__(self, kind):
        self.kind = kind

    def __enter__(self):
        self.top = views.temporary(prefix="small", dir=support.Machine.work)
        self.place = os.path.join(self.top, "place")
        os.mkdir(self.place)
        if self.kind == "tmpfs":
            support.mount("tmpfs", self.place, "tmpfs", 0, "size=16m,nr_inodes=4k")
        else:
            image = os.path.join(self.top, "image")
            with open(image, "wb") as file:
                file.truncate(16 * MEGABYTE)
            subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", image], check=True)
            subprocess.run(["mount", "-o", "loop", image, self.place], check=True)
        return self

    def __exit__(self, *_):
        support.umount(self.place)
        shutil.rmtree(self.top, ignore_errors=True)


class Room(deltas.TestCase):
    def full_disk(self, kind):
        with FileSystem(kind) as small, Delta(fill, top=None) as first:
            # A base with room, a delta without.
            first.umount()
            first.delta = os.path.join(small.place, "delta")
            first.mount()
            view = first
            self.assertEqual(outcome(append_byte, view.v("big")), "ENOSPC")
            self.assertEqual((os.stat(view.v("big")).st_size, run(["cmp", view.v("big"), view.b("big")], "/")[0]), (24 * MEGABYTE, 0))
            self.assertEqual(views.tree(os.path.join(view.delta, "work")), [], "what was begun of a copy-up is left")

            count, error = write_until_full(view.v("filler"))
            self.assertEqual(error, "ENOSPC")
            self.assertGreater(count, 5)
            # Full to the last block, for copies and for names.
            with open(view.v("filler"), "ab", buffering=0) as file:
                for size in (65536, 4096, 512, 1):
                    while outcome(file.write, bytes(size)) == size:
                        pass
            self.assertEqual(outcome(append_byte, view.v("many/1")), "ENOSPC")
            results = {outcome(append_byte, view.v(f"many/{i}")) for i in range(200)}
            self.assertEqual(results, {"ENOSPC"})
            results = {outcome(os.mkdir, view.v(f"new{i}")) for i in range(5)} | {outcome(os.rename, view.v("dir"), view.v("moved"))}
            self.assertLessEqual(results, {None, "ENOSPC"})
            self.assertEqual({get(view.v(f"many/{i}")) for i in range(200)}, {"x" * 5000})
            self.assertEqual(run(["find", "."], view.v())[0], 0)
            shown = os.statvfs(view.v())
            self.assertLess(shown.f_bavail * shown.f_frsize, MEGABYTE)

            os.unlink(view.v("filler"))
            # The kernel lets go of a closed file a little later.
            self.assertTrue(support.wait_until(lambda: outcome(append_byte, view.v("many/1")) is None))
            shutil.rmtree(view.v("many"))
            put(view.v("after"), "goes on")
            view.remount()
            self.assertEqual((get(view.v("after")), os.path.exists(view.v("many"))), ("goes on", False))
            view.umount()
            with view.kernel() as kernel:
                self.assertEqual((get(f"{kernel}/after"), os.path.exists(f"{kernel}/many")), ("goes on", False))
            view.mount()

    def discard_on_a_full_disk(self, kind):
        with FileSystem(kind) as small, Delta(fill, top=None) as view:
            view.umount()
            view.delta = os.path.join(small.place, "delta")
            view.mount()
            os.chmod(view.v(), 0o711)
            os.setxattr(view.v(), "user.note", b"of the view")
            for i in range(200):
                put(view.v(f"many/{i}"), "changed" * 1000)
            os.rename(view.v("dir"), view.v("moved"))
            view.umount()
            other = os.path.join(small.place, "other")  # by another hand, to the last inode and block
            write_until_full(other)
            with open(other, "ab", buffering=0) as file:
                for size in (65536, 4096, 512, 1):
                    while outcome(file.write, bytes(size)) == size:
                        pass
            count = 0
            while outcome(os.mkdir, f"{small.place}/{count}") is None:
                count += 1
            code, out = run([support.Machine.helper, "delta", "discard", view.delta, "--base", view.base], "/")[:2]
            self.assertEqual((code, out.endswith(" discarded\n")), (0, True), out)
            os.unlink(other)
            code, out = run([support.Machine.helper, "delta", "status", view.delta, "--base", view.base], "/")[:2]
            self.assertEqual((code, out), (0, "no changes\n"))
            view.mount()
            self.assertEqual(deltas.difference(view.base, view.v()), "")

    def test_discard_on_a_full_tmpfs(self):
        self.discard_on_a_full_disk("tmpfs")

    def test_discard_on_a_full_ext4(self):
        self.discard_on_a_full_disk("ext4")

    def test_a_full_tmpfs(self):
        self.full_disk("tmpfs")

    def test_a_full_ext4(self):
        self.full_disk("ext4")

    def test_a_limit(self):
        for coherence, opens in deltas.KINDS:
            with self.subTest(coherence=coherence, opens=opens):
                with Delta(fill, coherence=coherence, opens=opens, options=",delta-size=8M") as view:
                    self.assertEqual(outcome(append_byte, view.v("big")), "ENOSPC")
                    before = os.statvfs(view.v())
                    self.assertLessEqual(before.f_bavail * before.f_frsize, 8 * MEGABYTE)
                    self.assertGreater(before.f_bavail * before.f_frsize, 7 * MEGABYTE)
                    count, error = write_until_full(view.v("filler"))
                    self.assertEqual(error, "ENOSPC")
                    self.assertIn(count, (6, 7, 8))
                    after = os.statvfs(view.v())
                    self.assertLess(after.f_bavail * after.f_frsize, 2 * MEGABYTE)
                    self.assertLessEqual(space_of(view.upper()), 8 * MEGABYTE + 65536)
                    os.unlink(view.v("filler"))
                    # Where opens are not asked, a deleted file counts until the kernel has let go of it.
                    self.assertTrue(support.wait_until(lambda: free_in(view.v()) > 7 * MEGABYTE))
                    self.assertGreater(write_until_full(view.v("again"), 5)[0], 4)
                    # Names count too: a limit that only counts bytes is no limit.
                    self.assertIn("ENOSPC", {outcome(os.mkdir, view.v(f"d{i}")) for i in range(20_000)} if opens == "asked" and
                                  coherence == "live" else {"ENOSPC"})
                    self.assertEqual(get(view.v("dir/f")), "of the base")
                    view.remount()
                    self.assertEqual(os.stat(view.v("again")).st_size, 5 * MEGABYTE)
                    self.assertEqual(outcome(append_byte, view.v("big")), "ENOSPC")

    def test_a_sparse_write_counts_what_it_takes(self):
        with Delta(fill, options=",delta-size=8M") as view:
            with open(view.v("sparse"), "wb") as file:
                self.assertIsNone(outcome(os.ftruncate, file.fileno(), 1 << 30))
                self.assertEqual(outcome(os.pwrite, file.fileno(), b"x", 1 << 29), 1)
            self.assertEqual(outcome(os.posix_fallocate, os.open(view.v("sparse"), os.O_RDWR), 0, 64 * MEGABYTE), "ENOSPC")


def free_in(place):
    info = os.statvfs(place)
    return info.f_bavail * info.f_frsize


def append_byte(path):
    with open(path, "ab", buffering=0) as file:
        file.write(b"!")


def space_of(top):
    total = 0
    for directory, names, files in os.walk(top):
        total += sum(os.lstat(os.path.join(directory, name)).st_blocks * 512 for name in files)
    return total


if __name__ == "__main__":
    deltas.main()
