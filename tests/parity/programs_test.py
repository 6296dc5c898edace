"""Programs that people use, in a view of a tree that they may write while its secrets are hidden."""

import os
import shutil
import sqlite3
import subprocess
import threading

import views
from views import NOBODY, View, as_user, each_kind, get, outcome, put, run

RULES = ["allow write /", "limit none **/.env", "limit none /secrets", "limit none **/*.key"]
SECRETS = {".env": "TOKEN", "secrets/db": "PASSWORD", "src/deploy.key": "KEY"}


def fill(base):
    for name, text in SECRETS.items():
        put(f"{base}/{name}", text)
    put(f"{base}/src/main.c", '#include "lib.h"\nint main(void) { return answer() - 42; }\n')
    put(f"{base}/src/lib.h", "int answer(void);\n")
    put(f"{base}/src/lib.c", "int answer(void) { return 42; }\n")
    put(f"{base}/Makefile", "prog: src/main.o src/lib.o\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -c -o $@ $<\nclean:\n\trm -f prog src/*.o\n")
    for directory, names, files in os.walk(base):
        for name in names + files:
            os.lchown(os.path.join(directory, name), NOBODY, NOBODY)
    os.chown(base, NOBODY, NOBODY)


class Programs(views.TestCase):
    def ok(self, words, cwd, **kwargs):
        status, out, err = run(words, cwd, **kwargs)
        self.assertEqual(status, 0, f"{words}: {out}{err}")
        return out

    def secrets_untouched(self, view):
        for name, text in SECRETS.items():
            self.assertEqual(get(view.b(name)), text)

    @each_kind
    def test_git(self, kind):
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_COUNT": "4"}
        for i, (key, value) in enumerate((("user.name", "a"), ("user.email", "a@b"), ("safe.directory", "*"), ("init.defaultBranch", "main"))):
            environment |= {f"GIT_CONFIG_KEY_{i}": key, f"GIT_CONFIG_VALUE_{i}": value}

        def make(base):
            fill(base)
            for words in (["init", "-q"], ["add", "src/main.c", "src/lib.h", "src/lib.c", "Makefile"], ["commit", "-qm", "first"]):
                subprocess.run(["git", *words], cwd=base, check=True, env=environment)

        with View(RULES, make, **kind) as view:
            git = lambda *words, cwd=view.v(): self.ok(["git", *words], cwd, env=environment)
            self.assertEqual(git("status", "--porcelain"), "")
            put(view.v("src/new.c"), "int new_thing;\n")
            os.unlink(view.v("src/lib.h"))
            self.assertEqual(git("status", "--porcelain"), " D src/lib.h\n?? src/new.c\n")
            git("add", "-A")
            git("commit", "-qm", "second")
            git("checkout", "-q", "-b", "branch", "HEAD~1")
            git("merge", "-q", "main")
            git("gc", "-q")
            git("clone", "-q", ".", "clone")
            self.assertEqual(git("fsck", "--strict"), "")
            self.assertEqual(git("status", "--porcelain", cwd=view.v("clone")), "")
            self.assertEqual(git("ls-files"), git("ls-files", cwd=view.v("clone")))
            git("stash", "list")
            git("worktree", "add", "-q", "tree", "main")
            git("rebase", "-q", "origin/main", cwd=view.v("clone"))
            self.secrets_untouched(view)

    @each_kind
    def test_sqlite(self, kind):
        with View(RULES, fill, **kind) as view:
            for mode in ("delete", "wal"):
                path = view.v(f"{mode}.db")
                connection = sqlite3.connect(path)
                self.assertEqual(connection.execute(f"pragma journal_mode={mode}").fetchone()[0], mode)
                connection.execute("create table t (n integer)")
                connection.commit()

                def insert():
                    mine = sqlite3.connect(path, timeout=60)
                    for i in range(50):
                        with mine:
                            mine.execute("insert into t values (?)", (i,))
                    mine.close()
                threads = [threading.Thread(target=insert) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(connection.execute("select count(*), sum(n) from t").fetchone(), (150, 3675))
                self.assertEqual(connection.execute("pragma integrity_check").fetchone()[0], "ok")
                connection.close()
            self.assertEqual(self.ok(["sqlite3", "wal.db", "select count(*) from t"], view.v()), "150\n")

    @each_kind
    def test_make(self, kind):
        with View(RULES, fill, **kind) as view:
            self.ok(["make"], view.v())
            self.ok(["./prog"], view.v())
            self.assertIn("up to date", self.ok(["make"], view.v()))
            put(view.v("src/lib.c"), "int answer(void) { return 43; }\n")
            future = os.stat(view.v("src/lib.o")).st_mtime + 5
            os.utime(view.v("src/lib.c"), (future, future))
            self.ok(["make"], view.v())
            self.assertEqual(run(["./prog"], view.v())[0], 1)
            self.ok(["make", "clean"], view.v())
            self.assertNotIn("prog", os.listdir(view.v()))

    @each_kind
    def test_editors(self, kind):
        with View(RULES, fill, **kind) as view:
            if shutil.which("vim"):
                self.ok(["vim", "-u", "NONE", "-es", "-c", "set backup writebackup backupskip=", "-c", "normal Goadded", "-c", "wq", "src/lib.h"], view.v())
                self.assertEqual(get(view.b("src/lib.h")), "int answer(void);\nadded\n")
                self.assertEqual(get(view.b("src/lib.h~")), "int answer(void);\n")
            # The careful way: write beside, sync, rename over.
            for i in range(20):
                with open(view.v("src/.lib.c.tmp"), "w") as file:
                    file.write(f"version {i}\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(view.v("src/.lib.c.tmp"), view.v("src/lib.c"))
                directory = os.open(view.v("src"), os.O_RDONLY)
                os.fsync(directory)
                os.close(directory)
                self.assertEqual(get(view.v("src/lib.c")), f"version {i}\n")
            self.ok(["sed", "-i", "s/version/edition/", "src/lib.c"], view.v())
            self.assertEqual(get(view.b("src/lib.c")), "edition 19\n")

    @each_kind
    def test_tree_tools(self, kind):
        with View(RULES, fill, **kind) as view:
            for i in range(40):
                put(view.v(f"big/d{i % 7}/e{i}/f"), f"file {i}\n", 0o640)
            os.link(view.v("big/d0/e0/f"), view.v("big/hard"))
            os.symlink("d0", view.v("big/soft"))
            os.utime(view.v("big/d1"), (1, 1_000_000_000))
            self.ok(["cp", "-a", "big", "copy"], view.v())
            self.assertEqual(views.tree(view.v("copy")), views.tree(view.v("big")))
            self.assertEqual(os.stat(view.v("copy/d1")).st_mtime, 1_000_000_000)
            self.ok(["tar", "cf", "big.tar", "big"], view.v())
            os.mkdir(view.v("out"))
            self.ok(["tar", "xf", "big.tar", "-C", "out"], view.v())
            self.assertEqual(views.tree(view.v("out/big")), views.tree(view.v("big")))
            self.ok(["mv", "out/big", "moved"], view.v())
            self.ok(["diff", "-r", "big", "moved"], view.v())
            found = self.ok(["find", ".", "-type", "f"], view.v()).split()
            self.assertEqual(len([name for name in found if name.startswith("./big/")]), 41)
            self.assertFalse([name for name in found if name.endswith((".env", ".key")) or "secrets" in name])
            self.assertEqual(run(["grep", "-rE", "TOKEN|PASSWORD|KEY", "."], view.v()), (1, "", ""))
            self.ok(["du", "-a", "."], view.v())
            self.ok(["ls", "-lR", "."], view.v())
            self.ok(["rm", "-rf", "big", "copy", "moved", "out"], view.v())
            self.assertEqual(sorted(os.listdir(view.v())), ["Makefile", "big.tar", "src"])
            self.secrets_untouched(view)

    @each_kind
    def test_as_an_ordinary_user(self, kind):
        with View(RULES, fill, **kind) as view:
            def work():
                os.environ["HOME"] = view.v()
                steps = [["make"], ["./prog"], ["cp", "-a", "src", "src2"], ["rm", "-rf", "src2"], ["git", "init", "-q"],
                         ["git", "add", "-A"], ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
                         ["git", "clone", "-q", ".", "c"], ["git", "-C", "c", "fsck"]]
                return [done for words in steps if (done := run(words, view.v()))[0] != 0]
            self.assertEqual(as_user(work), "[]")
            self.assertEqual({os.stat(view.b(name)).st_uid for name in ("prog", "c", ".git/HEAD")}, {NOBODY})
            self.secrets_untouched(view)

    @each_kind
    def test_python_virtual_environment(self, kind):
        with View(RULES, fill, **kind) as view:
            self.ok(["python3", "-m", "venv", "--without-pip", "venv"], view.v())
            put(view.v("pkg/__init__.py"), "value = 42\n")
            code = "import pkg, sys; print(pkg.value, pkg.__cached__ is not None)"
            for _ in range(2):
                self.assertEqual(self.ok(["venv/bin/python", "-c", code], view.v(), env={"PATH": os.environ["PATH"]}), "42 True\n")
            self.assertTrue(os.listdir(view.v("pkg/__pycache__")))

    @each_kind
    def test_cargo(self, kind):
        if not shutil.which("cargo"):
            self.skipTest("there is no cargo")
        with View(RULES, fill, **kind) as view:
            self.ok(["cargo", "new", "--vcs", "none", "--offline", "hello"], view.v(), env={**os.environ, "USER": "a"})
            self.assertIn("Hello", self.ok(["cargo", "run", "-q", "--offline"], view.v("hello")))

    @each_kind
    def test_npm(self, kind):
        if not shutil.which("npm"):
            self.skipTest("there is no npm")
        with View(RULES, fill, **kind) as view:
            put(view.v("lib/package.json"), '{"name":"lib","version":"1.0.0","main":"i.js"}')
            put(view.v("lib/i.js"), "module.exports = 42;")
            put(view.v("app/package.json"), '{"name":"app","version":"1.0.0"}')
            environment = {**os.environ, "npm_config_cache": view.v("cache"), "npm_config_offline": "true", "npm_config_audit": "false"}
            self.ok(["npm", "install", "--install-links", "../lib"], view.v("app"), env=environment)
            self.assertEqual(self.ok(["node", "-e", "console.log(require('lib'))"], view.v("app"), env=environment), "42\n")
            self.ok(["rm", "-rf", "node_modules"], view.v("app"))

    @each_kind
    def test_two_views_of_one_base(self, kind):
        """One may write what the other may only read; both stay whole."""
        with View(RULES, fill, **{**kind, "coherence": "live"}) as writer:
            table = os.path.join(writer.top, "reader.aft")
            second = os.path.join(writer.top, "second")
            os.mkdir(second)
            subprocess.run([views.support.Machine.make_table, table, "allow read /", "limit none /secrets"], check=True)
            self.ok([views.support.Machine.helper, writer.base, second, "-o", f"table={table},open={kind['opens']}"], "/")
            try:
                put(writer.v("src/shared"), "one")
                self.assertEqual(get(f"{second}/src/shared"), "one")
                self.assertEqual(outcome(lambda: put(f"{second}/src/shared", "no")), "EACCES")
                put(writer.v("src/shared"), "two, longer")
                self.assertTrue(views.support.wait_until(lambda: get(f"{second}/src/shared") == "two, longer", 10))
                self.assertTrue(os.path.exists(f"{second}/.env"))
                self.assertEqual(outcome(os.stat, f"{second}/secrets"), "ENOENT")
            finally:
                views.support.umount(second)

    @each_kind
    def test_many_at_once(self, kind):
        """Renames, creations, deletions and listings side by side end in a tree that view and base agree on."""
        with View(["allow write /", "limit none **/*.key"], None, **kind) as view:
            for i in range(4):
                os.mkdir(view.v(f"d{i}"))

            def churn(seed):
                import random
                dice = random.Random(seed)
                for i in range(400):
                    a, b = (view.v(f"d{dice.randrange(4)}", f"n{dice.randrange(12)}") for _ in range(2))
                    outcome(dice.choice([
                        lambda: put(a, str(i)), lambda: os.rename(a, b), lambda: os.unlink(a), lambda: os.mkdir(a),
                        lambda: os.rmdir(a), lambda: os.link(a, b), lambda: os.listdir(os.path.dirname(a)), lambda: get(a),
                        lambda: os.symlink("x", a), lambda: os.stat(a), lambda: os.rename(os.path.join(a, "s"), b),
                        lambda: os.mkdir(os.path.join(a, "s")), lambda: os.chmod(a, 0o755)]))
                return "done"
            waits = [views.start_as_user(lambda s=seed: churn(s), 0) for seed in range(4)]
            self.assertEqual([wait() for wait in waits], ["done"] * 4)
            self.assertEqual(views.tree(view.v()), views.tree(view.b()))
            self.ok(["rm", "-rf", *(view.v(f"d{i}") for i in range(4))], "/")
            self.assertEqual(os.listdir(view.b()), [])


if __name__ == "__main__":
    views.main()
