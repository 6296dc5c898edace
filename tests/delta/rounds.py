"""Rounds of random operations in lockstep on two directories, each round on fresh ones; a failure is made short.

    AGENTFENSE_DELTA_SEED=N    other rounds
    AGENTFENSE_DELTA_COUNT=N   as many operations for each test
    AGENTFENSE_DELTA_SCRIPT=F  the operations of a failure as one was printed, with its seed; name its test
"""

import os
import subprocess

import deltas
from deltas import support

SEED = int(os.environ.get("AGENTFENSE_DELTA_SEED", "1"))
COUNT = int(os.environ.get("AGENTFENSE_DELTA_COUNT", "25000"))
SCRIPT = os.environ.get("AGENTFENSE_DELTA_SCRIPT")
ROUND = 1250  # operations: as much of a base goes in the end
EVERY = 250   # operations between two mounts


def lockstep(left, right, remount, *words):
    """One run of delta_ops; remount() is called when it has closed everything.
    (Whether both were the same to the end, what it said.)"""
    process = subprocess.Popen([deltas.ops_program(), "run", left, right, *words],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = []
    with process:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if lines[-1] != "remount":
                continue
            try:
                remount()
                reply = "ok"
            except (AssertionError, OSError) as error:
                lines.append(f"at the remount: {error}")
                reply = "failed"
            process.stdin.write(reply + "\n")
            process.stdin.flush()
    if process.returncode not in (0, 1):
        raise AssertionError(f"delta_ops ended with {process.returncode}: {lines[-3:]}")
    return process.returncode == 0, [line for line in lines if line != "remount"]


def shrink(script, fails):
    """The fewest lines of the script that still fail, as far as leaving out runs of lines leads."""
    size = max(1, len(script) // 2)
    while True:
        at, shorter = 0, False
        while at < len(script):
            candidate = script[:at] + script[at + size:]
            if candidate and fails(candidate):
                script, shorter = candidate, True
            else:
                at += size
        if size == 1 and not shorter:
            return script
        size = max(1, size // 2)


def run(test, make_pair, index):
    """make_pair(seed) is a context whose value runs lockstep() with more words. index parts the tests' seeds."""
    def replay(seed, script):
        with make_pair(seed) as pair:
            path = os.path.join(support.Machine.work, "script")
            with open(path, "w") as file:
                file.write("\n".join(script) + "\n")
            return pair.run(f"script={path}")

    if SCRIPT:
        good, lines = replay(SEED, support.read(SCRIPT).splitlines())
        test.assertTrue(good, "\n".join(lines[-3:]))
        return
    log = os.path.join(support.Machine.work, "log")
    succeeded = 0
    for start in range(0, COUNT, ROUND):
        seed = SEED + 1000 * index + start // ROUND
        with make_pair(seed) as pair:
            good, lines = pair.run(f"seed={seed}", f"count={ROUND}", f"every={EVERY}", f"log={log}")
        if not good:
            script = support.read(log).splitlines()
            if replay(seed, script)[0]:
                test.fail(f"seed {seed}: {lines[-1]}\nIt does not come back when its {len(script)} operations are run again.")
            script = shrink(script, lambda fewer: not replay(seed, fewer)[0])
            said = replay(seed, script)[1][-3:]
            test.fail("\n".join([f"as AGENTFENSE_DELTA_SCRIPT with AGENTFENSE_DELTA_SEED={seed}, {test.id().split('.')[-1]}:",
                                 *script, *(f"# {line}" for line in said)]))
        succeeded += int(lines[-1].split()[2])
    print(f"{succeeded} operations succeeded of {COUNT}", flush=True)
