"""What a policy takes away: for root and an ordinary user, in every way of serving."""

import mmap
import os
import resource
import stat
import subprocess
import time

import views
from views import NOBODY, View, as_user, each_kind, get, outcome, put

RULES = [
    "allow write /", "limit read /ro", "limit view /meta", "limit none /secrets", "limit none **/.env",
    "limit none **/*.key", "limit none /vault except /vault/public/notes",
]


def fill(base):
    put(f"{base}/src/main.c", "int main;")
    put(f"{base}/src/.env", "TOKEN=1")
    put(f"{base}/src/id.key", "KEY")
    put(f"{base}/src/sub/.env", "TOKEN=2")
    put(f"{base}/ro/lib.h", "lib", 0o777)
    put(f"{base}/ro/tool", "#!/bin/sh\necho tool\n", 0o755)
    put(f"{base}/ro/sub/x", "x")
    put(f"{base}/meta/data.csv", "1,2", 0o666)
    put(f"{base}/meta/sub/y", "y")
    os.symlink("data.csv", f"{base}/meta/link")
    put(f"{base}/secrets/db.txt", "password")
    put(f"{base}/secrets/deep/er", "password")
    put(f"{base}/vault/public/notes/n", "open")
    put(f"{base}/vault/public/hidden", "closed")
    put(f"{base}/vault/key", "closed")
    put(f"{base}/.env", "ROOT=1")
    for directory, names, files in os.walk(base):
        for name in names + files:
            os.lchown(os.path.join(directory, name), NOBODY, NOBODY)


