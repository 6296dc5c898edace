"""What the delta layers of other tools lose or get wrong, each as a test by its symptom, in every way of serving; and what
this one's format asks for."""

import ctypes
import os
import shutil
import stat

import deltas
from deltas import NOBODY, Delta, get, outcome, put, run, views
from operations_test import rename2

LIBC = ctypes.CDLL(None, use_errno=True)


def tree(base):
    for i in range(30):
        put(f"{base}/dir/sub{i % 3}/f{i}", f"content {i}")
    put(f"{base}/file", "of the base")
    put(f"{base}/other", "other")


def each_kind(test):
    """In each way of serving, over a base that `tree` has filled."""
    def wrapper(self):
        for coherence, opens in deltas.KINDS:
            with self.subTest(coherence=coherence, opens=opens):
                with Delta(getattr(test, "fill", tree), coherence=coherence, opens=opens) as view:
                    test(self, view)
    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


def filled_by(fill):
    def mark(test):
        test.fill = fill
        return test
    return mark


class Directories(deltas.TestCase):
    @each_kind
    def test_rm_rf_of_a_base_directory(self, view):
        """Was ENOTEMPTY."""
        self.assertEqual(run(["rm", "-rf", "dir"], view.v()), (0, "", ""))
        view.remount()
        self.assertEqual(sorted(os.listdir(view.v())), ["file", "other"])
        self.assertEqual(outcome(os.stat, view.v("dir/sub1")), "ENOENT")

    @each_kind
    def test_mv_of_a_base_directory(self, view):
        """Left a file of 0 bytes."""
        self.assertIsNone(outcome(os.rename, view.v("dir"), view.v("moved")))
        for _ in range(2):
            self.assertEqual(get(view.v("moved/sub1/f1")), "content 1")
            self.assertEqual(len(os.listdir(view.v("moved/sub2"))), 10)
            self.assertFalse(os.path.lexists(view.v("dir")))
            view.remount()

    def deep(base):
        os.makedirs(base + "/deep" + "/d" * 250)
        put(base + "/deep" + "/d" * 250 + "/f", "deep down")

    @each_kind
    @filled_by(deep)
    def test_a_move_past_the_bound_is_a_copy(self, view):
        """Where a base directory is too much to be copied up at once, mv copies it through the view; see FORMAT.md."""
        self.assertEqual(outcome(os.rename, view.v("deep"), view.v("moved")), "EXDEV")
        self.assertEqual((os.listdir(view.v()), os.listdir(view.upper())), (["deep"], []))
        self.assertEqual(run(["mv", "deep", "moved"], view.v()), (0, "", ""))
        view.remount()
        self.assertEqual((os.listdir(view.v()), get(view.v("moved" + "/d" * 250 + "/f"))), (["moved"], "deep down"))

    @each_kind
    def test_a_directory_made_again_is_empty(self, view):
        """Showed the old children."""
        shutil.rmtree(view.v("dir"))
        os.mkdir(view.v("dir"))
        for _ in range(2):
            self.assertEqual(os.listdir(view.v("dir")), [])
            self.assertEqual(outcome(os.stat, view.v("dir/sub0")), "ENOENT")
            view.remount()
        os.makedirs(view.v("dir/sub0"))
        self.assertEqual(os.listdir(view.v("dir/sub0")), [])
        view.remount()
        self.assertEqual((os.listdir(view.v("dir")), os.listdir(view.v("dir/sub0"))), (["sub0"], []))

    @each_kind
    def test_rmdir_of_a_full_directory_fails(self, view):
        self.assertEqual(outcome(os.rmdir, view.v("dir")), "ENOTEMPTY")
        for i in range(3):
            self.assertEqual(outcome(os.rmdir, view.v(f"dir/sub{i}")), "ENOTEMPTY")
        os.mkdir(view.v("new"))
        put(view.v("new/x"), "x")
        self.assertEqual(outcome(os.rmdir, view.v("new")), "ENOTEMPTY")
        self.assertEqual(len(os.listdir(view.v("dir/sub0"))), 10)

    @each_kind
    def test_a_symlink_made_in_a_subfolder_stays_there(self, view):
        """Landed at the delta's root."""
        os.symlink("target", view.v("dir/sub1/link"))
        self.assertEqual(os.readlink(view.v("dir/sub1/link")), "target")
        self.assertEqual(os.readlink(view.upper("dir/sub1/link")), "target")
        self.assertEqual(os.listdir(view.upper()), ["dir"])

    @each_kind
    def test_a_file_in_the_place_of_a_directory_and_back(self, view):
        shutil.rmtree(view.v("dir"))
        put(view.v("dir"), "a file now")
        os.unlink(view.v("file"))
        os.mkdir(view.v("file"))
        view.remount()
        self.assertEqual((get(view.v("dir")), os.listdir(view.v("file"))), ("a file now", []))
        os.unlink(view.v("dir"))
        os.mkdir(view.v("dir"))
        view.remount()
        self.assertEqual(os.listdir(view.v("dir")), [])


