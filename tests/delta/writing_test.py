#!/usr/bin/env python3
"""apply, discard, snapshot, restore and export, on deltas that the kernel's overlayfs made.

    writing_test.py MOUNT.AGENTFENSE MAKE_TABLE [CLASS]
"""

import os
import random
import shutil
import stat
import subprocess
import tarfile
import unittest

import kernel_layer
from kernel_layer import Layered, Machine, change, fill, table, tree

SEEDS = range(120, 136)
OPERATIONS = 60


def made(seed):
    """A delta of random changes; its view's tree; the base's."""
    layered = Layered()
    fill(layered.base, seed)
    layered.start()
    change(layered.view, seed, OPERATIONS)
    settle_new(layered.view, seed)
    return layered, layered.shown(), tree(layered.base)


def settle_new(top, seed):
    """Some times that no clock gave."""
    chance = random.Random(seed)
    for path in sorted(kernel_layer.paths_below(top)):
        if chance.random() < 0.1:
            time = chance.randrange(-10**15, 10**18)
            os.utime(os.path.join(top, path), ns=(time, time), follow_symlinks=False)


class Case(unittest.TestCase):
    maxDiff = 20000

    def assert_tree(self, expected, found, note="", links=True):
        if not links:  # names of one file that went to different places
            expected, found = ({p: v[:7] for p, v in t.items()} for t in (expected, found))
        differences = {p: (expected.get(p), found.get(p)) for p in expected.keys() | found.keys() if expected.get(p) != found.get(p)}
        self.assertEqual(differences, {}, note)


