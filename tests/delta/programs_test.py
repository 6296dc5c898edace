"""Programs that people use, in a view over a delta: they end as they do in a plain copy of the base, and leave the same
tree where what they write does not depend on the time; after a remount and to the kernel's overlayfs too."""

import os
import random
import shutil
import sqlite3
import subprocess
import tarfile
import threading

import deltas
from deltas import Delta, get, outcome, put, run, support, views

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C", "GIT_CONFIG_COUNT": "4",
               "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"}
for index, (key, value) in enumerate((("user.name", "a"), ("user.email", "a@b"), ("safe.directory", "*"), ("init.defaultBranch", "main"))):
    ENVIRONMENT |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}

CMAKE = """cmake_minimum_required(VERSION 3.16)
project(tiny C)
add_library(answer lib.c)
add_executable(prog main.c)
target_link_libraries(prog answer)
"""


def fill(base):
    put(f"{base}/src/main.c", "int answer(void);\nint main(void) { return answer() - 42; }\n")
    put(f"{base}/src/lib.c", "int answer(void) { return 42; }\n")
    put(f"{base}/src/CMakeLists.txt", CMAKE)
    for i in range(300):
        put(f"{base}/data/d{i % 20}/e{i % 3}/f{i}", f"file {i}\n" * (i % 50))
    os.symlink("d1", f"{base}/data/link")
    os.chmod(f"{base}/data/d0/e0/f0", 0o755)


def repository(base):
    fill(base)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=base, check=True, env=ENVIRONMENT)


def each_kind(fill_with, same=True):
    """The test gets a view, and what runs a program in it and in a plain copy beside it, and compares."""
    def mark(test):
        def wrapper(self):
            for coherence, opens in deltas.KINDS[::3]:
                with self.subTest(coherence=coherence, opens=opens):
                    with Delta(fill_with, coherence=coherence, opens=opens) as view:
                        view.plain = os.path.join(view.top, "plain")
                        subprocess.run(["cp", "-a", view.base, view.plain], check=True)
                        test(self, view)
                        self.all_same(view, view.plain if same else None)
        wrapper.__name__ = test.__name__
        wrapper.__doc__ = test.__doc__
        return wrapper
    return mark


MUST_WORK = os.environ.get("AGENTFENSE_MUST_WORK") == "1"


