"""What goes wrong in other tools of this kind, each as a test by its symptom."""

import ctypes
import errno
import fcntl
import os
import shutil
import stat
import time

import views
from views import NOBODY, View, as_user, each_kind, get, outcome, put, run

SECRETS = ["allow read /", "allow write /output", "limit none **/secrets", "limit none **/.git", "limit none **/credentials*",
           "limit none **/.env*", "limit none **/*.key"]


def overwrite(path, text):
    with open(path, "w") as file:
        file.write(text)


class Policies(views.TestCase):
    @each_kind
    def test_hidden_directories_are_hidden_at_every_depth(self, kind):
        names = ["secrets/db.txt", "a/b/secrets/x", ".git/config", "config/credentials/aws.json", "a/secrets/deep/er/x", "src/.env.local/x"]
        with View(SECRETS, lambda b: [put(f"{b}/{n}", "secret") for n in names], **kind) as view:
            for name in names:
                self.assertEqual(outcome(get, view.v(name)), "ENOENT", name)
            self.assertEqual(run(["grep", "-r", "secret", "."], view.v()), (1, "", ""))

    @each_kind
    def test_a_wide_grant_does_not_beat_a_narrow_refusal(self, kind):
        with View(["allow read /src/**", "limit none **/.env"], lambda b: put(f"{b}/src/.env", "secret"), **kind) as view:
            self.assertEqual(outcome(get, view.v("src/.env")), "ENOENT")

    @each_kind
    def test_below_a_hidden_name_all_is_hidden(self, kind):
        with View(["allow read /", "limit none **/x.key"], lambda b: put(f"{b}/x.key/y", "secret"), **kind) as view:
            self.assertEqual(outcome(get, view.v("x.key/y")), "ENOENT")

    @each_kind
    def test_a_readable_file_below_a_hidden_folder_is_reached(self, kind):
        rules = ["allow read /deep/er/file"]
        with View(rules, lambda b: [put(f"{b}/deep/er/{n}", "text") for n in ("file", "other")], **kind) as view:
            self.assertEqual(get(view.v("deep/er/file")), "text")
            self.assertEqual(os.listdir(view.v("deep/er")), ["file"])

    @each_kind
    def test_creating_a_hidden_name_fails_as_creating_a_free_one(self, kind):
        with View(["allow write /", "limit none **/.env"], lambda b: put(f"{b}/.env", "secret"), **kind) as view:
            os.mkdir(view.v("d"))
            for call in (lambda p: os.open(p, os.O_CREAT | os.O_EXCL), os.mkdir, os.mkfifo, lambda p: os.symlink("x", p)):
                self.assertEqual(outcome(call, view.v(".env")), "EACCES")
                self.assertEqual(outcome(call, view.v("d/.env")), "EACCES")

    @each_kind
    def test_names_of_whiteouts_are_plain_names(self, kind):
        """`touch .wh.lock.txt` deleted a read-only file, `touch .wh...` its parent."""
        def make(base):
            put(f"{base}/lock.txt", "stays")
            put(f"{base}/other/x", "stays")
        with View(["allow write /", "limit read /lock.txt"], make, **kind) as view:
            for name in (".wh.lock.txt", ".wh...", ".wh..wh..opq", "other/.wh..wh..opq", "other/.wh.x"):
                put(view.v(name), "just a file")
            self.assertEqual(get(view.v("lock.txt")), "stays")
            self.assertEqual(get(view.v("other/x")), "stays")
            self.assertEqual(get(view.v(".wh...")), "just a file")

    @each_kind
    def test_a_directory_rename_does_not_escape_anchored_rules(self, kind):
        rules = ["allow write /", "limit read /d/keep"]
        with View(rules, lambda b: put(f"{b}/d/keep/x", "kept"), **kind) as view:
            self.assertEqual(outcome(os.rename, view.v("d"), view.v("e")), "EXDEV")
            self.assertEqual(outcome(os.rename, view.v("d/keep"), view.v("keep")), "EACCES")
            self.assertEqual(outcome(overwrite, view.v("d/keep/x"), "y"), "EACCES")

    @each_kind
    def test_a_hidden_names_second_link_has_its_own_level(self, kind):
        """Levels go by path: a base hard link is readable where its name is."""
        def make(base):
            put(f"{base}/secrets/x", "shared")
            os.link(f"{base}/secrets/x", f"{base}/open")
        with View(SECRETS, make, **kind) as view:
            self.assertEqual(outcome(get, view.v("secrets/x")), "ENOENT")
            self.assertEqual(get(view.v("open")), "shared")

    @each_kind
    def test_a_parents_link_count_tells_nothing(self, kind):
        with View(SECRETS, lambda b: [os.makedirs(f"{b}/d/{i}.key") for i in range(9)], **kind) as view:
            self.assertEqual(os.stat(view.v("d")).st_nlink, 1)