class Policy(views.TestCase):
    def check(self, kind, calls):
        """calls(v) gives (what is expected, function) pairs; a set means any of it."""
        for user in (0, NOBODY):
            with View(RULES, fill, **kind) as view:
                count = len(calls(view.v))
                text = as_user(lambda: [outcome(f) for _, f in calls(view.v)], user)
                actual = eval(text)  # noqa: S307: our own repr
                self.assertEqual(len(actual), count, text)
                for index, ((expected, _), got) in enumerate(zip(calls(view.v), actual)):
                    allowed = expected if isinstance(expected, set) else {expected}
                    self.assertIn(got, allowed, f"call {index} as user {user}, {kind}")

    @each_kind
    def test_hidden_is_absent_for_every_operation(self, kind):
        names = ("secrets", "secrets/db.txt", ".env", "src/.env", "src/id.key", "src/sub/.env", "vault/key",
                 "vault/public/hidden", "secrets/none", "src/none.key")
        with View(RULES, fill, **kind) as view:
            for user in (0, NOBODY):
                for name in names:
                    path = view.v(name)
                    calls = [os.stat, os.lstat, os.listdir, os.readlink, os.unlink, os.rmdir, get,
                             lambda p: os.open(p, os.O_RDONLY), lambda p: os.open(p, os.O_RDWR),
                             lambda p: os.chmod(p, 0o777), lambda p: os.utime(p), lambda p: os.truncate(p, 0),
                             lambda p: os.rename(p, view.v("src/x")), lambda p: os.link(p, view.v("src/x")),
                             lambda p: os.getxattr(p, "user.x"), os.listxattr, os.statvfs,
                             lambda p: os.chown(p, NOBODY, NOBODY)]
                    text = as_user(lambda: [outcome(call, path) for call in calls], user)
                    self.assertEqual(eval(text), ["ENOENT"] * len(calls), f"{name} as {user}, {kind}")

    @each_kind
    def test_hidden_is_in_no_listing(self, kind):
        with View(RULES, fill, **kind) as view:
            for user in (0, NOBODY):
                list_of = lambda name: eval(as_user(lambda: sorted(os.listdir(view.v(name))), user))
                self.assertEqual(list_of(""), ["meta", "ro", "src", "vault"])
                self.assertEqual(list_of("src"), ["main.c", "sub"])
                self.assertEqual(list_of("src/sub"), [])
                self.assertEqual(list_of("vault"), ["public"])
                self.assertEqual(list_of("vault/public"), ["notes"])
                self.assertEqual(list_of("vault/public/notes"), ["n"])

    @each_kind
    def test_creating_a_hidden_name_tells_nothing(self, kind):
        """The same refusal whether or not the name is taken."""
        with View(RULES, fill, **kind) as view:
            def attempts(path):
                return [
                    outcome(lambda: os.open(path, os.O_CREAT | os.O_WRONLY)),
                    outcome(lambda: os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
                    outcome(os.mkdir, path), outcome(os.symlink, "x", path), outcome(os.mkfifo, path),
                    outcome(os.link, view.v("src/main.c"), path), outcome(os.rename, view.v("src/main.c"), path),
                    outcome(os.mknod, path, stat.S_IFREG | 0o600),
                ]
            for taken, free in ((".env", "src/sub/../sub/../.env"), ("src/id.key", "src/free.key"),
                                ("secrets/db.txt", "secrets/free")):
                for user in (0, NOBODY):
                    on_taken = as_user(lambda: attempts(view.v(taken)), user)
                    on_free = as_user(lambda: attempts(view.v(free)), user)
                    self.assertEqual(on_taken, on_free)
                    if "/" not in taken or taken.startswith("src"):
                        self.assertEqual(set(eval(on_taken)), {"EACCES"})
            self.assertEqual(get(view.b(".env")), "ROOT=1")

    @each_kind
    def test_reserved_names_are_in_no_view(self, kind):
        """What an apply left unfinished in the base, under a policy that allows everything."""
        reserved = (".agentfense-apply-00ff-1", "d/.agentfense-apply-00ff-2")

        def make(base):
            for name in reserved:
                put(f"{base}/{name}", "a secret's content")
            put(f"{base}/d/.agentfense-applied", "shown")

        with View(["allow write /"], make, **kind) as view:
            v = view.v
            self.assertEqual((os.listdir(v()), os.listdir(v("d"))), (["d"], [".agentfense-applied"]))
            for name in (*reserved, ".agentfense-apply-", "d/.agentfense-apply-free"):
                for call in (os.lstat, os.listdir, get, os.unlink, os.rmdir, lambda p: os.rename(p, v("x")),
                             lambda p: os.link(p, v("x"))):
                    self.assertEqual(outcome(call, v(name)), "ENOENT", name)
                for call in (os.mkdir, os.mkfifo, lambda p: os.symlink("x", p), lambda p: put(p, "x"),
                             lambda p: os.link(v("d/.agentfense-applied"), p), lambda p: os.rename(v("d/.agentfense-applied"), p)):
                    self.assertEqual(outcome(call, v(name)), "EACCES", name)
            self.assertEqual(get(view.b(reserved[1])), "a secret's content")

    @each_kind
    def test_read_only_files_take_no_change(self, kind):
        self.check(kind, lambda v: [
            ("lib", lambda: get(v("ro/lib.h"))),
            ("EACCES", lambda: put_no_mode(v("ro/lib.h"), "x")),
            ("EACCES", lambda: append(v("ro/lib.h"), "x")),
            ("EACCES", lambda: os.truncate(v("ro/lib.h"), 0)),
            ("EACCES", lambda: os.chmod(v("ro/lib.h"), 0o777)),
            ("EACCES", lambda: os.utime(v("ro/lib.h"), (1, 1))),
            ({"EACCES", "EPERM"}, lambda: os.chown(v("ro/lib.h"), NOBODY, -1)),
            ("EACCES", lambda: os.setxattr(v("ro/lib.h"), "user.x", b"1")),
            ("EACCES", lambda: os.unlink(v("ro/lib.h"))),
            ("EACCES", lambda: os.rmdir(v("ro/sub"))),
            ("EACCES", lambda: os.rename(v("ro/lib.h"), v("src/lib.h"))),
            ("EACCES", lambda: os.rename(v("src/main.c"), v("ro/lib.h"))),
            ("EACCES", lambda: os.rename(v("src/main.c"), v("ro/new"))),
            ("EACCES", lambda: os.link(v("ro/lib.h"), v("src/lib.h"))),
            ("EACCES", lambda: os.link(v("src/main.c"), v("ro/new"))),
            ("EACCES", lambda: os.mkdir(v("ro/new"))),
            ("EACCES", lambda: os.symlink("x", v("ro/new"))),
            ("EACCES", lambda: os.mkfifo(v("ro/new"))),
            ("EACCES", lambda: put_no_mode(v("ro/new"), "x")),
            ("EACCES", lambda: os.rename(v("ro"), v("moved"))),
            ("EACCES", lambda: os.rename(v("src"), v("ro/src"))),
            ((0, "tool\n", ""), lambda: views.run([v("ro/tool")], "/")),
            ("0o100555", lambda: oct(os.stat(v("ro/lib.h")).st_mode)),
            ("0o40555", lambda: oct(os.stat(v("ro/sub")).st_mode)),
            ("lib", lambda: get(v("ro/lib.h"))),
        ])

    @each_kind
    def test_view_level_shows_names_and_attributes_alone(self, kind):
        self.check(kind, lambda v: [
            ("0o100000", lambda: oct(os.stat(v("meta/data.csv")).st_mode)),
            (3, lambda: os.stat(v("meta/data.csv")).st_size),
            ("data.csv", lambda: os.readlink(v("meta/link"))),
            (3, lambda: len(os.listdir(v("meta")))),
            ("EACCES", lambda: get(v("meta/data.csv"))),
            ("EACCES", lambda: get(v("meta/link"))),
            ("EACCES", lambda: os.getxattr(v("meta/data.csv"), "user.x")),
            (0, lambda: len(os.listxattr(v("meta/data.csv")))),
            ("EACCES", lambda: append(v("meta/data.csv"), "x")),
            ("EACCES", lambda: os.unlink(v("meta/data.csv"))),
            ("EACCES", lambda: os.link(v("meta/data.csv"), v("src/data.csv"))),
            ("EACCES", lambda: os.rename(v("meta/data.csv"), v("src/data.csv"))),
            ("EACCES", lambda: os.rename(v("meta/link"), v("src/link"))),
            ("EACCES", lambda: os.truncate(v("meta/data.csv"), 0)),
        ])

    @each_kind
    def test_traversable_directories_lead_and_take_no_change(self, kind):
        self.check(kind, lambda v: [
            ("open", lambda: get(v("vault/public/notes/n"))),
            (None, lambda: put_no_mode(v("vault/public/notes/m"), "x")),
            ("EACCES", lambda: os.mkdir(v("vault/new"))),
            ("EACCES", lambda: os.rmdir(v("vault"))),
            ("EACCES", lambda: os.rename(v("vault"), v("v2"))),
            ("EACCES", lambda: os.rename(v("vault/public"), v("p2"))),
            ("EACCES", lambda: os.chmod(v("vault"), 0o777)),
            ("EACCES", lambda: os.setxattr(v("vault"), "user.x", b"1")),
            ("EACCES", lambda: os.getxattr(v("vault"), "user.x")),
            ("0o40555", lambda: oct(os.stat(v("vault")).st_mode)),
            ("ENOENT", lambda: get(v("vault/key"))),
        ])

    @each_kind
    def test_access_agrees_with_open(self, kind):
        with View(RULES, fill, **kind) as view:
            names = ["ro/lib.h", "ro/tool", "meta/data.csv", "src/main.c", "src/.env"]

            def agree():
                seen = []
                for name in names:
                    for mode, flags in ((os.R_OK, os.O_RDONLY), (os.W_OK, os.O_WRONLY)):
                        may = os.access(view.v(name), mode)
                        can = not isinstance(outcome(os.open, view.v(name), flags), str)
                        seen.append((name, flags) if may != can else None)
                return [each for each in seen if each]
            self.assertEqual(as_user(agree), "[]")

    @each_kind
    def test_directories_move_only_where_all_is_alike(self, kind):
        rules = ["allow write /", "limit none /a/hidden", "limit none **/.env"]

        def make(base):
            for name in ("a/x", "a/hidden", "b/y", "b/.env", "c/.env"):
                put(f"{base}/{name}", name)

        with View(rules, make, **kind) as view:
            v = view.v
            self.assertEqual(outcome(os.rename, v("a"), v("a2")), "EXDEV")
            self.assertEqual(outcome(os.rename, v("b"), v("a")), "EXDEV")
            self.assertIsNone(outcome(os.rename, v("b"), v("b2")))
            self.assertEqual(sorted(os.listdir(v("b2"))), ["y"])
            self.assertEqual(outcome(os.stat, v("b2/.env")), "ENOENT")
            self.assertEqual(get(view.b("b2/.env")), "b/.env")
            # Over a directory that is empty to us: whether it holds something hidden must not show.
            os.mkdir(v("empty"))
            self.assertEqual(outcome(os.rename, v("b2"), v("empty")), "EXDEV")
            self.assertEqual(outcome(os.rename, v("b2"), v("c")), "EXDEV")
            # mv(1) then copies through the view, and nothing hidden comes along.
            os.rmdir(v("empty"))
            done = views.run(["mv", "a", "a2"], v())
            self.assertEqual(get(v("a2/x")), "a/x", done)
            self.assertFalse(os.path.exists(view.b("a2/hidden")))
            self.assertEqual(get(view.b("a/hidden")), "a/hidden")

    @each_kind
    def test_a_second_name_gives_no_second_level(self, kind):
        """A base hard link of another level is another node: no cached page, no write passes over."""
        rules = ["allow write /", "limit read /ro", "limit view /meta"]

        def make(base):
            put(f"{base}/w/f", "first", 0o666)
            for name in ("ro", "meta"):
                os.mkdir(f"{base}/{name}")
                os.link(f"{base}/w/f", f"{base}/{name}/f")

        with View(rules, make, **kind) as view:
            v = view.v
            self.assertEqual(get(v("w/f")), "first")
            self.assertEqual(outcome(get, v("meta/f")), "EACCES")
            self.assertEqual(get(v("ro/f")), "first")
            self.assertEqual(outcome(append, v("ro/f"), "x"), "EACCES")
            put_no_mode(v("w/f"), "second")
            # The other node's pages are dropped as soon as the kernel has been told.
            self.assertTrue(wait_for(lambda: get(v("ro/f")) == "second"))
            self.assertEqual(len({os.stat(v(n)).st_ino for n in ("w/f", "ro/f", "meta/f")}), 1)

    @each_kind
    def test_devices_and_foreign_attributes_are_refused(self, kind):
        with View(["allow write /"], lambda b: put(f"{b}/f", "x", 0o666), **kind) as view:
            path = view.v("f")
            self.assertEqual(outcome(os.mknod, view.v("null"), stat.S_IFCHR | 0o666, os.makedev(1, 3)), "EPERM")
            self.assertEqual(outcome(os.mknod, view.v("w"), stat.S_IFCHR, os.makedev(0, 0)), "EPERM")
            self.assertEqual(outcome(os.mknod, view.v("b"), stat.S_IFBLK, os.makedev(7, 0)), "EPERM")
            for name in ("user.overlay.opaque", "user.overlay.whiteout", "trusted.overlay.opaque", "security.capability"):
                # The kernel checks the form of a capability set before it asks any file system.
                value = b"y" if name != "security.capability" else bytes.fromhex("01000002" + "00" * 16)
                os.setxattr(view.b("f"), name, value)
                self.assertEqual(outcome(os.getxattr, path, name), "ENODATA", name)
                self.assertEqual(outcome(os.setxattr, path, name, value), "EPERM", name)
                self.assertEqual(outcome(os.removexattr, path, name), "EPERM", name)
            self.assertEqual(os.listxattr(path), [])
            self.assertEqual(outcome(os.getxattr, path, "system.posix_acl_access"), "ENOTSUP")

    @each_kind
    def test_set_id_bits_do_not_show_and_do_not_stick(self, kind):
        def make(base):
            put(f"{base}/suid", "x", 0o4755)
            os.mkdir(f"{base}/sgid")
            os.chmod(f"{base}/sgid", 0o2777)
            os.chown(f"{base}/sgid", 0, 1234)

        with View(["allow write /"], make, **kind) as view:
            self.assertEqual(oct(os.stat(view.v("suid")).st_mode), "0o100755")
            self.assertEqual(oct(os.stat(view.v("sgid")).st_mode), "0o40777")
            os.chmod(view.v("suid"), 0o6750)
            self.assertEqual(oct(os.stat(view.b("suid")).st_mode), "0o100750")
            os.chmod(view.b("suid"), 0o4755)
            append(view.v("suid"), "y")
            self.assertEqual(oct(os.stat(view.b("suid")).st_mode), "0o100755", "a write takes them, as it does natively")
            # A base directory's own inheritance of groups goes on working.
            os.chmod(view.v("sgid"), 0o775)
            self.assertEqual(oct(os.stat(view.b("sgid")).st_mode), "0o42775")
            put_no_mode(view.v("sgid/new"), "x")
            self.assertEqual(os.stat(view.b("sgid/new")).st_gid, 1234)

    @each_kind
    def test_directories_count_nothing_hidden(self, kind):
        def make(base):
            for i in range(300):
                os.makedirs(f"{base}/d/hidden-{i}.key")
            put(f"{base}/d/seen", "x")

        with View(["allow write /", "limit none **/*.key"], make, **kind) as view:
            info = os.stat(view.v("d"))
            self.assertEqual((info.st_nlink, info.st_size, info.st_blocks), (1, 4096, 0))
            self.assertEqual(os.listdir(view.v("d")), ["seen"])

    @each_kind
    def test_no_interference(self, kind):
        """Two bases that differ in hidden things alone answer alike."""
        def one(base):
            fill(base)

        def other(base):
            fill(base)
            for name in ("secrets/db.txt", "secrets/deep/er", "src/.env"):
                os.unlink(f"{base}/{name}")
            os.rmdir(f"{base}/secrets/deep")
            os.rmdir(f"{base}/secrets")
            put(f"{base}/src/sub/more.key", "k" * 5000, 0o600)
            os.mkdir(f"{base}/ro/sub/a.key")
            put(f"{base}/vault/another", "x")
            os.symlink("/etc/passwd", f"{base}/meta/x.key")

        def all_answers(view):
            v = view.v
            answers = [views.tree(v())]
            for name in ("secrets", "secrets/db.txt", "src/.env", "src/sub/more.key", "vault/another", "ro/sub/a.key", "meta/x.key"):
                answers.append([outcome(call, v(name)) for call in (
                    os.stat, os.listdir, get, os.unlink, os.rmdir, os.mkdir, os.readlink, os.mkfifo)])
                answers.append(outcome(os.rename, v("src/main.c"), v(name)))
                answers.append(outcome(lambda: os.open(v(name), os.O_CREAT | os.O_EXCL)))
            os.mkdir(v("src/sub2"))
            answers.append(outcome(os.rename, v("src/sub2"), v("src/sub")))
            answers.append(outcome(os.rename, v("src/sub"), v("src/sub3")))
            answers.append([os.listdir(v("src")), os.listdir(v())])
            return answers

        with View(RULES, one, **kind) as first, View(RULES, other, **kind) as second:
            self.assertEqual(all_answers(first), all_answers(second))

    def test_read_only_mount(self):
        for opens in ("asked", "cached"):
            with View(["allow write /"], fill, options=",ro", opens=opens) as view:
                self.assertEqual(get(view.v("src/main.c")), "int main;")
                for call in (lambda: put_no_mode(view.v("x"), "x"), lambda: append(view.v("src/main.c"), "x"),
                             lambda: os.unlink(view.v("src/main.c")), lambda: os.mkdir(view.v("d")),
                             lambda: os.chmod(view.v("src"), 0o777)):
                    self.assertEqual(outcome(call), "EROFS")

    def test_live_follows_the_base(self):
        for opens in ("asked", "cached"):
            with View(["allow write /", "limit none **/.env"], fill, opens=opens) as view:
                self.assertEqual(get(view.v("src/main.c")), "int main;")
                self.assertEqual(sorted(os.listdir(view.v("src"))), ["id.key", "main.c", "sub"])
                put(view.b("src/main.c"), "changed outside")
                put(view.b("src/new"), "new")
                os.rename(view.b("ro"), view.b("ro2"))
                self.assertTrue(wait_for(lambda: get(view.v("src/main.c")) == "changed outside"))
                self.assertTrue(wait_for(lambda: outcome(get, view.v("src/new")) == "new"))
                self.assertTrue(wait_for(lambda: outcome(os.stat, view.v("ro")) == "ENOENT"))
                self.assertTrue(wait_for(lambda: outcome(get, view.v("ro2/lib.h")) == "lib"))
                self.assertTrue(wait_for(lambda: "new" in os.listdir(view.v("src"))))

    @each_kind
    def test_symlinks_of_the_base_are_never_followed(self, kind):
        """`mv d d2; ln -s /host d` under the helper's feet."""
        def make(base):
            put(f"{base}/d/f", "inside")
            put(f"{os.path.dirname(base)}/host/f", "outside")
            os.symlink("../host", f"{base}/link")

        with View(["allow write /"], make, **kind) as view:
            directory = os.open(view.v("d"), os.O_RDONLY)
            self.assertEqual(os.listdir(directory), ["f"])
            os.rename(view.b("d"), view.b("d2"))
            os.symlink(os.path.join(view.top, "host"), view.b("d"))
            time.sleep(1.2)
            for call in (lambda: os.open("f", os.O_RDONLY, dir_fd=directory), lambda: os.open("g", os.O_CREAT | os.O_WRONLY, dir_fd=directory),
                         lambda: os.unlink("f", dir_fd=directory)):
                outcome(call)
            self.assertEqual(sorted(os.listdir(os.path.join(view.top, "host"))), ["f"])
            self.assertEqual(get(os.path.join(view.top, "host/f")), "outside")
            os.close(directory)

    def test_a_view_inside_its_own_base(self):
        """What is mounted on the directory does not show in it, and nobody waits for itself."""
        for by_user in (False, True):
            top = os.path.join(views.support.Machine.work, f"nested{by_user}")
            put(f"{top}/src/f", "text")
            os.makedirs(f"{top}/here/below")
            views.support.give_to_user(top)
            table = os.path.join(views.support.Machine.work, "nested.aft")
            subprocess.run([views.support.Machine.make_table, table, "allow write /"], check=True)
            helper = [*views.support.user_words(by_user), views.support.Machine.helper]
            done = views.run([*helper, top, f"{top}/here", "-o", f"table={table}"], "/")
            if done[0] != 0:
                self.assertNotEqual(done[2], "", "a refusal says why")
                continue
            try:
                found = as_user(lambda: views.run(["timeout", "20", "find", f"{top}/here", "-type", "f"], "/"),
                                NOBODY if by_user else 0)
                self.assertEqual(found, str((0, f"{top}/here/src/f\n", "")))
            finally:
                views.support.umount(f"{top}/here")

    @each_kind
    def test_fifo_of_the_base_hangs_nobody(self, kind):
        with View(["allow write /"], lambda b: os.mkfifo(f"{b}/p"), **kind) as view:
            self.assertTrue(stat.S_ISFIFO(os.stat(view.v("p")).st_mode))
            self.assertEqual(outcome(os.open, view.v("p"), os.O_WRONLY | os.O_NONBLOCK), "ENXIO")
            os.close(os.open(view.v("p"), os.O_RDONLY | os.O_NONBLOCK))

    @each_kind
    def test_base_permissions_count_for_each_caller(self, kind):
        def make(base):
            put(f"{base}/root-only", "root", 0o600)
            put(f"{base}/group", "group", 0o640)
            os.chown(f"{base}/group", 0, 2345)
            os.mkdir(f"{base}/root-dir", 0o755)
            os.mkdir(f"{base}/shared")
            os.chmod(f"{base}/shared", 0o1777)
            put(f"{base}/shared/of-root", "x", 0o666)
            os.mkdir(f"{base}/group-dir")
            os.chown(f"{base}/group-dir", 0, 2345)
            os.chmod(f"{base}/group-dir", 0o770)

        with View(["allow write /"], make, **kind) as view:
            v = view.v
            self.assertEqual(as_user(lambda: outcome(get, v("root-only"))), "EACCES")
            self.assertEqual(as_user(lambda: outcome(get, v("group"))), "EACCES")
            self.assertEqual(as_user(lambda: outcome(get, v("group")), groups=[2345]), "group")
            self.assertEqual(as_user(lambda: outcome(put_no_mode, v("root-dir/x"), "x")), "EACCES")
            self.assertEqual(as_user(lambda: outcome(os.unlink, v("shared/of-root"))), "EPERM")
            self.assertEqual(as_user(lambda: outcome(put_no_mode, v("shared/mine"), "x")), "None")
            self.assertEqual((os.stat(view.b("shared/mine")).st_uid, os.stat(view.b("shared/mine")).st_gid), (NOBODY, NOBODY))
            self.assertEqual(as_user(lambda: outcome(os.mkdir, v("group-dir/d"))), "EACCES")
            self.assertEqual(as_user(lambda: outcome(os.mkdir, v("group-dir/d")), groups=[2345]), "None")
            self.assertEqual(os.stat(view.b("group-dir/d")).st_uid, NOBODY)
            self.assertEqual(as_user(lambda: outcome(os.chown, v("shared/mine"), 0, 0)), "EPERM")
            self.assertEqual(as_user(lambda: outcome(os.chmod, v("shared/of-root"), 0o777)), "EPERM")

    def test_acl_of_the_base_counts_where_opens_are_asked(self):
        def make(base):
            put(f"{base}/f", "acl", 0o644)
            done = subprocess.run(["setfacl", "-m", f"u:{NOBODY}:---", f"{base}/f"], capture_output=True)
            self.made = done.returncode == 0

        try:
            with View(["allow write /"], make, opens="asked") as view:
                if self.made:
                    self.assertEqual(as_user(lambda: outcome(get, view.v("f"))), "EACCES")
        except FileNotFoundError:
            self.skipTest("there is no setfacl")

    def test_what_another_has_open_is_no_way_past_an_acl(self):
        group = 2345

        def make(base):
            put(f"{base}/f", "acl", 0o640)
            os.chown(f"{base}/f", 0, group)
            # The group bits of the mode are the mask from here on; the group itself may do nothing.
            done = subprocess.run(["setfacl", "-m", f"g::---,u:{NOBODY + 1}:r--", f"{base}/f"], capture_output=True)
            self.made = done.returncode == 0

        try:
            with View(["allow write /"], make, opens="asked") as view:
                if self.made:
                    with open(view.v("f")):
                        self.assertEqual(as_user(lambda: outcome(get, view.v("f")), groups=[group]), "EACCES")
        except FileNotFoundError:
            self.skipTest("there is no setfacl")

    def test_a_mapping_of_roots_does_not_last(self):
        """Where opens are not asked, root can map what it may not write; nobody reads that after its write-back."""
        for coherence in ("live", "snapshot"):
            with View(RULES, fill, coherence=coherence, opens="cached") as view:
                fd = os.open(view.v("ro/lib.h"), os.O_RDWR)
                try:
                    with mmap.mmap(fd, 3, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as mapping:
                        mapping[:] = b"BAD"
                        self.assertEqual(outcome(mapping.flush), "EACCES")
                finally:
                    os.close(fd)
                self.assertTrue(views.support.wait_until(lambda: get(view.v("ro/lib.h")) == "lib"))
                self.assertEqual(get(view.b("ro/lib.h")), "lib")

    def test_root_gains_nothing(self):
        """With CAP_DAC_OVERRIDE the kernel's own check says yes to everything."""
        for opens in ("asked", "cached"):
            with View(RULES, fill, opens=opens) as view:
                def write_into(name):
                    fd = os.open(view.v(name), os.O_RDWR)
                    try:
                        os.write(fd, b"x")
                    finally:
                        os.close(fd)
                self.assertEqual(outcome(write_into, "ro/lib.h"), "EACCES")
                self.assertEqual(outcome(write_into, "meta/data.csv"), "EACCES")
                self.assertEqual(get(view.b("ro/lib.h")), "lib")
                self.assertEqual(get(view.b("meta/data.csv")), "1,2")

    def test_descriptors_are_bounded(self):
        def make(base):
            for i in range(400):
                put(f"{base}/d{i}/f", "x")

        with View(["allow write /"], make) as view:
            helper = views.support.processes_with(view.base)
            views.tree(view.v())
            most = max(len(os.listdir(f"/proc/{pid}/fd")) for pid in helper)
            self.assertLess(most, 200)

    def test_what_one_holds_open_takes_nothing_from_others(self):
        """A view mounted under the usual soft limit, and a process that holds more deleted files than that limit."""
        count = 4500
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 3 * count:
            self.skipTest("the hard limit of descriptors is low")
        for opens in ("asked", "cached"):
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
            held = []
            try:
                with View(["allow write /"], lambda base: put(f"{base}/f", "x"), opens=opens) as view:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                    for _ in range(count):
                        held.append(os.open(view.v("t"), os.O_CREAT | os.O_RDWR, 0o600))
                        os.unlink(view.v("t"))
                    self.assertEqual(get(view.v("f")), "x")
                    self.assertEqual(os.listdir(view.v()), ["f"])
                    for fd in held:
                        os.close(fd)
                    held = []
            finally:
                for fd in held:
                    os.close(fd)
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_resident_memory_after_mount(self):
        with open(views.support.Machine.helper, "rb") as program:
            code = program.read()
        if b"__asan_init" in code or b"__tsan_init" in code:
            self.skipTest("a sanitizer's own memory is not the helper's")
        with View(RULES, fill) as view:
            sizes = []
            for pid in views.support.processes_with(view.base):
                with open(f"/proc/{pid}/status") as status:
                    sizes += [int(line.split()[1]) for line in status if line.startswith("VmRSS")]
            self.assertLessEqual(max(sizes), 5 * 1024)


def put_no_mode(path, text):
    with open(path, "w") as file:
        file.write(text)


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def wait_for(condition):
    return views.support.wait_until(condition, 10)


if __name__ == "__main__":
    views.main()
