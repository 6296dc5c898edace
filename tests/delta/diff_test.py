#!/usr/bin/env python3
"""`mount.agentfense delta diff` and `status`, over deltas that are laid out by hand.

    diff_test.py MOUNT.AGENTFENSE CLASS

The reference is git: what `git apply` makes of the patch must be the tree that the layers show.
"""

import json
import os
import pathlib
import pty
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

HELPER = os.path.abspath(sys.argv[1])
GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": "/nonexistent", "PATH": os.environ["PATH"],
       "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
DIR, FILE, LINK, FIFO = "dir", "file", "link", "fifo"


class Node:
    """A file of a tree. origin: the path of the base that it is, or was copied from."""

    def __init__(self, kind, content=b"", mode=0o644, origin=None):
        self.kind, self.content, self.mode, self.origin = kind, content, mode, origin
        self.children = {}

    def copy(self):
        other = Node(self.kind, self.content, self.mode, self.origin)
        other.children = {name: child.copy() for name, child in self.children.items()}
        return other


def files_of(node, path=b""):
    """What git keeps of a tree: {path: (mode, bytes)}."""
    result = {}
    for name, child in node.children.items():
        here = path + b"/" + name if path else name
        if child.kind == DIR:
            result.update(files_of(child, here))
        elif child.kind == FILE:
            result[here] = ("100755" if child.mode & 0o100 else "100644", child.content)
        elif child.kind == LINK:
            result[here] = ("120000", child.content)
    return result


def files_on_disk(root):
    result = {}
    for directory, names, files in os.walk(os.fsencode(root)):
        if directory == os.fsencode(root):
            names.remove(b".git")
        for name in files + names:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            key = os.path.relpath(path, os.fsencode(root))
            if stat.S_ISLNK(info.st_mode):
                result[key] = ("120000", os.readlink(path))
            elif stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    result[key] = ("100755" if info.st_mode & 0o100 else "100644", file.read())
    return result


def make(node, path):
    if node.kind == DIR:
        os.mkdir(path)
        os.chmod(path, node.mode)
    elif node.kind == LINK:
        os.symlink(node.content, path)
    elif node.kind == FIFO:
        os.mkfifo(path)
    else:
        with open(path, "wb") as file:
            file.write(node.content)
        os.chmod(path, node.mode)


def make_tree(node, path):
    make(node, path)
    for name, child in node.children.items():
        make_tree(child, path + b"/" + name)


def escape(path):
    return b"".join(b"%%%02X" % c if c <= 0x20 or c in b"%\x7f" else bytes([c]) for c in path)