class HostileDirectories(views.TestCase):
    @each_kind
    def test_a_directory_handle_and_a_swapped_symlink(self, kind):
        """`mv d d2; ln -s /host d`, from inside the view, with a handle on d."""
        with View(["allow write /"], lambda b: put(f"{b}/d/f", "inside"), **kind) as view:
            host = os.path.join(view.top, "host")
            put(f"{host}/f", "host's own")
            handle = os.open(view.v("d"), os.O_RDONLY)
            os.listdir(handle)
            os.rename(view.v("d"), view.v("d2"))
            os.symlink(host, view.v("d"))
            read = outcome(lambda: os.read(os.open("f", os.O_RDONLY, dir_fd=handle), 100))
            self.assertEqual(read, b"inside")
            fd = os.open("f", os.O_WRONLY | os.O_TRUNC, dir_fd=handle)
            os.write(fd, b"changed")
            os.fsync(fd)
            os.close(fd)
            os.close(os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
            os.close(handle)
            self.assertEqual(sorted(os.listdir(host)), ["f"])
            self.assertEqual(get(f"{host}/f"), "host's own")
            self.assertEqual(get(view.b("d2/f")), "changed")

    @each_kind
    def test_symlinks_out_of_the_base_are_the_callers_to_follow(self, kind):
        """A link stores what it is given; following it is the kernel's work in the caller's own tree."""
        with View(["allow write /"], **kind) as view:
            os.symlink("/etc/passwd", view.v("l"))
            self.assertEqual(os.readlink(view.b("l")), "/etc/passwd")
            os.symlink("../../..", view.v("up"))
            self.assertEqual(os.readlink(view.v("up")), "../../..")


class Operations(views.TestCase):
    @each_kind
    def test_symlink_in_a_subfolder_stays_there(self, kind):
        with View(["allow write /"], lambda b: os.makedirs(f"{b}/a/b"), **kind) as view:
            os.symlink("target", view.v("a/b/link"))
            self.assertEqual(os.readlink(view.b("a/b/link")), "target")
            self.assertEqual(os.listdir(view.b()), ["a"])

    @each_kind
    def test_rmdir_of_a_full_directory_fails(self, kind):
        with View(["allow write /"], lambda b: put(f"{b}/d/x", "x"), **kind) as view:
            self.assertEqual(outcome(os.rmdir, view.v("d")), "ENOTEMPTY")

    @each_kind
    def test_chown_needs_permission(self, kind):
        def make(base):
            put(f"{base}/f", "x")
            put(f"{base}/ro/f", "x")
        with View(["allow write /", "limit read /ro"], make, **kind) as view:
            self.assertEqual(as_user(lambda: outcome(os.chown, view.v("f"), NOBODY, NOBODY)), "EPERM")
            self.assertEqual(outcome(os.chown, view.v("ro/f"), NOBODY, NOBODY), "EACCES")

    @each_kind
    def test_rm_r_mv_and_a_recreated_directory(self, kind):
        with View(["allow write /"], lambda b: [put(f"{b}/d/e/f{i}", "x") for i in range(50)], **kind) as view:
            self.assertEqual(run(["mv", "d", "moved"], view.v())[0], 0)
            self.assertEqual(len(os.listdir(view.v("moved/e"))), 50)
            self.assertEqual(run(["rm", "-rf", "moved"], view.v()), (0, "", ""))
            os.makedirs(view.v("moved/e"))
            self.assertEqual(os.listdir(view.v("moved/e")), [])

    @each_kind
    def test_modes_owners_and_times_stay(self, kind):
        with View(["allow write /"], lambda b: put(f"{b}/f", "x"), **kind) as view:
            os.chmod(view.v("f"), 0o751)
            os.chown(view.v("f"), 12, 34)
            os.utime(view.v("f"), ns=(111, 222))
            for path in (view.v("f"), view.b("f")):
                info = os.stat(path)
                self.assertEqual((oct(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns), ("0o100751", 12, 34, 222))

    @each_kind
    def test_fsync_link_mkfifo_utimes_statfs(self, kind):
        with View(["allow write /"], **kind) as view:
            with open(view.v("f"), "w") as file:
                file.write("x")
                file.flush()
                os.fsync(file.fileno())
                os.fdatasync(file.fileno())
            os.link(view.v("f"), view.v("g"))
            os.mkfifo(view.v("p"))
            os.utime(view.v("f"), ns=(5, 6))
            self.assertEqual(os.stat(view.v("g")).st_mtime_ns, 6)
            plain, shown = os.statvfs(view.b()), os.statvfs(view.v())
            self.assertEqual((shown.f_blocks, shown.f_files, shown.f_bsize), (plain.f_blocks, plain.f_files, plain.f_bsize))

    @each_kind
    def test_unnamed_files_work_or_are_refused_clearly(self, kind):
        with View(["allow write /w", "allow read /", "limit none **/*.key"], lambda b: [os.makedirs(f"{b}/{n}") for n in ("w", "r")], **kind) as view:
            self.assertIn(outcome(os.open, view.v("r"), os.O_TMPFILE | os.O_RDWR, 0o600), ("EACCES", "ENOTSUP"))
            fd = outcome(os.open, view.v("w"), os.O_TMPFILE | os.O_RDWR, 0o600)
            if isinstance(fd, str):
                self.assertEqual(fd, "ENOTSUP")
                return
            os.write(fd, b"x")
            self.assertEqual(outcome(views.link_unnamed, fd, view.v("w/a.key")), "EACCES")
            self.assertEqual(outcome(views.link_unnamed, fd, view.v("a")), "EACCES")
            self.assertIsNone(outcome(views.link_unnamed, fd, view.v("w/a")))
            self.assertEqual(get(view.b("w/a")), "x")
            os.close(fd)

    @each_kind
    def test_inode_numbers_stay(self, kind):
        with View(["allow write /"], lambda b: [put(f"{b}/d/{i}", "x") for i in range(20)], **kind) as view:
            numbers = lambda: [os.stat(view.v("d", str(i))).st_ino for i in range(20)]
            first = numbers()
            time.sleep(1.2)
            with open("/proc/sys/vm/drop_caches", "w") as caches:
                caches.write("2")
            self.assertEqual(numbers(), first)
            self.assertEqual(first, [os.stat(view.b("d", str(i))).st_ino for i in range(20)])

    @each_kind
    def test_getcwd_after_a_rename(self, kind):
        with View(["allow write /"], lambda b: os.makedirs(f"{b}/a/b"), **kind) as view:
            def work():
                os.chdir(view.v("a/b"))
                os.rename(view.v("a"), view.v("c"))
                time.sleep(1.2)
                return os.getcwd() == view.v("c/b")
            self.assertEqual(as_user(work, 0), "True")

    @each_kind
    def test_exchange_destroys_nothing(self, kind):
        with View(["allow write /"], lambda b: [put(f"{b}/{n}", n) for n in "ab"], **kind) as view:
            libc = ctypes.CDLL(None, use_errno=True)
            result = libc.renameat2(-100, view.v("a").encode(), -100, view.v("b").encode(), 2)
            self.assertEqual(result, 0, errno.errorcode.get(ctypes.get_errno()))
            self.assertEqual([get(view.v(n)) for n in "ab"], ["b", "a"])
            self.assertEqual([get(view.b(n)) for n in "ab"], ["b", "a"])

    @each_kind
    def test_two_appending_writers_lose_nothing(self, kind):
        with View(["allow write /"], lambda b: put(f"{b}/log", "", 0o666), **kind) as view:
            def write(letter):
                fd = os.open(view.v("log"), os.O_WRONLY | os.O_APPEND)
                for _ in range(300):
                    os.write(fd, letter * 20 + b"\n")
                return os.close(fd)
            waits = [views.start_as_user(lambda l=letter: write(l), 0) for letter in (b"a", b"b")]
            for wait in waits:
                wait()
            lines = get(view.b("log")).splitlines()
            self.assertEqual((lines.count("a" * 20), lines.count("b" * 20), len(lines)), (300, 300, 600))

    @each_kind
    def test_appending_beside_a_writer_of_the_base(self, kind):
        if kind["coherence"] == "snapshot":
            return  # where the base is promised to change through the view alone
        with View(["allow write /"], lambda b: put(f"{b}/log", "", 0o666), **kind) as view:
            inside = os.open(view.v("log"), os.O_WRONLY | os.O_APPEND)
            outside = os.open(view.b("log"), os.O_WRONLY | os.O_APPEND)
            for i in range(100):
                os.write(inside, b"i\n")
                os.write(outside, b"o\n")
            os.close(inside)
            os.close(outside)
            lines = get(view.b("log")).splitlines()
            self.assertEqual((lines.count("i"), lines.count("o"), len(lines)), (100, 100, 200))

    @each_kind
    def test_unix_permissions_count_and_files_belong_to_their_makers(self, kind):
        def make(base):
            put(f"{base}/root", "x", 0o600)
            os.mkdir(f"{base}/open")
            os.chmod(f"{base}/open", 0o777)
        with View(["allow write /"], make, **kind) as view:
            self.assertEqual(as_user(lambda: outcome(get, view.v("root"))), "EACCES")
            self.assertEqual(as_user(lambda: outcome(overwrite, view.v("open/mine"), "x")), "None")
            self.assertEqual(as_user(lambda: outcome(os.mkdir, view.v("open/dir"))), "None")
            for name in ("mine", "dir"):
                self.assertEqual((os.stat(view.b("open", name)).st_uid, os.stat(view.b("open", name)).st_gid), (NOBODY, NOBODY))

    @each_kind
    def test_a_fifo_is_a_fifo_and_hangs_nobody(self, kind):
        with View(["allow write /"], lambda b: [os.mkfifo(f"{b}/p"), put(f"{b}/f", "x")], **kind) as view:
            self.assertTrue(stat.S_ISFIFO(os.lstat(view.v("p")).st_mode))
            self.assertEqual(outcome(os.open, view.v("p"), os.O_WRONLY | os.O_NONBLOCK), "ENXIO")
            self.assertEqual(run(["timeout", "20", "cp", "-a", "p", "q"], view.v())[0], 0)
            self.assertEqual(run(["timeout", "20", "tar", "cf", "/dev/null", "."], view.v())[0], 0)
            self.assertEqual(get(view.v("f")), "x")


class Tools(views.TestCase):
    @each_kind
    def test_walks_do_not_abort(self, kind):
        with View(SECRETS, lambda b: [put(f"{b}/{i}/{j}/f", "text") for i in range(5) for j in range(5)], **kind) as view:
            for words in (["find", ".", "-ls"], ["grep", "-r", "text", "."], ["du", "-sk", "."], ["cp", "-r", ".", "output"], ["ls", "-R"]):
                os.makedirs(view.b("output"), exist_ok=True)
                time.sleep(0.3)
                target = os.path.join(view.top, "copy")
                shutil.rmtree(target, ignore_errors=True)
                words = words if words[0] != "cp" else ["cp", "-r", ".", target]
                status, _, errors = run(words, view.v())
                self.assertEqual((status, errors), (0, ""), words)

    @each_kind
    def test_a_large_file_copies_out_and_in(self, kind):
        def make(base):
            with open(f"{base}/large", "wb") as file:
                for i in range(64):
                    file.write(bytes([i]) * (1 << 20))
        with View(["allow write /"], make, **kind) as view:
            out = os.path.join(view.top, "out")
            self.assertEqual(run(["cp", view.v("large"), out], "/")[0], 0)
            self.assertEqual(run(["cmp", out, view.b("large")], "/"), (0, "", ""))
            self.assertEqual(run(["cp", out, view.v("back")], "/")[0], 0)
            self.assertEqual(run(["cmp", out, view.b("back")], "/"), (0, "", ""))
            self.assertEqual(run(["cmp", view.v("back"), view.v("large")], "/"), (0, "", ""))

    @each_kind
    def test_a_sparse_file_stays_sparse(self, kind):
        def make(base):
            with open(f"{base}/sparse", "wb") as file:
                file.truncate(1 << 30)
        with View(["allow write /"], make, **kind) as view:
            with open(view.v("sparse"), "r+b") as file:
                file.seek(1 << 29)
                file.write(b"middle")
            self.assertLess(os.stat(view.v("sparse")).st_blocks * 512, 1 << 20)
            self.assertEqual(run(["cp", "--sparse=auto", "sparse", "copy"], view.v())[0], 0)
            self.assertLess(os.stat(view.b("copy")).st_blocks * 512, 1 << 20)
            os.unlink(view.v("copy"))

    @each_kind
    def test_locks_hold_between_processes(self, kind):
        with View(["allow write /"], lambda b: put(f"{b}/f", "x", 0o666), **kind) as view:
            mine = os.open(view.v("f"), os.O_RDWR)
            fcntl.flock(mine, fcntl.LOCK_EX)

            def attempt():
                return outcome(fcntl.flock, os.open(view.v("f"), os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.assertEqual(as_user(attempt), "EAGAIN")
            fcntl.flock(mine, fcntl.LOCK_UN)
            self.assertEqual(as_user(attempt), "None")
            os.close(mine)


if __name__ == "__main__":
    views.main()