class Names(deltas.TestCase):
    @each_kind
    def test_whiteout_names_of_other_formats_are_plain_names(self, view):
        """`touch .wh.file` deleted `file`, `touch .wh...` its parent, at the root everything."""
        for name in (".wh.file", ".wh...", ".wh..", ".wh..wh..opq", "dir/.wh.sub0", "dir/.wh..wh..opq", ".wh..wh.plnk", "dir/.wh..."):
            put(view.v(name), "plain")
        for _ in range(2):
            self.assertEqual(get(view.v("file")), "of the base")
            self.assertEqual(len(os.listdir(view.v("dir/sub0"))), 10)
            self.assertEqual(get(view.v(".wh.file")), "plain")
            self.assertIn(".wh...", os.listdir(view.v("dir")))
            view.remount()

    @each_kind
    def test_nothing_that_is_written_becomes_a_mark(self, view):
        """Whiteouts, opaque marks and what else overlayfs reads."""
        for kind in (stat.S_IFCHR, stat.S_IFBLK):
            self.assertEqual(outcome(os.mknod, view.v("file2"), kind | 0o600, 0), "EPERM")
        for name in ("opaque", "whiteout", "redirect", "metacopy", "origin", "agentfense.origin", "overlay.x", ""):
            for path in ("dir", "file"):
                for action in (lambda p, n: os.setxattr(p, n, b"y"), os.removexattr):
                    self.assertIn(outcome(action, view.v(path), f"user.overlay.{name}"), ("EPERM", "ENODATA", "EINVAL"))
                self.assertIn(outcome(os.getxattr, view.v(path), f"user.overlay.{name}"), ("ENODATA",))
            self.assertIn(outcome(os.setxattr, view.v("dir"), f"trusted.overlay.{name}", b"y"), ("EPERM", "ENOTSUP", "EINVAL"))
        self.assertIn(outcome(rename2, view.v("file"), view.v("away"), 4), ("EINVAL", "EPERM"))  # RENAME_WHITEOUT
        self.assertEqual(len(os.listdir(view.v("dir/sub0"))), 10)

    def attributes_of_marks(base):
        tree(base)
        os.setxattr(f"{base}/file", "user.overlay.opaque", b"y")
        os.setxattr(f"{base}/file", "user.overlay.overlay.opaque", b"y")
        os.setxattr(f"{base}/dir", "user.overlay.opaque", b"y")
        os.setxattr(f"{base}/dir", "user.plain", b"p")

    @each_kind
    @filled_by(attributes_of_marks)
    def test_marks_in_the_base_mean_nothing(self, view):
        """A base that was an upper layer once: its attributes are not shown, and are escaped on copy-up."""
        self.assertEqual((os.listxattr(view.v("file")), os.listxattr(view.v("dir"))), ([], ["user.plain"]))
        put(view.v("dir/new"), "x")
        os.chmod(view.v("dir"), 0o755)
        os.chmod(view.v("file"), 0o600)
        view.remount()
        self.assertEqual(len(os.listdir(view.v("dir"))), 4)
        self.assertEqual((os.listxattr(view.v("file")), os.listxattr(view.v("dir"))), ([], ["user.plain"]))


