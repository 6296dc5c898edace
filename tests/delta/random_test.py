"""Random operations in lockstep on a plain copy of the base and in a view over a delta: same answers, same tree, after
every remount too, and the kernel's overlayfs shows the same tree from the same upper layer.

    random_test.py MOUNT.AGENTFENSE MAKE_RULE_TABLE [Random.test_...]
    AGENTFENSE_DELTA_SEED=N, AGENTFENSE_DELTA_COUNT=N: another run, of as many operations for each seed
    AGENTFENSE_DELTA_SCRIPT=FILE: the operations of a failure, as one was printed (needs its seed, for the base)

What may differ, and why:
- sizes and link counts of directories: a view's are constant, so that they count nothing hidden
- access times: what a cache answers is not asked of the file system
- numbers of symlinks, FIFOs and sockets over a mount: FORMAT.md keeps those of regular files and directories
Base files have one name each here: a second name of one is another file after a copy-up, as in the kernel's overlayfs.
"""

import os
import shutil

import deltas
from deltas import Delta, Lockstep, support

SEED = int(os.environ.get("AGENTFENSE_DELTA_SEED", "1"))
COUNT = int(os.environ.get("AGENTFENSE_DELTA_COUNT", "25000"))
EVERY = 2500
# A base directory that the kernel's overlayfs is to move gives EXDEV, and numbers change with a copy-up there.
ALLOWED = ["may-cross", "never-read-only", "no-identities"] if deltas.stand_in else []


class Pair:
    """A base, its plain copy and its view, all fresh."""

    def __init__(self, seed, kind):
        self.seed, self.kind = seed, kind

    def __enter__(self):
        self.view = Delta(lambda base: deltas.ops("fill", base, self.seed), coherence=self.kind[0], opens=self.kind[1])
        self.view.__enter__()
        self.plain = os.path.join(self.view.top, "plain")
        os.mkdir(self.plain)
        deltas.ops("fill", self.plain, self.seed)
        return self

    def __exit__(self, *what):
        self.view.__exit__(*what)

    def between(self):
        """Unmounted: the kernel's view of the delta, and the base as it was."""
        self.view.umount()
        try:
            self.view.check_base()
            with self.view.kernel() as kernel:
                found = deltas.difference(self.plain, kernel)
            if found:
                raise AssertionError(f"the kernel's overlayfs shows another tree: {found[:600]}")
        finally:
            self.view.mount()

    def run(self, *words):
        return Lockstep(self.plain, self.view.dir, self.between).run(*words, *ALLOWED)


def replay(seed, kind, script):
    with Pair(seed, kind) as pair:
        path = os.path.join(pair.view.top, "script")
        with open(path, "w") as file:
            file.write("\n".join(script) + "\n")
        return pair.run(f"script={path}")


class Random(deltas.TestCase):
    def one(self, index):
        seed, kind = SEED + index, deltas.KINDS[index % 4]
        given = os.environ.get("AGENTFENSE_DELTA_SCRIPT")
        if given:
            good, lines = replay(seed, kind, support.read(given).splitlines())
            self.assertTrue(good, "\n".join(lines[-3:]))
            return
        log = os.path.join(support.Machine.work, f"log{index}")
        with Pair(seed, kind) as pair:
            good, lines = pair.run(f"seed={seed}", f"count={COUNT}", f"every={EVERY}", f"log={log}")
            print(lines[-1 if good else -2], flush=True)
            if not good and os.environ.get("AGENTFENSE_DELTA_KEEP"):
                shutil.copy(log, os.environ["AGENTFENSE_DELTA_KEEP"])
        if good:
            return
        self.fail(f"seed {seed}, {kind}:\n{self.shortest(seed, kind, support.read(log).splitlines(), lines[-1])}")

    def shortest(self, seed, kind, script, said):
        """The failure as few operations on a fresh base, to be run again with AGENTFENSE_DELTA_SCRIPT."""
        if replay(seed, kind, script)[0]:
            return f"{said}\nIt does not come back when its {len(script)} operations are run again."
        script = deltas.shrink(script, lambda fewer: not replay(seed, kind, fewer)[0])
        return "\n".join(["# AGENTFENSE_DELTA_SEED=%d" % (seed - deltas.KINDS.index(kind)), *script,
                          "# " + "\n# ".join(replay(seed, kind, script)[1][-3:])])

    def test_live_asked(self):
        self.one(0)

    def test_live_cached(self):
        self.one(1)

    def test_snapshot_asked(self):
        self.one(2)

    def test_snapshot_cached(self):
        self.one(3)


if __name__ == "__main__":
    deltas.main()