class Programs(deltas.TestCase):
    def need(self, program):
        if shutil.which(program):
            return
        self.assertFalse(MUST_WORK, f"there is no {program}")
        self.skipTest(f"there is no {program}")

    def ok(self, view, *words, cwd="", both=True, **environment):
        """Its output, the same in both."""
        answers = []
        for top in (view.dir, view.plain) if both else (view.dir,):
            here = [word.replace("@", top) for word in words]
            status, out, err = run(here, os.path.join(top, cwd), env={**ENVIRONMENT, **environment})
            self.assertEqual(status, 0, f"{here}: {out}{err}"[-2000:])
            answers.append(out.replace(top, "@"))
        self.assertEqual(answers[0], answers[-1], words)
        return answers[0]

    def all_same(self, view, plain):
        """plain: None where two runs do not give the same tree; then the view itself is what must last."""
        if plain:
            self.assertEqual(deltas.difference(plain, view.dir), "", "the tree")
        expected = deltas.ops("tree", plain or view.dir, "seen")[1]
        view.umount()
        with view.kernel() as kernel:
            views.same(self, deltas.ops("tree", kernel, "seen")[1], expected, "the tree to the kernel's overlayfs")
        view.mount()
        views.same(self, deltas.ops("tree", view.dir, "seen")[1], expected, "the tree after a remount")

    @each_kind(repository, same=False)
    def test_git(self, view):
        git = lambda *words, **where: self.ok(view, "git", *words, **where)
        self.assertEqual(git("status", "--porcelain"), "")
        for top in (view.dir, view.plain):
            put(f"{top}/src/new.c", "int new_thing;\n")
            os.unlink(f"{top}/src/lib.c")
            os.rename(f"{top}/data/d2", f"{top}/data/moved")
        self.assertIn(" D src/lib.c\n", git("status", "--porcelain"))
        git("add", "-A")
        git("commit", "-qm", "second")
        self.assertEqual(len(git("rev-parse", "HEAD")), 41)  # the same in both: the same commit
        git("checkout", "-q", "-b", "branch", "HEAD~1")
        git("merge", "-q", "main")
        git("gc", "-q", "--prune=now")
        git("clone", "-q", ".", "clone")
        self.assertEqual(git("fsck", "--strict"), "")
        self.assertEqual(git("status", "--porcelain", cwd="clone"), "")
        self.assertEqual(git("log", "--format=%H"), git("log", "--format=%H", cwd="clone"))
        git("worktree", "add", "-q", "@/worktree", "HEAD~1")
        git("stash", "list")
        self.assertEqual(deltas.difference(f"{view.plain}/clone/data", view.v("clone/data")), "")
        view.remount()
        self.ok(view, "git", "fsck", "--strict", both=False)
        self.ok(view, "git", "status", "--porcelain", cwd="clone", both=False)

    def databases(base):
        for mode in ("delete", "wal"):
            with sqlite3.connect(f"{base}/{mode}.db") as connection:
                connection.execute(f"pragma journal_mode={mode}")
                connection.execute("create table t (n integer, text text)")
                connection.executemany("insert into t values (?, ?)", ((i, "x" * 100) for i in range(5000)))
            connection.close()

    @each_kind(databases, same=False)
    def test_sqlite(self, view):
        """A base's database, in WAL mode too, written to by several at once."""
        for mode in ("delete", "wal"):
            path = view.v(f"{mode}.db")
            reader = sqlite3.connect(path)
            self.assertEqual(reader.execute("select count(*) from t").fetchone(), (5000,))

            def insert():
                mine = sqlite3.connect(path, timeout=60)
                for i in range(40):
                    with mine:
                        mine.execute("insert into t values (?, 'new')", (i,))
                mine.close()
            threads = [threading.Thread(target=insert) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(reader.execute("select count(*), sum(n) from t where text = 'new'").fetchone(), (120, 2340))
            with reader:
                reader.execute("delete from t where n < 1000 and text != 'new'")
            self.assertEqual(reader.execute("pragma integrity_check").fetchone()[0], "ok")
            reader.close()
        view.remount()
        for mode in ("delete", "wal"):
            connection = sqlite3.connect(view.v(f"{mode}.db"))
            self.assertEqual(connection.execute("pragma integrity_check").fetchone()[0], "ok")
            self.assertEqual(connection.execute("select count(*) from t").fetchone(), (4120,))
            connection.close()

    @each_kind(fill, same=False)
    def test_cmake(self, view):
        self.need("cmake")
        self.ok(view, "cmake", "-S", "@/src", "-B", "@/build", both=False)
        self.ok(view, "cmake", "--build", "@/build", both=False)
        self.ok(view, view.v("build/prog"), both=False)
        put(view.v("src/lib.c"), "int answer(void) { return 43; }\n")
        future = os.stat(view.v("src/lib.c")).st_mtime + 5
        os.utime(view.v("src/lib.c"), (future, future))
        self.ok(view, "cmake", "--build", "@/build", both=False)
        self.assertEqual(run([view.v("build/prog")], "/")[0], 1)

    @each_kind(lambda base: put(f"{base}/package.json", '{"name":"app","version":"1.0.0"}'), same=False)
    def test_npm(self, view):
        """A package with a real tree below it; one of ours where it cannot be fetched and nobody insists."""
        self.need("npm")
        environment = {**os.environ, "npm_config_cache": view.v("cache"), "npm_config_audit": "false", "npm_config_fund": "false",
                       "npm_config_fetch_retries": "0", "npm_config_update_notifier": "false"}
        status, out, err = run(["npm", "install", "express@4"], view.v(), env=environment)
        if status == 0:
            self.assertGreater(len(os.listdir(view.v("node_modules"))), 40)
            code, expected = "console.log(typeof require('express')().get)", "function\n"
        else:
            self.assertFalse(MUST_WORK, f"express cannot be fetched: {err}")
            self.assertRegex(err, "network|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|E40")
            put(view.v("lib/package.json"), '{"name":"lib","version":"1.0.0","main":"i.js"}')
            put(view.v("lib/i.js"), "module.exports = 42;")
            self.ok(view, "npm", "install", "--offline", "--install-links", "./lib", both=False, **environment)
            code, expected = "console.log(require('lib'))", "42\n"
        self.assertEqual(self.ok(view, "node", "-e", code, both=False), expected)
        view.remount()
        self.assertEqual(self.ok(view, "node", "-e", code, both=False), expected)
        self.ok(view, "npm", "ls", "--all", both=False, **environment)
        os.rename(view.v("node_modules"), view.v("old"))
        self.ok(view, "cp", "-a", "old", "node_modules", both=False)
        self.assertEqual(self.ok(view, "node", "-e", code, both=False), expected)
        self.ok(view, "rm", "-rf", "old", "node_modules", both=False)

    def archive(base):
        with tarfile.open(f"{base}/files.tar", "w") as archive:
            for i in range(5000):
                entry = tarfile.TarInfo(f"out/d{i % 50}/e{i % 7}/f{i}")
                entry.size, entry.mtime, entry.mode = 20, 1_000_000_000 + i, 0o640 if i % 3 else 0o755
                entry.uid = entry.gid = i % 4
                archive.addfile(entry, __import__("io").BytesIO(f"content {i:012}".encode()[:20].ljust(20)))
        put(f"{base}/out/d1/e1/f1", "the base had this one")

    @each_kind(archive)
    def test_tar(self, view):
        self.ok(view, "tar", "xpf", "files.tar")
        self.assertEqual(len(self.ok(view, "sh", "-c", "find out -type f | sort").splitlines()), 5000)
        self.ok(view, "tar", "df", "files.tar")
        self.ok(view, "mv", "out/d7", "seven")
        self.ok(view, "rm", "-rf", "out/d8", "out/d9/e1")

    @each_kind(fill)
    def test_moves_copies_and_removals_of_base_directories(self, view):
        for words in (("mv", "data/d1", "moved"), ("cp", "-a", "data/d2", "copied"), ("rm", "-rf", "data/d3"), ("mv", "moved", "data/d3"),
                      ("rm", "-rf", "data/d4", "data/d5"), ("cp", "-al", "data/d6", "linked"), ("mv", "src", "data/d3/src"),
                      ("mkdir", "-p", "data/d4/e1"), ("sh", "-c", "echo x > data/d3/e0/new"), ("chmod", "-R", "g+w", "data/d7"),
                      ("chown", "-R", "7:8", "data/d8"), ("find", "data/d9", "-name", "f*", "-delete"), ("mv", "data", "all"),
                      ("ln", "-s", "all", "data"), ("mv", "-T", "linked", "all/d6"[:-1] + "60")):
            self.ok(view, *words)
        self.assertEqual(self.ok(view, "sh", "-c", "find . | sort"), self.ok(view, "sh", "-c", "find . | sort"))
        self.ok(view, "sh", "-c", "grep -rc file . | sort")
        self.ok(view, "rm", "-rf", "all")

    @each_kind(fill)
    def test_editors(self, view):
        """In place by a file beside and a rename, by a backup, by writing over."""
        self.ok(view, "sed", "-i", "s/answer/reply/", "src/lib.c", "src/main.c")
        self.ok(view, "sed", "-i.bak", "s/42/43/", "src/lib.c")
        self.need("vim")
        self.ok(view, "vim", "-u", "NONE", "-es", "-c", "set backup writebackup backupskip=", "-c", "normal Goadded", "-c", "wq", "src/lib.c")
        self.assertEqual(get(view.v("src/lib.c~")), "int reply(void) { return 43; }\n")
        self.ok(view, "sh", "-c", "cp src/main.c src/.main.tmp && echo more >> src/.main.tmp && mv src/.main.tmp src/main.c")
        self.ok(view, "sh", "-c", "echo appended >> src/CMakeLists.txt; : > data/d1/e1/f1; truncate -s 3 data/d2/e2/f2")
        self.need("patch")
        put(os.path.join(view.top, "p"), "--- src/CMakeLists.txt\n+++ src/CMakeLists.txt\n@@ -1,2 +1,2 @@\n"
            " cmake_minimum_required(VERSION 3.16)\n-project(tiny C)\n+project(small C)\n")
        self.ok(view, "patch", "-p0", "-i", "@/../p")

    @each_kind(fill)
    def test_rsync(self, view):
        self.need("rsync")
        self.ok(view, "rsync", "-aH", "--delete", "data/", "src/")
        self.ok(view, "rsync", "-aH", "--inplace", "src/d1/", "data/d2/")

    @each_kind(fill, same=False)
    def test_python_virtual_environment(self, view):
        self.ok(view, "python3", "-m", "venv", "--without-pip", "venv", both=False)
        put(view.v("pkg/__init__.py"), "value = 42\n")
        for _ in range(2):
            self.assertEqual(self.ok(view, "venv/bin/python", "-c", "import pkg; print(pkg.value)", both=False), "42\n")
        self.assertTrue(os.listdir(view.v("pkg/__pycache__")))

    @each_kind(fill, same=False)
    def test_many_at_once(self, view):
        """What several make of a base side by side: whatever it is, it lasts, and the kernel sees the same."""
        def churn(seed):
            dice = random.Random(seed)
            for i in range(400):
                a, b = (view.v(f"data/d{dice.randrange(4)}", f"e{dice.randrange(4)}") for _ in range(2))
                f, g = (os.path.join(path, f"f{dice.randrange(60)}") for path in (a, b))
                outcome(dice.choice([
                    lambda: put(f, str(i)), lambda: os.rename(f, g), lambda: os.unlink(f), lambda: os.mkdir(a), lambda: os.rmdir(a),
                    lambda: os.link(f, g), lambda: os.listdir(a), lambda: get(f), lambda: os.symlink("x", f), lambda: os.chmod(f, 0o755),
                    lambda: os.rename(a, b), lambda: shutil.rmtree(a), lambda: os.utime(f), lambda: os.truncate(f, 3)]))
            return "done"
        waits = [views.start_as_user(lambda s=seed: churn(s), 0) for seed in range(4)]
        self.assertEqual([wait() for wait in waits], ["done"] * 4)


if __name__ == "__main__":
    deltas.main()
