#!/usr/bin/env python3
"""A delta and those who may not: callers whom a list of rights refuses, a limit that holds, a user without rights of root."""

import os
import struct

import deltas
from deltas import Delta, NOBODY, get, outcome, put, support, views

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
OWNER, USER, GROUP, MASK, OTHER = 1, 2, 4, 0x10, 0x20


def acl(*entries):
    """Of (tag, permissions[, user])."""
    lines = [struct.pack("<HHI", tag, rights, *(user or [0xffffffff])) for tag, rights, *user in entries]
    return struct.pack("<I", 2) + b"".join(lines)


class UserDelta(Delta):
    """Everything an ordinary user's, the helper too."""

    def __enter__(self):
        self.given_top = views.temporary(prefix="delta", dir=support.Machine.work)
        fill = self.fill

        def fill_and_give(base):
            fill(base)
            support.give_to_user(self.given_top)

        self.fill = fill_and_give
        return super().__enter__()

    def mount_words(self):
        *words, options = super().mount_words()
        return [*support.user_words(True), *words, options.replace("allow_other,", "")]


def by_user(call, *args):
    """As text: what a call gives to the user."""
    return views.as_user(lambda: outcome(call, *args))


class Rights(views.TestCase):
    def test_a_refused_truncation_destroys_nothing(self):
        """The mode's bits of the group are the list's mask: they let the group write, and the list does not."""
        def fill(base):
            os.chmod(base, 0o755)
            for name in ("opened", "truncated"):
                put(f"{base}/{name}", "kept")
                os.chown(f"{base}/{name}", 1000, 100)
                rights = acl((OWNER, 6), (USER, 6, 1001), (GROUP, 0), (MASK, 6), (OTHER, 0))
                os.setxattr(f"{base}/{name}", ACCESS, rights)

        with Delta(fill) as view:
            def empty():
                return outcome(os.open, view.v("opened"), os.O_WRONLY | os.O_TRUNC), outcome(os.truncate, view.v("truncated"), 0)

            self.assertEqual(views.as_user(empty, 1002, [100]), str(("EACCES", "EACCES")))
            self.assertEqual([get(view.v("opened")), get(view.v("truncated"))], ["kept", "kept"])
            self.assertEqual(os.listdir(view.upper()), [])
            self.assertEqual(views.as_user(lambda: outcome(os.truncate, view.v("truncated"), 2), 1000), "None")
            self.assertEqual(get(view.v("truncated")), "ke")

    def test_a_link_keeps_the_files_group(self):
        def fill(base):
            put(f"{base}/dir/gone")
            put(f"{base}/file")
            os.chown(f"{base}/dir", 0, 100)
            os.chmod(f"{base}/dir", 0o2775)

        with Delta(fill) as view:
            os.unlink(view.v("dir/gone"))
            os.link(view.v("file"), view.v("dir/gone"))
            self.assertEqual(os.stat(view.v("file")).st_gid, 0)
            os.unlink(view.v("dir/gone"))
            put(view.v("dir/gone"))
            self.assertEqual(os.stat(view.v("dir/gone")).st_gid, 100)

    def test_what_the_directory_of_the_delta_hands_down_is_not_taken(self):
        given = acl((OWNER, 7), (USER, 7, 2000), (GROUP, 5), (MASK, 7), (OTHER, 5))
        with Delta(lambda base: put(f"{base}/file", "", 0o660)) as view:
            view.umount()
            support.shutil.rmtree(view.delta)
            os.setxattr(view.top, DEFAULT, given)
            view.mount()
            os.chmod(view.v("file"), 0o664)
            put(view.v("new"))
            for path in (view.upper(), view.upper("file"), view.upper("new"), f"{view.delta}/work"):
                self.assertEqual([name for name in os.listxattr(path) if "acl" in name], [], path)


class Limit(views.TestCase):
    def write(self, file, offset, most):
        """Bytes that went in from offset on."""
        done = 0
        while done < most:
            if isinstance(outcome(os.pwrite, file, b"x" * 64 * KILOBYTE, offset + done), str):
                break
            done += 64 * KILOBYTE
        return done

    def test_holes_of_a_file_that_holds_much(self):
        with Delta(lambda base: put(f"{base}/f"), options=",delta-size=4M") as view:
            file = os.open(view.v("sparse"), os.O_RDWR | os.O_CREAT, 0o644)
            self.assertEqual(self.write(file, 1 << 34, 2 * MEGABYTE), 2 * MEGABYTE)
            self.assertLessEqual(self.write(file, 0, 16 * MEGABYTE), 2 * MEGABYTE)
            self.assertEqual(self.write(file, 1 << 34, MEGABYTE), MEGABYTE, "what is there can be written over")
            os.close(file)

    def test_deleted_and_still_open(self):
        with Delta(lambda base: put(f"{base}/f"), options=",delta-size=4M") as view:
            files, held = [], 0
            for i in range(4):
                files.append(os.open(view.v(f"f{i}"), os.O_RDWR | os.O_CREAT, 0o644))
                held += self.write(files[-1], 0, 3 * MEGABYTE)
                os.unlink(view.v(f"f{i}"))
            self.assertLessEqual(held, 4 * MEGABYTE)
            for file in files:
                os.close(file)
            with open(view.v("after"), "wb") as file:
                freed = support.wait_until(lambda: self.write(file.fileno(), 0, 3 * MEGABYTE) == 3 * MEGABYTE)
            self.assertTrue(freed)

    def test_deleted_files_of_the_base(self):
        def fill(base):
            for i in range(4):
                put(f"{base}/{i}", b"x" * 3 * MEGABYTE)

        with Delta(fill, options=",delta-size=4M") as view:
            files = [os.open(view.v(str(i)), os.O_RDONLY) for i in range(4)]
            for i in range(4):
                os.unlink(view.v(str(i)))
            self.assertEqual([outcome(os.fchmod, file, 0o600) for file in files], [None, "ENOSPC", "ENOSPC", "ENOSPC"])
            for file in files:
                os.close(file)