class Apply(Case):
    def test_random_changes_become_the_base(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, view, _ = made(seed)
                layered.stop()
                layered.run("apply", "--table", table("write"))
                self.assert_tree(view, tree(layered.base), seed)
                self.assertEqual(list(kernel_layer.paths_below(f"{layered.delta}/upper")), [])
                self.assertEqual(layered.run("status").stdout, "no changes\n")
                layered.mount()
                self.assert_tree(view, layered.shown(), seed)
                layered.stop()

    def test_a_part_of_it_leaves_the_view_as_it_was(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, view, _ = made(seed)
                layered.stop()
                chance = random.Random(seed)
                tops = sorted(os.listdir(layered.base))
                chosen = [f"/{name}" for name in tops if chance.random() < 0.4] + ["**/f1?"]
                layered.run("apply", "--table", table("write"), *[w for p in chosen for w in ("--path", p)], check=False)
                layered.mount()
                self.assert_tree(view, layered.shown(), seed, links=False)
                layered.stop()
                layered.run("apply", "--table", table("write"))
                self.assert_tree(view, tree(layered.base), seed, links=False)

    def test_what_the_policy_forbids_is_as_it_was(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, view, base = made(seed)
                layered.stop()
                layered.run("apply", "--table", table("write", "read:/d1", "none:**/f5", "none:**/f6"), check=False)
                now = tree(layered.base)
                for path, was in base.items():
                    parts = path.split("/")
                    if parts[0] == "d1" or "f5" in parts or "f6" in parts:
                        self.assertIn(path, now)
                        if not stat.S_ISDIR(was[0]):
                            self.assertEqual(was[:7], now[path][:7], path)
                for path in now.keys() - base.keys():
                    self.assertFalse(path.startswith("d1/") or "f5" in path.split("/"), path)
                layered.mount()
                self.assert_tree(view, layered.shown(), seed, links=False)
                layered.stop()

    def small(self):
        layered = Layered()
        for name in ("a", "b", "c"):
            kernel_layer.support.write(f"{layered.base}/{name}", name)
        layered.start()
        kernel_layer.support.write(f"{layered.view}/a", "changed")
        os.unlink(f"{layered.view}/b")
        os.rename(f"{layered.view}/c", f"{layered.view}/moved")
        os.mkdir(f"{layered.view}/new\n")
        layered.stop()
        return layered

    def test_dry_run(self):
        layered = self.small()
        before = tree(layered.base), tree(f"{layered.delta}/upper")
        result = layered.run("apply", "--dry-run", "--table", table("write"))
        self.assertIn("applied   a  (changed)\n", result.stdout)
        self.assertIn('"new\\n"', result.stdout)
        self.assertIn(" to apply\n", result.stdout)
        self.assertEqual(before, (tree(layered.base), tree(f"{layered.delta}/upper")))
        self.assertFalse(layered.json("apply", "--dry-run", "--table", table("write"))["done"])

    def test_conflicts(self):
        layered = self.small()
        kernel_layer.support.write(f"{layered.base}/a", "theirs")
        before = tree(layered.base), tree(f"{layered.delta}/upper")
        result = layered.run("apply", "--table", table("write"), check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("conflict  a  (the base's was changed meanwhile)\n", result.stdout)
        self.assertIn("nothing was applied: 1 of the delta's paths", result.stderr)
        self.assertEqual(before, (tree(layered.base), tree(f"{layered.delta}/upper")))
        answer = layered.json("apply", "--table", table("write"))
        self.assertFalse(answer["done"])
        self.assertEqual([c["path"] for c in answer["changes"] if c["outcome"] == "conflict"], ["a"])
        layered.run("apply", "--table", table("write"), "--theirs")
        self.assertEqual(kernel_layer.support.read(f"{layered.base}/a"), "theirs")
        self.assertFalse(os.path.exists(f"{layered.base}/b"))

    def test_the_delta_keeps_its_table_and_without_one_nothing_is_applied(self):
        layered = self.small()
        before = tree(layered.base)
        result = layered.run("apply", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("nothing is applied without the policy", result.stderr)
        self.assertEqual(before, tree(layered.base))
        kept = f"{layered.delta}/meta/table.aft"
        shutil.copy(table("write", "read:/a"), kept)
        os.chmod(kept, 0o622)
        self.assertIn("others may write it", layered.run("apply", check=False).stderr)
        os.chmod(kept, 0o600)
        result = layered.run("apply", check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("refused   a  (the policy does not let it be written)\n", result.stdout)
        self.assertEqual(kernel_layer.support.read(f"{layered.base}/a"), "a")

    def test_a_delta_in_use_or_none(self):
        layered = self.small()
        result = subprocess.run([Machine.helper, "delta", "apply", layered.top + "/none", "--base", layered.base],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 2)
        self.assertIn("there is no such directory", result.stderr)
        self.assertFalse(os.path.exists(layered.top + "/none"))
        for words in (["--ours", "--theirs"], ["--path", "a"], ["--bogus"]):
            self.assertEqual(layered.run("apply", *words, check=False).returncode, 2, words)


class ByAnOrdinaryUser(Case):
    def test_apply_and_discard(self):
        os.chmod(Machine.work, 0o755)
        applied = 0
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, _, _ = made(seed)
                layered.stop()
                for top in (layered.top, layered.base, layered.delta):
                    kernel_layer.give_to_user(top)
                layered.note_base()
                view = kernel_layer.merged(f"{layered.delta}/upper", layered.base)
                result = layered.run("apply", "--table", table("write"), as_user=True, check=False)
                if result.returncode == 2:  # directories that lost their x bit
                    self.assertIn("Permission denied; run it as the user whose files they are, or as root", result.stderr)
                else:
                    self.assertIn(result.returncode, (0, 3), result.stderr)
                if result.returncode == 0:
                    self.assert_tree(view, tree(layered.base), seed, links=False)
                now = kernel_layer.merged(f"{layered.delta}/upper", layered.base)
                self.assert_tree({p: v[5] for p, v in view.items()}, {p: v[5] for p, v in now.items()}, seed)
                base = tree(layered.base)
                if layered.run("discard", as_user=True, check=False).returncode != 0:
                    continue
                applied += result.returncode == 0
                self.assert_tree(base, kernel_layer.merged(f"{layered.delta}/upper", layered.base), seed, links=False)
        self.assertGreater(applied, len(SEEDS) / 2)


class Others(Case):
    def test_discard(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, view, base = made(seed)
                layered.stop()
                self.assertRegex(layered.run("discard").stdout, r"^\d+ discarded\n$")
                self.assert_tree(base, tree(layered.base))
                layered.mount()
                self.assert_tree(base, layered.shown(), seed)
                layered.stop()

    def test_discard_of_a_pattern(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, view, base = made(seed)
                layered.stop()
                result = layered.run("discard", "--path", "**/f?", "--path", "/d2", check=False)
                if result.returncode != 0:
                    self.assertIn("cannot bring back", result.stderr)
                self.assert_tree(base, tree(layered.base))
                now = kernel_layer.merged(f"{layered.delta}/upper", layered.base)
                covered = lambda p: any(len(n) == 2 and n[0] == "f" for n in p.split("/")) or p.split("/")[0] == "d2"
                for path in now.keys() | view.keys():
                    if not covered(path) and path in view and path in now and not stat.S_ISDIR(view[path][0]):
                        self.assertEqual(view[path][:7], now[path][:7], path)
                    if covered(path) and result.returncode == 0 and path in base and path in now:
                        self.assertEqual(base[path][0], now[path][0], path)
                        if stat.S_ISREG(base[path][0]):
                            self.assertEqual(base[path][:7], now[path][:7], path)

    def test_snapshot_and_restore(self):
        layered, view, base = made(3)
        layered.stop()
        layered.run("snapshot", "first try")
        self.assertEqual(layered.run("snapshot", "--list").stdout, "first try\n")
        layered.mount()
        change(layered.view, 99, 40)
        layered.stop()
        layered.run("restore", "first try")
        layered.mount()
        self.assert_tree(view, layered.shown())
        layered.stop()
        layered.run("discard")
        layered.run("restore", "first try")
        layered.run("snapshot", "--delete", "first try")
        self.assertEqual(layered.run("snapshot", "--list").stdout, "")
        layered.run("apply", "--table", table("write"))
        self.assert_tree(view, tree(layered.base))
        for words in ([], ["a", "--list"], ["--list", "--delete", "a"], ["../a"]):
            self.assertEqual(layered.run("snapshot", *words, check=False).returncode, 2, words)

    def test_nothing_but_apply_while_one_is_cut_short(self):
        layered, _, _ = made(4)
        layered.stop()
        with open(f"{layered.delta}/meta/journal", "w") as file:
            file.write("agentfense-journal 1 torn")
        def content():
            found = tree(layered.delta)
            return {p: v[5] for p, v in found.items() if p != "meta/lock" and not p.startswith("work/")}

        before = content()
        for words in (["discard"], ["snapshot", "a"], ["restore", "a"], ["export", "--oci", f"{layered.top}/o.tar"]):
            result = layered.run(*words, check=False)
            self.assertEqual(result.returncode, 2, words)
            self.assertRegex(result.stderr, "apply or a discard of it was cut short|meta/journal is not one of an apply")
        result = layered.run("apply", "--table", table("write"), check=False)
        self.assertIn("meta/journal is not one of an apply", result.stderr)
        self.assertEqual(before, content())


def apply_layer(path, target):
    """The OCI rules, slow and obvious: whiteouts of lower layers first, then the entries; times of directories last."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        added = set()
        directories = []
        for member in members:
            name = os.path.normpath(member.name)
            here = os.path.join(target, name)
            parent, last = os.path.split(here)
            if last == ".wh..wh..opq":
                for child in os.listdir(parent):
                    full = os.path.join(parent, child)
                    if os.path.normpath(full) not in added:
                        shutil.rmtree(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
                continue
            if last.startswith(".wh."):
                full = os.path.join(parent, last[4:])
                if os.path.lexists(full):
                    shutil.rmtree(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
                continue
            if os.path.lexists(here) and not (member.isdir() and os.path.isdir(here) and not os.path.islink(here)):
                shutil.rmtree(here) if os.path.isdir(here) and not os.path.islink(here) else os.unlink(here)
            if member.isdir():
                os.makedirs(here, exist_ok=True)
                directories.append((here, member))
                for attribute in os.listxattr(here):
                    os.removexattr(here, attribute)
            elif member.issym():
                os.symlink(member.linkname, here)
            elif member.islnk():
                os.link(os.path.join(target, member.linkname), here)
            elif member.isfifo():
                os.mkfifo(here)
            else:
                with open(here, "wb") as file:
                    file.write(archive.extractfile(member).read())
            added.add(os.path.normpath(here))
            if not member.islnk():
                settle_member(here, member)
        for here, member in reversed(directories):
            set_time(here, member)


def settle_member(here, member):
    os.chown(here, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        os.chmod(here, member.mode)
    for key, value in member.pax_headers.items():
        if key.startswith("SCHILY.xattr."):
            os.setxattr(here, key[13:], value.encode("utf-8", "surrogateescape"))
    set_time(here, member)


def set_time(here, member):
    whole, _, fraction = member.pax_headers.get("mtime", str(int(member.mtime))).partition(".")
    nanoseconds = int(fraction.ljust(9, "0")) if fraction else 0
    time = int(whole) * 10**9 + (-nanoseconds if whole.startswith("-") else nanoseconds)
    os.utime(here, ns=(time, time), follow_symlinks=False)


class ReadOnly(Case):
    def test_a_base_that_cannot_be_written_leaves_no_journal(self):
        layered = Layered()
        layered.start()
        kernel_layer.support.write(f"{layered.view}/new", "new")
        layered.stop()
        kernel_layer.support.mount(layered.base, layered.base, None, kernel_layer.support.MS_BIND)
        try:
            kernel_layer.support.mount("none", layered.base, None, kernel_layer.support.MS_BIND | 32 | 1)  # MS_REMOUNT, MS_RDONLY
            result = layered.run("apply", "--table", table("write"), check=False)
        finally:
            kernel_layer.support.umount(layered.base)
        self.assertEqual(result.returncode, 2)
        self.assertIn("nothing was applied", result.stderr)
        self.assertFalse(os.path.exists(f"{layered.delta}/meta/journal"))
        layered.run("apply", "--table", table("write"))
        self.assertTrue(os.path.exists(f"{layered.base}/new"))


class Diff(Case):
    def test_what_the_policy_hides_is_in_no_patch_and_no_list(self):
        layered = Layered()
        kernel_layer.support.write(f"{layered.base}/d/none", "hidden bytes")
        kernel_layer.support.write(f"{layered.base}/d/seen", "seen bytes")
        layered.start()
        shutil.rmtree(f"{layered.view}/d")
        layered.stop()
        for words in (("--table", table("write", "none:**/none")), None):
            if words is None:  # the delta's own
                shutil.copy(table("write", "none:**/none"), f"{layered.delta}/meta/table.aft")
            result = layered.run("diff", *(words or ()))
            self.assertNotIn("hidden bytes", result.stdout)
            self.assertIn("seen bytes", result.stdout)
            self.assertIn("the patch leaves out what the policy hides: d/none\n", result.stderr)
            result = layered.run("status", *(words or ()))
            self.assertEqual(result.stdout, "deleted     d/\ndeleted     d/seen\n2 deleted\n")
            self.assertIn("the list leaves out what the policy hides: d/none\n", result.stderr)
        with open(f"{layered.delta}/meta/table.aft", "w") as file:
            file.write("no table")
        for command in ("diff", "status"):
            result = layered.run(command, check=False)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("give --table", result.stderr)


class Export(Case):
    def test_the_layer_over_the_base_is_the_view(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                layered, view, _ = made(seed)
                layered.stop()
                layer = f"{layered.top}/layer.tar"
                layered.run("export", "--oci", layer)
                copy = f"{layered.top}/copy"
                subprocess.run(["cp", "-a", layered.base, copy], check=True)
                apply_layer(layer, copy)
                self.assert_tree(view, tree(copy), seed)
                layered.run("export", "--oci", f"{layered.top}/again.tar")
                with open(layer, "rb") as first, open(f"{layered.top}/again.tar", "rb") as second:
                    self.assertEqual(first.read(), second.read())

    def odd(self):
        layered = Layered()
        os.mkdir(f"{layered.base}/dir")
        layered.start()
        top = layered.view
        names = ["x" * 200, "d" * 90 + "/" + "e" * 90 + "/" + "f" * 90, "d" * 155 + "/" + "f" * 100, "ünï", "new\nline",
                 "t" * 100, "a=b", os.fsdecode(b"not-utf8-\xff\xfe")]
        for name in names:
            os.makedirs(os.path.dirname(f"{top}/{name}"), exist_ok=True)
            kernel_layer.support.write(f"{top}/{name}", name.encode("utf-8", "replace").decode())
        os.symlink("t" * 300, f"{top}/long-link")
        os.symlink("ünï", f"{top}/link")
        os.link(f"{top}/{names[0]}", f"{top}/dir/name")
        os.setxattr(f"{top}/ünï", "user.binary", bytes(range(256)))
        os.setxattr(f"{top}/ünï", "user.a=b%", b"equals")
        os.chown(f"{top}/t{'t' * 99}", 3_000_000, 2_097_152)
        os.utime(f"{top}/a=b", ns=(0, -1_250_000_000))
        os.utime(f"{top}/link", ns=(0, 123_456_789_012_345_678), follow_symlinks=False)
        os.mkfifo(f"{top}/fifo", 0o640)
        os.chmod(f"{top}/dir", 0o2750)
        return layered, layered.shown()

    def test_odd_names_and_numbers(self):
        layered, view = self.odd()
        layered.stop()
        layer = f"{layered.top}/layer.tar"
        kernel_layer.support.write(layer + ".tmp", "another's")
        there = sorted(os.listdir(layered.top))
        layered.run("export", "--oci", layer)
        self.assertEqual(sorted(os.listdir(layered.top)), sorted([*there, "layer.tar"]))
        self.assertEqual(kernel_layer.support.read(layer + ".tmp"), "another's")
        with tarfile.open(layer, errors="surrogateescape") as archive:
            names = {os.path.normpath(m.name): m for m in archive.getmembers()}
        self.assertEqual(set(view), set(names))
        times = {p: m.mtime for p, m in names.items()}
        for path, (_, mode, uid, gid, mtime, content, _, _) in view.items():
            member = names[path]
            if not member.issym():
                self.assertEqual(mode, member.mode, path)
            self.assertEqual((uid, gid), (member.uid, member.gid), path)
            self.assertAlmostEqual(mtime / 10**9, times[path], delta=1e-3)
            if member.issym():
                self.assertEqual(content, member.linkname)
        self.assertEqual(names["ünï"].pax_headers["SCHILY.xattr.user.a%3Db%25"], "equals")

    def test_tar_reads_it(self):
        layered, view = self.odd()
        layered.stop()
        layer = f"{layered.top}/layer.tar"
        layered.run("export", "--oci", layer)
        out = f"{layered.top}/out"
        os.mkdir(out)
        done = subprocess.run(["tar", "--xattrs", "--xattrs-include=user.*", "--numeric-owner", "-xpf", layer, "-C", out],
                              capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if "implausibly old time stamp" not in line]
        self.assertEqual((done.returncode, complaints), (0, []))
        self.assert_tree(view, tree(out))

    def test_whiteouts_and_opaque_directories(self):
        layered = Layered()
        for path in ("gone", "made-anew/in", "dir/gone"):
            kernel_layer.support.write(f"{layered.base}/{path}", path)
        layered.start()
        os.unlink(f"{layered.view}/gone")
        os.unlink(f"{layered.view}/dir/gone")
        shutil.rmtree(f"{layered.view}/made-anew")
        os.mkdir(f"{layered.view}/made-anew")
        os.mkdir(f"{layered.view}/new")
        layered.stop()
        layered.run("export", "--oci", f"{layered.top}/layer.tar")
        with tarfile.open(f"{layered.top}/layer.tar") as archive:
            names = [m.name for m in archive.getmembers()]
        self.assertEqual(sorted(names), sorted([".", ".wh.gone", "dir", "made-anew", "new", "dir/.wh.gone", "made-anew/.wh..wh..opq"]))
        self.assertLess(names.index("made-anew"), names.index("made-anew/.wh..wh..opq"))

    def test_no_pipe_and_no_device_is_replaced(self):
        layered = Layered()
        layered.start()
        layered.stop()
        os.mkfifo(f"{layered.top}/pipe")
        result = layered.run("export", "--oci", f"{layered.top}/pipe", check=False)
        self.assertEqual((result.returncode, "no regular file" in result.stderr), (2, True), result.stderr)
        self.assertTrue(stat.S_ISFIFO(os.stat(f"{layered.top}/pipe").st_mode))

    def test_names_that_would_be_whiteouts_are_refused(self):
        layered = Layered()
        layered.start()
        for name in (".wh.x", "d/.wh..wh..opq"):
            kernel_layer.support.write(f"{layered.view}/{name}", "")
        layered.stop()
        layer = f"{layered.top}/layer.tar"
        result = layered.run("export", "--oci", layer, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(".wh.x, d/.wh..wh..opq", result.stderr)
        self.assertEqual([p for p in os.listdir(layered.top) if "layer" in p], [])


if __name__ == "__main__":
    kernel_layer.main()
