"""Two bases that differ only in hidden content, a delta and a view for each: random operations in lockstep get the same
answers byte for byte, listings in the same order with the same positions, after every remount too. See rounds.py.

Left out: free space (the machine's, and real), when an operation ran (a time since the start is "now"), access times,
and numbers of files, which are those of the file system: they must tell the same files apart, no more.
"""

import deltas
import rounds
from deltas import Delta

HIDDEN = ("limit none **/hid", "limit none **/*.key", "limit none /vault except /vault/open")
POLICIES = (
    ("allow write /", *HIDDEN),
    ("allow write /", "limit read /b", "limit view /c", "limit read **/e", *HIDDEN),
    ("allow read /", "allow write /a", "allow write **/b", "allow write /vault/open", *HIDDEN),
    ("allow write /a", "allow view /b", "allow write /b/a", "allow read /c", "allow write /c/b", "allow write **/d", *HIDDEN),
)


class Pair:
    def __init__(self, seed, policy, kind):
        self.views = [
            Delta(lambda base, hidden=hidden: deltas.ops("fill", base, seed, hidden), rules=POLICIES[policy],
                  coherence=kind[0], opens=kind[1])
            for hidden in (2 * seed + 1, 2 * seed + 2)]

    def __enter__(self):
        self.views[0].__enter__()
        try:
            self.views[1].__enter__()
        except BaseException:
            self.views[0].__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *what):
        try:
            self.views[0].__exit__(*what)
        finally:
            self.views[1].__exit__(*what)

    def remount(self):
        for view in self.views:
            view.umount()
            view.check_base()
            view.mount()

    def run(self, *words):
        return rounds.lockstep(self.views[0].dir, self.views[1].dir, self.remount, "exact", "hidden", "refused", "directory-reads",
                               *words)


class Interference(deltas.TestCase):
    def one(self, index):
        rounds.run(self, lambda seed: Pair(seed, index, deltas.KINDS[index]), 10 + index)

    def test_all_writable(self):
        self.one(0)

    def test_parts_limited(self):
        self.one(1)

    def test_parts_writable(self):
        self.one(2)

    def test_closed_but_for_islands(self):
        self.one(3)

    def test_it_can_fail(self):
        """The same bases with nothing hidden are told apart at once."""
        with Pair(1, 0, deltas.KINDS[0]) as pair:
            self.assertNotEqual(deltas.difference(pair.views[0].base, pair.views[1].base), "")


if __name__ == "__main__":
    deltas.main()