class Layers:
    """base, delta and the repository of one case in a directory."""

    def __init__(self, top, base):
        self.top = os.fsencode(top)
        self.base, self.delta = self.top + b"/base", self.top + b"/delta"
        self.tree = base
        self.log = []
        make_tree(base, self.base)
        os.mkdir(self.delta)
        for part in b"work", b"meta":
            os.mkdir(self.delta + b"/" + part)
        number = os.stat(self.base).st_ino
        with open(self.delta + b"/meta/delta", "w") as file:
            file.write(f"agentfense-delta 1\nbase-inode {number}\n"
                       f"base-filesystem {os.statvfs(self.base).f_fsid & (2 ** 64 - 1):x}\nbase-path /base\n")

    def make_upper(self, shown):
        """The upper layer that shows this tree over the base."""
        self.shown = shown
        os.mkdir(self.delta + b"/upper")
        os.chmod(self.delta + b"/upper", self.tree.mode)
        self._merge(self.tree, shown, b"")
        with open(self.delta + b"/meta/origins", "wb") as file:
            file.write(b"".join(self.log))

    def _upper(self, path):
        return self.delta + b"/upper/" + path

    def _note(self, path):
        number = os.lstat(self.base + b"/" + path).st_ino
        self.log.append(b"%d 100644 0 0 0 0.0 0.0 %s\n" % (number, escape(path)))

    def _place(self, node, path, opaque):
        make(node, self._upper(path))
        if node.kind == DIR and opaque:
            os.setxattr(self._upper(path), b"user.overlay.opaque", b"y")
        if node.origin is not None and node.kind in (DIR, FILE):
            number = os.lstat(self.base + b"/" + node.origin).st_ino
            os.setxattr(self._upper(path), b"user.overlay.agentfense.origin", b"%d" % number)

    def _whole(self, node, path):
        self._place(node, path, opaque=True)
        for name, child in node.children.items():
            self._whole(child, path + b"/" + name)

    def _merge(self, base, shown, path):
        for name in sorted(base.children.keys() | shown.children.keys()):
            here = path + b"/" + name if path else name
            old, new = base.children.get(name), shown.children.get(name)
            if old:
                self._note_all(old, here)
            if not new:
                os.mknod(self._upper(here), stat.S_IFCHR, 0)
            elif new.kind == DIR and old and old.kind == DIR and new.origin == here:
                self._place(new, here, opaque=False)
                self._merge(old, new, here)
            elif new.kind == DIR or not old or (old.kind, old.content, old.mode) != (new.kind, new.content, new.mode):
                self._whole(new, here)

    def _note_all(self, node, path):
        self._note(path)
        for name, child in node.children.items():
            self._note_all(child, path + b"/" + name)

    def run(self, *words, **more):
        return subprocess.run([HELPER, "delta", words[0], self.delta, "--base", self.base, *words[1:]],
                              capture_output=True, **more)

    def git(self, *words, **more):
        return subprocess.run(["git", "-C", self.top + b"/repo", *words], capture_output=True, env=GIT, **more)

    def make_repository(self):
        repository = self.tree.copy()
        drop_what_git_has_not(repository)
        make_tree(repository, self.top + b"/repo")
        self.git("init", "-q", check=True)
        self.git("add", "-A", "-f", check=True)
        self.git("commit", "-q", "--allow-empty", "-m", "base", check=True)


def drop_what_git_has_not(node):
    """FIFOs and empty directories, which a clone would not have either."""
    for child in node.children.values():
        drop_what_git_has_not(child)
    node.children = {name: child for name, child in node.children.items()
                     if child.kind != FIFO and (child.kind != DIR or child.children)}


def with_origins(node, path=b""):
    """The tree as it is shown before anything changes: each file is the base's."""
    for name, child in node.children.items():
        child.origin = path + b"/" + name if path else name
        with_origins(child, child.origin)
    return node


def tree(files):
    """{path: Node}, directories in between made where missing."""
    root = Node(DIR, mode=0o755)
    for path, node in files.items():
        at = root
        *above, name = os.fsencode(path).split(b"/")
        for part in above:
            at = at.children.setdefault(part, Node(DIR, mode=0o755))
        at.children[name] = node
    return root


def file(content, mode=0o644):
    return Node(FILE, content.encode() if isinstance(content, str) else content, mode)


def link(target):
    return Node(LINK, os.fsencode(target), 0o777)


class Case(unittest.TestCase):
    def layers(self, base):
        folder = tempfile.TemporaryDirectory(prefix="agentfense-diff-")
        self.addCleanup(folder.cleanup)
        return Layers(folder.name, base)

    def both(self, base, shown):
        layers = self.layers(tree(base))
        layers.make_upper(tree(shown))
        layers.make_repository()
        return layers

    def patch(self, layers, *words):
        run = layers.run("diff", *words)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def check_apply(self, layers, what=""):
        """git apply makes the shown tree of the base, and the base of it again."""
        patch = self.patch(layers)
        wanted, base = files_of(layers.shown), files_of(layers.tree)
        if wanted == base:
            self.assertEqual(patch, b"", what)
            return
        self.assertEqual(files_on_disk(layers.top + b"/repo"), base, what)
        for words, result in ((["--index"], wanted), (["-R"], base)):
            run = layers.git("apply", "--whitespace=nowarn", *words, input=patch)
            self.assertEqual(run.returncode, 0, f"{what}\n{run.stderr.decode()}\n{patch[:5000]!r}")
            self.assertEqual(files_on_disk(layers.top + b"/repo"), result, f"{what}\n{patch[:5000]!r}")
            if words == ["--index"]:
                self.assertEqual(layers.git("diff", "--exit-code").returncode, 0, what)


