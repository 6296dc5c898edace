"""Random operations in lockstep on a plain copy of the base and in a view over a delta: same answers, same tree, after
every remount too, and the kernel's overlayfs shows the same tree from the same upper layer. See rounds.py.

What may differ, and why:
- sizes and link counts of directories: a view's are constant, so that they count nothing hidden
- times of a FIFO that is written to: the pipe is the kernel's, no file system hears of it
- set-id bits: a view shows none, and stores none
- access times: what a cache answers is not asked of the file system
- numbers of symlinks, FIFOs and sockets over a mount: FORMAT.md keeps those of regular files and directories
Base files have one name each here: a second name of one is another file after a copy-up, as in the kernel's overlayfs.
"""

import os

import deltas
import rounds
from deltas import Delta

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
        return rounds.lockstep(self.plain, self.view.dir, self.between, *words, *ALLOWED)


class Random(deltas.TestCase):
    def one(self, index):
        rounds.run(self, lambda seed: Pair(seed, deltas.KINDS[index]), index)

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