class Reserved(views.TestCase):
    def test_what_an_apply_left_unfinished_is_in_no_view(self):
        name = ".agentfense-apply-00ff-1"

        def fill(base):
            put(f"{base}/d/{name}", "a secret's content")

        with Delta(fill) as view:
            self.assertEqual(os.listdir(view.v("d")), [])
            self.assertEqual(outcome(os.lstat, view.v("d", name)), "ENOENT")
            self.assertEqual(outcome(os.mkdir, view.v("d", name)), "EACCES")
            os.rename(view.v("d"), view.v("moved"))  # copies what shows
            self.assertEqual(os.listdir(view.v("moved")), [])
            self.assertEqual(os.listdir(f"{view.delta}/upper/moved"), [])


class Deleted(views.TestCase):
    def test_changed_by_a_path_that_led_to_it(self):
        """The kernel has walked the path, then the name goes, then the change comes: a link of /proc stands for that walk."""
        changes = [lambda path: os.chmod(path, 0o600), lambda path: os.truncate(path, 2),
                   lambda path: os.close(os.open(path, os.O_WRONLY)), lambda path: os.close(os.open(path, os.O_RDONLY))]
        for where in ("base", "upper"):
            for kind in views.KINDS:
                with Delta(lambda base: put(f"{base}/f", "content"), coherence=kind[0], opens=kind[1]) as view:
                    for number, change in enumerate(changes):
                        with self.subTest(where=where, kind=kind, change=number):
                            name = view.v("f") if where == "base" and number == 0 else view.v(f"made{number}")
                            if name != view.v("f"):
                                put(name, "content")
                            file = os.open(name, os.O_PATH)
                            os.unlink(name)
                            # Where opens are asked, nothing is kept of a file that nobody has open.
                            answers = (None, "ESTALE") if kind[1] == "asked" else (None,)
                            self.assertIn(outcome(change, f"/proc/self/fd/{file}"), answers)
                            os.close(file)

    def test_a_new_file_with_its_number_is_another(self):
        """A file system gives the number of a deleted file to the next one at once."""
        for kind in views.KINDS:
            with self.subTest(kind=kind), Delta(lambda base: put(f"{base}/f", "of the base"), coherence=kind[0], opens=kind[1]) as view:
                for way in ("unlink", "replace"):
                    put(view.v("old"), "old")
                    file = os.open(view.v("old"), os.O_PATH)
                    if way == "unlink":
                        os.unlink(view.v("old"))
                    else:
                        put(view.v("other"), "")
                        os.rename(view.v("other"), view.v("old"))
                    for i in range(20):
                        put(view.v(f"{way}{i}"), "a new file")
                    self.assertEqual(os.fstat(file).st_size, 3)
                    os.close(file)
                    for i in range(20):
                        self.assertEqual(get(view.v(f"{way}{i}")), "a new file")


class User(views.TestCase):
    def test_directories_without_their_owners_rights(self):
        def fill(base):
            put(f"{base}/gone")
            put(f"{base}/merged/file", "kept")

        with UserDelta(fill, coherence="snapshot") as view:
            self.assertEqual(by_user(os.unlink, view.v("gone")), "None")
            for name, mode in (("gone", 0o555), ("plain", 0o555)):
                self.assertEqual(by_user(os.mkdir, view.v(name), mode), "None", name)
                self.assertEqual(os.stat(view.upper(name)).st_mode & 0o777, mode)
                self.assertEqual(os.getxattr(view.upper(name), "user.overlay.opaque"), b"y")
                self.assertEqual(by_user(os.rmdir, view.v(name)), "None")
            self.assertEqual(by_user(os.chmod, view.v("merged"), 0), "None")
            view.remount()
            self.assertIn("'merged'", by_user(os.listdir, view.dir))
            self.assertEqual(by_user(os.chmod, view.v("merged"), 0o755), "None")
            self.assertEqual(by_user(os.listdir, view.v("merged")), "['file']")

    def test_a_directory_that_cannot_be_looked_into_is_not_moved_empty(self):
        def fill(base):
            put(f"{base}/dir/file", "kept")
            os.chmod(f"{base}/dir", 0o600)

        with UserDelta(fill) as view:
            self.assertEqual(by_user(os.rename, view.v("dir"), view.v("moved")), "EACCES")
            self.assertEqual(by_user(os.listdir, view.dir), "['dir']")


if __name__ == "__main__":
    deltas.main()
