"""The helper killed with SIGKILL at random instants while files are written, copied up, moved and deleted: the base is
what it was, every file is whole, all that was synced is there, the kernel's overlayfs and the next mount take the delta.

    AGENTFENSE_DELTA_KILLS=N   instead of 25; 200 is the full form
    AGENTFENSE_DELTA_SEED=N    other instants, other operations

Workers tell before each operation what it will make of a name, and after its fsync that it is done: what is found must
be what was done last, or what was about to be.
"""

import hashlib
import os
import random
import select
import shutil
import time

import deltas
from deltas import Delta, support

KILLS = int(os.environ.get("AGENTFENSE_DELTA_KILLS", "25"))
SEED = int(os.environ.get("AGENTFENSE_DELTA_SEED", "1"))
KILLS_OF_ONE_DELTA = 6
WORKERS = 3
FILES = 12
BLOCK = 4096
BLOCKS = 1024  # of a file that is long to copy up
GONE = "gone"


def block(name, sequence):
    """A block that tells whose it is and whether it is whole."""
    head = f"{name} {sequence} ".encode()
    body = (head * (BLOCK // len(head) + 1))[:BLOCK - 64]
    return body + hashlib.sha256(body).hexdigest().encode()


def sequence_of(bytes_, name):
    words = bytes_.split(b" ", 2)
    if len(bytes_) != BLOCK or hashlib.sha256(bytes_[:-64]).hexdigest().encode() != bytes_[-64:] or words[0] != name.encode():
        raise AssertionError(f"a torn block in {name}: {bytes_[:60]}")
    return int(words[1])


def whole_file(name, sequence):
    return block(name, sequence) * (1 + sequence % 40)


def sequence_of_file(path, name):
    with open(path, "rb") as file:
        content = file.read()
    sequence = sequence_of(content[:BLOCK], name)
    if content != whole_file(name, sequence):
        raise AssertionError(f"{path} is torn: {len(content)} bytes of {len(whole_file(name, sequence))}")
    return sequence


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def fill(base):
    for worker in range(WORKERS):
        top = os.path.join(base, f"w{worker}")
        os.mkdir(top)
        for i in range(FILES):
            with open(f"{top}/f{i}", "wb") as file:
                file.write(whole_file(f"f{i}", 0))
        for name in ("blocks", "attributes"):
            with open(f"{top}/{name}", "wb") as file:
                for _ in range(BLOCKS):
                    file.write(block(name, 0))
        for tree in ("moved", "deleted"):
            for i in range(60):
                os.makedirs(f"{top}/{tree}/{i % 3}", exist_ok=True)
                with open(f"{top}/{tree}/{i % 3}/{i}", "wb") as file:
                    file.write(whole_file(str(i), 0))
        with open(f"{top}/log", "wb") as file:
            file.write(block("log", 0))


class Worker:
    """What one process does, in a directory of its own, and the names it does it to."""

    def __init__(self, top, tell, seed):
        self.top, self.tell, self.random = top, tell, random.Random(seed)
        self.sequence = seed * 100_000

    def run(self):
        kinds = [self.replace] * 6 + [self.delete] * 2 + [self.block] * 6 + [self.mode] * 2 + [self.append] * 4 + [
            self.move, self.remove_tree, self.make_tree]
        while True:
            self.sequence += 1
            self.random.choice(kinds)()

    def told(self, key, value, call):
        self.tell(f"will {key} {value}")
        call()
        self.tell(f"did {key} {value}")

    def replace(self):
        name = f"f{self.random.randrange(FILES)}"
        path = f"{self.top}/{name}"

        def call():
            with open(f"{path}.tmp", "wb") as file:
                file.write(whole_file(name, self.sequence))
                file.flush()
                os.fsync(file.fileno())
            os.rename(f"{path}.tmp", path)
            sync(self.top)
        self.told(name, self.sequence, call)

    def delete(self):
        name = f"f{self.random.randrange(FILES)}"
        if os.path.exists(f"{self.top}/{name}"):
            self.told(name, GONE, lambda: [os.unlink(f"{self.top}/{name}"), sync(self.top)])

    def block(self):
        number = self.random.randrange(BLOCKS)

        def call():
            fd = os.open(f"{self.top}/blocks", os.O_WRONLY)
            os.pwrite(fd, block("blocks", self.sequence), number * BLOCK)
            os.fsync(fd)
            os.close(fd)
        self.told(f"blocks/{number}", self.sequence, call)

    def mode(self):
        mode = self.random.choice((0o600, 0o644, 0o640))
        self.told("attributes", mode, lambda: [os.chmod(f"{self.top}/attributes", mode), sync(f"{self.top}/attributes")])

    def append(self):
        def call():
            fd = os.open(f"{self.top}/log", os.O_WRONLY | os.O_APPEND)
            os.write(fd, block("log", self.sequence))
            os.fsync(fd)
            os.close(fd)
        self.told(f"log/{self.sequence}", self.sequence, call)

    def move(self):
        source = "moved" if os.path.exists(f"{self.top}/moved") else "moved-away"
        target = "moved-away" if source == "moved" else "moved"
        self.told("moved", target, lambda: [os.rename(f"{self.top}/{source}", f"{self.top}/{target}"), sync(self.top)])

    def remove_tree(self):
        if os.path.exists(f"{self.top}/deleted"):
            self.told("deleted", GONE, lambda: [shutil.rmtree(f"{self.top}/deleted"), sync(self.top)])

    def make_tree(self):
        if not os.path.exists(f"{self.top}/deleted"):
            self.told("deleted", "made", lambda: [os.mkdir(f"{self.top}/deleted"), sync(self.top)])


class Ledger:
    """For each name of a worker's: the values that it may have."""

    def __init__(self):
        self.allowed = {"moved": ["moved"], "deleted": ["base"], "attributes": [0o644]}

    def take(self, lines):
        for line in lines:
            word, key, value = line.split()
            value = int(value) if value.isdigit() else value
            if word == "did":
                self.allowed[key] = [value]
            else:
                self.allowed[key] = [self.allowed.get(key, [0])[0], value]

    def settle(self, key, value, where):
        """Holds what is there against what may be; from then on it is that. Other values are lost or torn writes."""
        allowed = self.allowed.get(key, [0])
        if value not in allowed:
            raise AssertionError(f"{where}: {key} is {value}, and was {allowed}")

    def check(self, top, where):
        for i in range(FILES):
            name = f"f{i}"
            path = f"{top}/{name}"
            self.settle(name, sequence_of_file(path, name) if os.path.exists(path) else GONE, where)
        with open(f"{top}/blocks", "rb") as file:
            for number in range(BLOCKS):
                self.settle(f"blocks/{number}", sequence_of(file.read(BLOCK), "blocks"), where)
        self.settle("attributes", os.stat(f"{top}/attributes").st_mode & 0o7777, where)
        with open(f"{top}/attributes", "rb") as file:
            if file.read() != block("attributes", 0) * BLOCKS:
                raise AssertionError(f"{where}: attributes is torn")
        self.check_log(top, where)
        places = [name for name in ("moved", "moved-away") if os.path.exists(f"{top}/{name}")]
        if len(places) != 1:
            raise AssertionError(f"{where}: the moved directory is at {places}")
        self.settle("moved", places[0], where)
        count = self.check_tree(f"{top}/{places[0]}")
        if count != 60:
            raise AssertionError(f"{where}: {places[0]} has {count} files of 60")
        self.check_deleted(top, where)

    def check_log(self, top, where):
        with open(f"{top}/log", "rb") as file:
            content = file.read()
        found = {sequence_of(content[at:at + BLOCK], "log") for at in range(0, len(content), BLOCK)}
        for key, values in self.allowed.items():
            if key.startswith("log/") and 0 not in values and values[0] not in found:
                raise AssertionError(f"{where}: {key} was synced and is lost")

    def check_tree(self, top):
        count = 0
        for directory, _, files in os.walk(top):
            for name in files:
                if sequence_of_file(os.path.join(directory, name), name) != 0:
                    raise AssertionError(f"{directory}/{name} is not the base's")
                count += 1
        return count

    def check_deleted(self, top, where):
        allowed = self.allowed["deleted"]
        path = f"{top}/deleted"
        if not os.path.exists(path):
            if GONE not in allowed:
                raise AssertionError(f"{where}: deleted is gone, and was {allowed}")
            self.seen_deleted = GONE
            return
        count = self.check_tree(path)
        if allowed == [GONE] or ("base" not in allowed and count > 0 and allowed[0] != "partly"):
            raise AssertionError(f"{where}: {count} files in deleted, which was {allowed}")
        if allowed == ["base"] and count != 60:
            raise AssertionError(f"{where}: {count} files in deleted, which nobody touched")
        self.seen_deleted = "base" if count == 60 else "partly" if count else "made"

    def accept(self, top):
        """What has been found whole is what the next round begins with."""
        for i in range(FILES):
            path = f"{top}/f{i}"
            self.allowed[f"f{i}"] = [sequence_of_file(path, f"f{i}") if os.path.exists(path) else GONE]
        with open(f"{top}/blocks", "rb") as file:
            for number in range(BLOCKS):
                self.allowed[f"blocks/{number}"] = [sequence_of(file.read(BLOCK), "blocks")]
        self.allowed["attributes"] = [os.stat(f"{top}/attributes").st_mode & 0o7777]
        self.allowed["moved"] = ["moved" if os.path.exists(f"{top}/moved") else "moved-away"]
        self.allowed["deleted"] = [self.seen_deleted]


def start(view, number, seed):
    """A worker in a process of its own. (pid, the end of a pipe that it tells on)"""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            Worker(view.v(f"w{number}"), lambda text: os.write(writer, text.encode() + b"\n"), seed).run()
        except OSError:
            os._exit(0)  # the view is gone
        except BaseException as error:  # noqa: B902: the parent is to hear of anything
            os.write(writer, f"raised {error!r}".replace(" ", "_").encode() + b" x x\n")
        os._exit(1)
    os.close(writer)
    return pid, reader


def in_memory():
    """A directory on tmpfs, or nothing where that keeps no attributes of users (before Linux 6.6)."""
    top = os.path.join(support.Machine.work, "memory")
    if not os.path.exists(top):
        os.mkdir(top)
        support.mount("tmpfs", top, "tmpfs", 0, "size=1g")
    place = os.path.join(top, "delta")
    os.makedirs(place, exist_ok=True)
    return None if isinstance(deltas.outcome(os.setxattr, place, "user.x", b"1"), str) else place


class Kill(deltas.TestCase):
    def round(self, view, ledgers, dice):
        """From a mount to a kill, and all that was told until then."""
        helpers = view.helpers()
        self.assertEqual(len(helpers), 1)
        workers = [start(view, number, dice.randrange(1 << 30)) for number in range(WORKERS)]
        told = [b""] * WORKERS
        end = time.monotonic() + dice.choice((0.02, 0.1, 0.3)) * (0.5 + dice.random())
        killed = False
        open_ends = {reader: number for number, (_, reader) in enumerate(workers)}
        while open_ends:
            if not killed and time.monotonic() >= end:
                os.kill(helpers[0], 9)
                killed = True
            for reader in select.select(list(open_ends), [], [], 0.002)[0]:
                bytes_ = os.read(reader, 65536)
                told[open_ends[reader]] += bytes_
                if not bytes_:
                    del open_ends[reader]
                    os.close(reader)
        for pid, _ in workers:
            self.assertEqual(os.waitpid(pid, 0)[1], 0, told)
        support.umount(view.dir)
        view.mounted = False
        for ledger, text in zip(ledgers, told):
            ledger.take(text.decode().splitlines())
        return sum(text.count(b"did ") for text in told)

    def test_kill(self):
        dice = random.Random(SEED)
        operations = done = 0
        while done < KILLS:
            coherence, opens = deltas.KINDS[done // KILLS_OF_ONE_DELTA % 4]
            # In memory there is no waiting for fsync: other instants are hit.
            top = in_memory() if done // KILLS_OF_ONE_DELTA % 2 else None
            with Delta(fill, coherence=coherence, opens=opens, top=top) as view:
                ledgers = [Ledger() for _ in range(WORKERS)]
                for _ in range(min(KILLS_OF_ONE_DELTA, KILLS - done)):
                    operations += self.round(view, ledgers, dice)
                    done += 1
                    view.check_base()
                    where = f"kill {done} of seed {SEED}"
                    with view.kernel() as kernel:
                        for number, ledger in enumerate(ledgers):
                            ledger.check(f"{kernel}/w{number}", f"{where}, to the kernel's overlayfs")
                    view.mount()
                    for number, ledger in enumerate(ledgers):
                        ledger.check(view.v(f"w{number}"), where)
                        ledger.accept(view.v(f"w{number}"))
        print(f"{done} kills, {operations} synced operations", flush=True)
        self.assertGreater(operations, 2 * done)


if __name__ == "__main__":
    deltas.main()
