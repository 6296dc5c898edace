"""Many views of one base at once, each over a delta of its own: what they cost on disk is what they wrote, and nobody
sees another's writes.

    AGENTFENSE_DELTA_FULL=1   a base of 2 GB; else 64 MB
"""

import os
import subprocess
import time

import deltas
from deltas import get, support

FULL = os.environ.get("AGENTFENSE_DELTA_FULL") == "1"
TENANTS = 100
WRITTEN = 1 << 20
BASE = (2 << 30) if FULL else (64 << 20)


def fill(base):
    """Real data, in files of 4 MB."""
    block = os.urandom(1 << 20)
    for i in range(BASE >> 22):
        with open(f"{base}/data{i}", "wb") as file:
            for _ in range(4):
                file.write(block)
    for i in range(20):
        with open(f"{base}/small{i}", "w") as file:
            file.write(f"of the base {i}")


def used(path):
    """Bytes of its file system that are in use; what is still on its way there is waited for."""
    os.sync()
    info = os.statvfs(path)
    return (info.f_blocks - info.f_bfree) * info.f_frsize


def blocks(top):
    total = 0
    for directory, names, files in os.walk(top):
        total += sum(os.lstat(os.path.join(directory, name)).st_blocks * 512 for name in [*files, ""])
    return total


class Tenants(deltas.TestCase):
    def test_many_mounts(self):
        top = deltas.views.temporary(prefix="tenants", dir=support.Machine.work)
        # A file system of their own, so that nobody else's writes are counted.
        with disk(top, BASE + TENANTS * WRITTEN * 2 + (256 << 20)) as place:
            base = os.path.join(place, "base")
            os.mkdir(base)
            fill(base)
            before, began = used(place), time.monotonic()
            with deltas.several(*(deltas.Delta(top=os.path.join(place, f"t{i}"), base=base, check=i == 0, coherence="snapshot")
                                  for i in range(TENANTS))) as views:
                mounted, started = used(place), time.monotonic() - began
                writers = [deltas.views.start_as_user(lambda i=i, view=view: self.work(i, view), 0) for i, view in enumerate(views)]
                self.assertEqual({wait() for wait in writers}, {"done"})
                after = used(place)
                for i, view in enumerate(views):
                    self.assertEqual(sorted(name for name in os.listdir(view.v()) if not name.startswith("data")),
                                     sorted([f"mine{i}", *(f"small{j}" for j in range(20) if j != i % 20)]))
                    self.assertEqual(os.stat(view.v(f"mine{i}")).st_size, WRITTEN)
                    self.assertEqual(get(view.v(f"small{(i + 1) % 20}")), f"of the base {(i + 1) % 20}" + f" and {i}")
                    self.assertLess(blocks(view.upper()), WRITTEN + (64 << 10))
            print(f"{TENANTS} views of a base of {BASE >> 20} MB, mounted in {started:.1f} s for {(mounted - before) / TENANTS / 1024:.0f} KB "
                  f"of disk each; each wrote {WRITTEN >> 10} KB and took {(after - mounted) / TENANTS / 1024:.0f} KB", flush=True)
            self.assertLess(mounted - before, TENANTS * (96 << 10))
            self.assertLess(after - mounted, TENANTS * (WRITTEN + (96 << 10)))

    def work(self, i, view):
        with open(view.v(f"mine{i}"), "wb") as file:
            file.write(bytes([i]) * WRITTEN)
            file.flush()
            os.fsync(file.fileno())
        with open(view.v(f"small{(i + 1) % 20}"), "a") as file:
            file.write(f" and {i}")
        os.unlink(view.v(f"small{i % 20}"))
        # What the others have made is not there, whenever one looks.
        others = [name for name in os.listdir(view.v()) if name.startswith("mine") and name != f"mine{i}"]
        return "done" if not others else f"sees {others}"

    def test_many_runs(self):
        """As `run --ephemeral`: nothing is left of them."""
        top = deltas.views.temporary(prefix="tenants", dir=support.Machine.work)
        with disk(top, (512 << 20) + TENANTS * WRITTEN * 2) as place:
            base, shelf = os.path.join(place, "base"), os.path.join(place, "deltas")
            for directory in (base, shelf):
                os.mkdir(directory)
            for i in range(20):
                deltas.put(f"{base}/small{i}", f"of the base {i}")
            table = os.path.join(top, "table.aft")
            subprocess.run([support.Machine.make_table, table, "allow write /"], check=True)
            state, before = deltas.whole(base), used(place)
            script = ("set -e; n=$1; head -c 1048576 /dev/zero | tr '\\0' x > mine$n; echo more >> small1; rm small2; "
                      "test $(ls | grep -c mine) = 1; test $(wc -c < mine$n) = 1048576; grep -q more small1; ! test -e small2; ls | wc -l")
            runs = [subprocess.Popen([support.Machine.helper, "run", "-q", "--table", table, "--base", base, "--ephemeral", "--",
                                      "sh", "-c", script, "sh", str(i)], env={**os.environ, "TMPDIR": shelf},
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    for i in range(TENANTS)]
            answers = {(run.communicate(timeout=300)[0], run.returncode) for run in runs}
            self.assertEqual(answers, {("20\n", 0)})
            self.assertEqual(deltas.whole(base), state)
            self.assertEqual(os.listdir(shelf), [])
            self.assertLess(used(place) - before, 1 << 20)


class disk:
    """An ext4 of its own of so many bytes."""

    def __init__(self, top, size):
        self.top, self.size = top, size

    def __enter__(self):
        image, place = os.path.join(self.top, "image"), os.path.join(self.top, "place")
        with open(image, "wb") as file:
            file.truncate(self.size)
        os.mkdir(place)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "lazy_itable_init=0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
        self.place = place
        return place

    def __exit__(self, *_):
        support.umount(self.place)
        os.unlink(os.path.join(self.top, "image"))


if __name__ == "__main__":
    deltas.main()