class Files(deltas.TestCase):
    @each_kind
    def test_a_changed_mode_stays(self, view):
        """Was lost."""
        os.chmod(view.v("file"), 0o751)
        os.chmod(view.v("dir"), 0o711)
        view.remount()
        self.assertEqual((oct(os.stat(view.v("file")).st_mode), oct(os.stat(view.v("dir")).st_mode)), ("0o100751", "0o40711"))
        self.assertEqual(get(view.v("file")), "of the base")

    def owned(base):
        tree(base)
        os.chown(f"{base}/file", 12, 34)
        os.chmod(f"{base}/file", 0o666)
        os.chown(f"{base}/dir", 56, 78)
        os.chmod(f"{base}/dir", 0o777)
        os.setxattr(f"{base}/file", "user.kept", b"kept")
        for name in ("file", "dir"):
            os.utime(f"{base}/{name}", ns=(1_000_000_001, 2_000_000_002))

    @each_kind
    @filled_by(owned)
    def test_owner_mode_times_and_attributes_survive_a_copy_up(self, view):
        """Owner and times became those of the copy."""
        os.chmod(view.v("file"), 0o660)
        put(view.v("dir/sub0/new"), "x")
        for _ in range(2):
            info = os.stat(view.v("file"))
            self.assertEqual((info.st_uid, info.st_gid, oct(info.st_mode), info.st_mtime_ns), (12, 34, "0o100660", 2_000_000_002))
            self.assertEqual(os.getxattr(view.v("file"), "user.kept"), b"kept")
            info = os.stat(view.v("dir"))
            self.assertEqual((info.st_uid, info.st_gid, oct(info.st_mode), info.st_mtime_ns), (56, 78, "0o40777", 2_000_000_002))
            view.remount()

    @each_kind
    @filled_by(owned)
    def test_who_writes_does_not_become_the_owner(self, view):
        def write():
            with open(view.v("file"), "a") as file:
                file.write("more")
            os.mkdir(view.v("dir/mine"))
        views.as_user(write, NOBODY)
        self.assertEqual((os.stat(view.v("file")).st_uid, os.stat(view.v("dir/mine")).st_uid, os.stat(view.v("dir")).st_uid),
                         (12, NOBODY, 56))
        self.assertEqual(get(view.v("file")), "of the basemore")

    @each_kind
    def test_a_later_mount_applies_nothing_again(self, view):
        """Each later command wrote its old data over newer data."""
        put(view.v("file"), "first")
        view.remount()
        put(view.v("file"), "second")
        os.unlink(view.v("other"))
        view.remount()
        put(view.v("other"), "third")
        for _ in range(3):
            view.remount()
            self.assertEqual((get(view.v("file")), get(view.v("other"))), ("second", "third"))
        self.assertEqual((get(view.b("file")), get(view.b("other"))), ("of the base", "other"))

    @each_kind
    def test_exchange_destroys_nothing(self, view):
        for one, two in (("file", "other"), ("file", "dir"), ("dir/sub0", "dir/sub1"), ("dir/sub0/f0", "other")):
            before = [views.tree(view.v(name)) if os.path.isdir(view.v(name)) else get(view.v(name)) for name in (one, two)]
            self.assertIsNone(outcome(rename2, view.v(one), view.v(two), 2))
            view.remount()
            after = [views.tree(view.v(name)) if os.path.isdir(view.v(name)) else get(view.v(name)) for name in (two, one)]
            self.assertEqual(before, after)
            self.assertIsNone(outcome(rename2, view.v(one), view.v(two), 2))

    @each_kind
    def test_two_appending_writers_lose_nothing(self, view):
        def write(letter):
            fd = os.open(view.v("file"), os.O_WRONLY | os.O_APPEND)
            for _ in range(300):
                os.write(fd, letter * 20 + b"\n")
            return os.close(fd)
        waits = [views.start_as_user(lambda l=letter: write(l), 0) for letter in (b"a", b"b")]
        for wait in waits:
            wait()
        lines = get(view.v("file")).replace("of the base", "").splitlines()
        self.assertEqual((lines.count("a" * 20), lines.count("b" * 20), len(lines)), (300, 300, 600))

    def sparse(base):
        with open(f"{base}/sparse", "wb") as file:
            file.truncate(1 << 30)
            os.pwrite(file.fileno(), b"middle", 1 << 29)

    @each_kind
    @filled_by(sparse)
    def test_a_sparse_file_is_not_filled_by_its_copy_up(self, view):
        """1 GiB of holes became 1 GiB of zeros."""
        with open(view.v("sparse"), "r+b") as file:
            file.seek(1 << 20)
            file.write(b"one megabyte in")
            file.flush()
            os.fsync(file.fileno())
        for path in (view.v("sparse"), view.upper("sparse")):
            self.assertLess(os.stat(path).st_blocks * 512, 1 << 20)
            self.assertEqual(os.stat(path).st_size, 1 << 30)
        with open(view.v("sparse"), "rb") as file:
            self.assertEqual((os.pread(file.fileno(), 6, 1 << 29), os.pread(file.fileno(), 15, 1 << 20)), (b"middle", b"one megabyte in"))

    @each_kind
    def test_numbers_last_over_copy_ups_and_mounts(self, view):
        """GNU find, grep -r, du, cp and rm -r give up where they do not."""
        numbers = lambda: [os.stat(view.v(name)).st_ino for name in ("file", "other", "dir", "dir/sub0", "dir/sub0/f0")]
        first = numbers()
        os.chmod(view.v("file"), 0o600)
        put(view.v("dir/sub0/f0"), "changed")
        put(view.v("dir/new"), "new")
        self.assertEqual(numbers(), first)
        new = os.stat(view.v("dir/new")).st_ino
        view.remount()
        self.assertEqual((numbers(), os.stat(view.v("dir/new")).st_ino), (first, new))
        self.assertEqual(len({*first, new}), len(first) + 1)

    @each_kind
    def test_locks_fsync_links_fifos_and_free_space(self, view):
        with open(view.v("file"), "r+") as file:
            file.write("x")
            file.flush()
            os.fsync(file.fileno())
            os.fdatasync(file.fileno())
        os.link(view.v("file"), view.v("dir/sub0/link"))
        os.mkfifo(view.v("dir/fifo"))
        view.remount()
        self.assertEqual(os.stat(view.v("file")).st_nlink, 2)
        self.assertTrue(os.path.samefile(view.v("file"), view.v("dir/sub0/link")))
        self.assertTrue(stat.S_ISFIFO(os.stat(view.v("dir/fifo")).st_mode))
        shown, real = os.statvfs(view.v()), os.statvfs(view.upper())
        self.assertEqual((shown.f_blocks, shown.f_bsize), (real.f_blocks, real.f_bsize))
        self.assertGreater(shown.f_bavail, 0)

    def linked(base):
        put(f"{base}/one", "both")
        os.link(f"{base}/one", f"{base}/two")

    @each_kind
    @filled_by(linked)
    def test_a_base_files_names_part_at_the_first_write(self, view):
        """As in the kernel's overlayfs: the copy has the one name. The other, and the base, stay as they are."""
        self.assertEqual(os.stat(view.v("one")).st_ino, os.stat(view.v("two")).st_ino)
        with open(view.v("one"), "a") as file:
            file.write("!")
        for _ in range(2):
            self.assertEqual((get(view.v("one")), get(view.v("two"))), ("both!", "both"))
            self.assertNotEqual(os.stat(view.v("one")).st_ino, os.stat(view.v("two")).st_ino)
            view.remount()