NAMES = [b"a", b"b", b"c", b"d.txt", b"with space", b'quo"te', b"new\nline", b"tab\there", b"\xff\xfe", "\u00fc".encode(),
         b"back\\slash", b" lead", b"trail ", b"-dash", b"a => b", b"esc\x1b[31m"]


class Trees:
    """Random trees, and random work on them as a process in a view could do it."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        end = self.random.choice([b"\n", b"\n", b"\r\n"])
        lines = [self.random.choice([b"", b"x", b"line %d" % self.random.randrange(8), b"\xe9t\xe9", b"@@ -1 +1 @@", b"-- "])
                 for _ in range(self.random.randrange(30))]
        return end.join(lines) + self.random.choice([b"", end])

    def content(self):
        kind = self.random.randrange(8)
        if kind == 0:
            return b""
        if kind == 1:
            return self.random.randbytes(self.random.randrange(1, 400))
        if kind == 2:
            return b"text\n\0then not\n" * self.random.randrange(1, 20)
        return self.text()

    def edited(self, content):
        lines = content.split(b"\n")
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(lines))
            lines[at:at + self.random.randrange(2)] = [b"edit %d" % self.random.randrange(100)] * self.random.randrange(3)
            lines = lines or [b""]
        return b"\n".join(lines)

    def leaf(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return Node(LINK, self.random.choice([b"a", b"../b", b"no\nwhere", b"\xff"]), 0o777)
        if kind == 1:
            return Node(FIFO)
        return Node(FILE, self.content(), self.random.choice([0o644, 0o644, 0o755, 0o600]))

    def tree(self, depth=0):
        root = Node(DIR, mode=0o755)
        for name in self.random.sample(NAMES, self.random.randrange(7)):
            deeper = depth < 3 and self.random.random() < 0.4
            root.children[name] = self.tree(depth + 1) if deeper else self.leaf()
        return root

    def places(self, node):
        """Every (directory, name) of the tree."""
        found = []
        for name, child in node.children.items():
            found.append((node, name))
            found += self.places(child)
        return found

    def directories(self, node):
        return [node] + [found for child in node.children.values() if child.kind == DIR for found in self.directories(child)]

    def work_on(self, root):
        for _ in range(self.random.randrange(1, 9)):
            target = self.random.choice(self.directories(root))
            new_name = self.random.choice(NAMES)
            places = self.places(root)
            step = self.random.randrange(8)
            if step == 0 or not places:
                target.children[new_name] = self.leaf() if self.random.random() < 0.7 else self.tree(2)
                continue
            parent, name = self.random.choice(places)
            node = parent.children[name]
            if step == 1:
                del parent.children[name]
            elif step in (2, 3, 4):
                if node not in self.above(root, target) and not target.children.get(new_name) and node is not target:
                    del parent.children[name]
                    target.children[new_name] = node
            elif node.kind == FILE and step == 5:
                node.mode ^= 0o111
            elif node.kind == FILE:
                node.content = self.edited(node.content) if step == 6 else self.content()
            elif step == 6:
                parent.children[name] = self.leaf()

    def above(self, root, target):
        """The directories from root to target."""
        if root is target:
            return [root]
        for child in root.children.values():
            below = self.above(child, target) if child.kind == DIR else []
            if below:
                return [root] + below
        return []


class Random(Case):
    def test_git_apply_makes_the_shown_tree(self):
        renames = binaries = 0
        for seed in range(200):
            trees = Trees(seed)
            base = trees.tree()
            layers = self.layers(base)
            shown = with_origins(base.copy())
            trees.work_on(shown)
            layers.make_upper(shown)
            layers.make_repository()
            self.check_apply(layers, f"seed {seed}")
            patch = self.patch(layers)
            renames += patch.count(b"\nrename from ")
            binaries += patch.count(b"\nGIT binary patch\n")
        self.assertGreater(renames, 50)
        self.assertGreater(binaries, 50)


class Fixed(Case):
    def check(self, base, shown):
        layers = self.both(base, shown)
        self.check_apply(layers)
        return layers

    def test_types_that_replace_each_other(self):
        self.check({"x": file("a\n")}, {"x": link("a")})
        self.check({"x": link("a")}, {"x": file("a")})
        self.check({"x": file("a\n")}, {"x/y": file("a\n")})
        self.check({"x/y": file("a\n"), "x/z": link("y")}, {"x": file("a\n")})
        self.check({"x": link("d"), "d/y": file("1\n")}, {"x/y": file("a\n"), "d/y": file("1\n")})
        self.check({"x/y": file("a\n"), "d/y": file("1\n")}, {"x": link("d"), "d/y": file("1\n")})

    def test_ends_of_files(self):
        for before in b"", b"a", b"a\n", b"a\r\n", b"\n", b"a\n\n", b"\0", b"a\nb":
            for after in b"", b"a", b"a\n", b"a\r\n", b"\n", b"a\n\n", b"\0", b"a\nb":
                if before != after:
                    self.check({"f": file(before)}, {"f": file(after)})

    def test_a_nul_far_into_the_file(self):
        self.check({"f": file("a\n" * 20000)}, {"f": file(b"a\n" * 20000 + b"\0\n")})

    def test_modes(self):
        layers = self.check({"f": file("a\n"), "g": file("a\n")}, {"f": file("a\n", 0o755), "g": file("b\n", 0o755)})
        self.assertIn(b"old mode 100644\nnew mode 100755\n", self.patch(layers))

    def test_texts_that_have_nothing_in_common(self):
        lines = 30000
        layers = self.check({"f": file("".join(f"{i * 7919 % 1009}\n" for i in range(lines)))},
                            {"f": file("".join(f"{i * 104729 % 1013}\n" for i in range(lines)))})
        self.assertLess(len(self.patch(layers)), 1 << 20)

    def test_as_git_writes_it(self):
        """Byte for byte, where there is one shortest difference."""
        numbers = [f"{i}\n" for i in range(60)]
        changed = numbers[:5] + ["new\n"] + numbers[5:20] + numbers[21:26] + ["other\n"] + numbers[27:57] + ["last"]
        layers = self.both(
            {"many": file("".join(numbers)), "gone": file("x\ny\n"), "mode": file("m\n"), "a b": file("1\n"),
             'q"\t\n': file("1\n"), "sub/\xe9": file("1\n"), "link": link("here"), "empty": file(""), "end": file("x")},
            {"many": file("".join(changed)), "new": file("x\n", 0o755), "mode": file("m\n", 0o755), "a b": file("2\n"),
             'q"\t\n': file("2\n"), "sub/\xe9": file("2\n"), "link": link("there"), "blank": file(""), "end": file("x\n")})
        patch = self.patch(layers)
        layers.git("apply", "--index", input=patch, check=True)
        diff = layers.git("diff", "--cached", "--no-renames", "--full-index", "--no-color", check=True).stdout
        # git names the line before a hunk behind its range.
        plain = b"".join(line[:line.index(b" @@") + 3] + b"\n" if line.startswith(b"@@") else line
                         for line in diff.splitlines(keepends=True))
        self.assertEqual(patch, plain)

    def test_renames(self):
        base = {"old/f": file("".join(f"{i}\n" for i in range(100))), "old/g": file("g\n"), "old/l": link("f"), "s": file(b"\0\1")}
        layers = self.layers(tree(base))
        shown = with_origins(layers.tree.copy())
        shown.children[b"new dir"] = shown.children.pop(b"old")
        shown.children[b"new dir"].children[b"f"].content += b"more\n"
        shown.children[b"t"] = shown.children.pop(b"s")
        shown.children[b"t"].content += b"\2"
        layers.make_upper(shown)
        layers.make_repository()
        self.check_apply(layers)
        patch = self.patch(layers)
        self.assertEqual(patch.count(b"rename from old/"), 3)
        self.assertIn(b"similarity index 98%\nrename from old/f\nrename to new dir/f\n", patch)
        self.assertIn(b"similarity index 100%\nrename from old/g\nrename to new dir/g\n", patch)
        self.assertIn(b"rename from s\nrename to t\n", patch)

    def test_large_files_are_streamed_as_literals(self):
        size = (32 << 20) + 1
        layers = self.check({"f": file(b"a\n")}, {"f": file(b"b\n" * (size // 2) + b"c")})
        self.assertIn(b"GIT binary patch\nliteral 33554433\n", self.patch(layers))

    def test_a_sparse_file_of_any_size_costs_nothing(self):
        layers = self.both({"f": file("1\n"), "g": file("1\n")}, {"f": file("2\n"), "g": file("1\n", 0o755)})
        for path in b"base/g", b"delta/upper/f", b"delta/upper/g":
            os.truncate(layers.top + b"/" + path, 1 << 42)
        run = layers.run("diff", timeout=60)
        self.assertEqual((run.returncode, run.stdout.count(b"diff --git")), (0, 1))
        self.assertIn(b"new mode 100755", run.stdout)
        self.assertEqual(run.stderr, b"mount.agentfense: the patch leaves out files larger than 1 GiB: f\n")

    def test_left_out(self):
        layers = self.both({".git2/x": file("1"), "d": Node(DIR, mode=0o755), "p": Node(FIFO), "f": file("1", 0o644)},
                           {".git2/x": file("2"), "e": Node(DIR, mode=0o755), "q": Node(FIFO), "f": file("1", 0o600),
                            ".git/config": file("x"), "s/.GIT/hooks/x": file("x")})
        run = layers.run("diff")
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stdout.count(b"diff --git"), 1)
        self.assertEqual(run.stderr.decode().splitlines(), [
            "mount.agentfense: the patch leaves out empty directories and the attributes of directories: d, e, s",
            "mount.agentfense: the patch leaves out files that are neither regular nor symlinks: p, q",
            "mount.agentfense: the patch leaves out owners, extended attributes and modes other than the owner's x: f",
            "mount.agentfense: the patch leaves out what lies in .git, which git takes from no patch: .git, .git/config, "
            "s/.GIT and 2 more"])


class Words(Case):
    def setUp(self):
        self.layers_ = self.both({"a": file("1\n"), "b": file("1\n2\n3\n"), "s/c": file("1\n"), "s/e\x1b[1m": file("1\n")},
                                 {"b": file("1\n3\n4\n5\n", 0o755), "s/c": file(b"\0"), "s/d\udcff": file("1\n"),
                                  "s/e\x1b[1m": file("\x1b]0;x\x07\n")})

    def test_status(self):
        run = self.layers_.run("status")
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stdout.decode().splitlines(), [
            "deleted     a", "changed     b  (mode 0644 to 0755)", "changed     s/c", 'added       "s/d\\377"',
            'changed     "s/e\\033[1m"', "1 added, 3 changed, 1 deleted"])

    def test_status_json(self):
        run = self.layers_.run("status", "--json")
        self.assertEqual(run.returncode, 0)
        shown = json.loads(run.stdout)
        self.assertEqual([(c["kind"], os.fsencode(c["path"])) for c in shown["changes"]], [
            ("deleted", b"a"), ("changed", b"b"), ("changed", b"s/c"), ("added", b"s/d\xff"), ("changed", b"s/e\x1b[1m")])
        self.assertEqual(shown["changes"][1]["after"],
                         {"type": "file", "mode": "0755", "uid": os.getuid(), "gid": os.getgid(), "size": 8})
        self.assertEqual(shown["summary"], "1 added, 3 changed, 1 deleted")
        self.assertNotIn(b"\x1b", run.stdout)

    def test_path(self):
        self.assertEqual(self.layers_.run("status", "--path", "/s/c").stdout, b"changed     s/c\n1 changed\n")
        self.assertEqual(self.layers_.run("status", "--path", "/none").stdout, b"no changes\n")
        self.assertEqual(self.patch(self.layers_, "--path", "/none"), b"")
        self.assertEqual(self.patch(self.layers_, "--path", "/a", "--path", "/s").count(b"diff --git"), 4)
        refused = self.layers_.run("status", "--path", "a")
        self.assertEqual((refused.returncode, refused.stdout), (2, b""))

    def test_stat(self):
        self.assertEqual(self.patch(self.layers_, "--stat").decode().splitlines(), [
            ' a            | 1 +0 -1', ' b            | 3 +2 -1', ' s/c          | binary, 2 -> 1 bytes',
            ' "s/d\\377"    | 1 +1 -0', ' "s/e\\033[1m" | 2 +1 -1', " 5 files changed, 4 lines added, 3 lines deleted"])

    def test_exit_status(self):
        self.assertEqual(self.layers_.run("diff", "--exit-code").returncode, 1)
        self.assertEqual(self.layers_.run("diff", "--exit-code", "--path", "/none").returncode, 0)
        for words in (["status"], ["status", "--what"], ["nothing"], []):
            run = subprocess.run([HELPER, "delta", *words], capture_output=True)
            self.assertEqual((run.returncode, run.stdout), (2, b""), words)
        with open("/dev/full", "w") as full:
            run = subprocess.run([HELPER, "delta", "diff", self.layers_.delta, "--base", self.layers_.base], stdout=full,
                                 stderr=subprocess.PIPE)
        self.assertEqual((run.returncode, run.stderr.count(b"\n")), (2, 1))

    def test_help(self):
        for words in (["--help"], ["status", "--help"], ["diff", "--help"]):
            run = subprocess.run([HELPER, "delta", *words], capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertRegex(run.stdout, r"Examples?:\n  mount\.agentfense delta (status|diff) ")

    def terminal(self, *words, **more):
        master, slave = pty.openpty()
        run = subprocess.Popen([HELPER, "delta", words[0], self.layers_.delta, "--base", self.layers_.base, *words[1:]],
                               stdout=slave, stdin=subprocess.DEVNULL, **more)
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 65536):
                text += piece
        except OSError:  # the other end is closed
            pass
        os.close(master)
        self.assertEqual(run.wait(), 0)
        return text

    def test_a_terminal_gets_colours_and_nothing_of_the_files_makers(self):
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        status = self.terminal("status", env=environment)
        diff = self.terminal("diff", env=environment)
        self.assertIn(b"\x1b[31mdeleted     \x1b[ma\r\n", status)
        self.assertIn(b"\x1b[32m+^[]0;x^G\x1b[m\r\n", diff)
        for text in status, diff:
            self.assertNotIn(b"\x1b[1m\"", text.replace(b"\x1b[1mdiff", b""))
            self.assertNotIn(b"\x1b]", text)
            self.assertNotIn(b"\x07", text)
        plain = self.terminal("diff", env={**environment, "NO_COLOR": "1"})
        self.assertNotIn(b"\x1b", plain)


def can_work():
    with tempfile.TemporaryDirectory(prefix="agentfense-diff-") as folder:
        try:
            os.mknod(folder + "/w", stat.S_IFCHR, 0)
            os.setxattr(folder, "user.overlay.opaque", b"y")
        except OSError as error:
            return f"no whiteouts or attributes here: {error}"
    return None if shutil.which("git") else "there is no git"


if __name__ == "__main__":
    missing = can_work()
    if missing:
        print(missing)
        sys.exit(1 if os.environ.get("AGENTFENSE_MUST_WORK") == "1" else 77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