class Policies(deltas.TestCase):
    RULES = ("allow write /", "limit read /ro", "limit view /seen", "limit none **/hid")

    def fill(base):
        for name in ("ro/f", "seen/f", "dir/hid/x", "dir/f", "hid", "whole/hid"):
            put(f"{base}/{name}", "base's")

    def over(self):
        for coherence, opens in deltas.KINDS:
            with self.subTest(coherence=coherence, opens=opens):
                with Delta(Policies.fill, rules=self.RULES, coherence=coherence, opens=opens) as view:
                    yield view

    def test_a_directory_with_hidden_entries_can_go(self):
        """With a delta nothing hidden stands in the way, and nothing hidden comes back."""
        for view in self.over():
            self.assertEqual(outcome(os.unlink, view.v("dir/f")), None)
            self.assertIsNone(outcome(os.rmdir, view.v("dir")))
            self.assertIsNone(outcome(os.rename, view.v("whole"), view.v("moved")))
            view.remount()
            self.assertEqual(sorted(os.listdir(view.v())), ["moved", "ro", "seen"])
            os.mkdir(view.v("dir"))
            self.assertEqual((os.listdir(view.v("dir")), os.listdir(view.v("moved"))), ([], []))
            self.assertFalse(os.path.lexists(view.upper("moved/hid")))

    def test_the_delta_holds_what_may_be_written_and_no_more(self):
        for view in self.over():
            for name in ("ro/f", "seen/f", "ro/new", "hid", "dir/hid", "ro/hid"):
                self.assertEqual(outcome(put, view.v(name), "x"), "EACCES", name)
            for name in ("ro/f", "ro"):
                self.assertEqual(outcome(os.chmod, view.v(name), 0o777), "EACCES", name)
            for name in ("hid", "dir/hid"):
                self.assertEqual(outcome(os.unlink, view.v(name)), "ENOENT", name)
            self.assertEqual(os.listdir(view.upper()), [])

    def test_nothing_hidden_is_copied_up(self):
        for view in self.over():
            os.rename(view.v("dir"), view.v("moved"))
            os.chmod(view.v("whole"), 0o700)
            found = [name for _, names, files in os.walk(view.upper()) for name in names + files]
            self.assertEqual(sorted(found), ["dir", "f", "moved", "whole"])


if __name__ == "__main__":
    deltas.main()
