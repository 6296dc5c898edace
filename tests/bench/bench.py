#!/usr/bin/env python3
"""Measures what the README states, side by side with native, in one run.

    cmake --preset release -DAGENTFENSE_BENCH=ON && cmake --build --preset release
    tests/bench/bench.py build            # needs root and /dev/fuse for the view's part
    tests/bench/bench.py build --quick    # fewer repetitions, smaller tree

Ratios are medians of pairs taken in turn, so that a machine whose speed drifts does not decide.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import make_policy

LEVELS = ("view", "read", "write")


def policy(rules):
    return "agentfense 1\n\npolicy bench {\n" + "".join(f"  {rule}\n" for rule in rules) + "}\n"


def literal(count):
    return policy(f"allow read /dir{i % 37}/file{i}.txt" for i in range(count))


def names_and_suffixes(count):
    return policy(f"allow {LEVELS[i % 3]} /w/**/name{i}/*.ext{i}" for i in range(count))


def mixed(count):
    shapes = ("/a/b/{}", "/d/{}/**", "**/name{}", "**/*.ext{}")
    return policy(f"allow {LEVELS[i // 4 % 3]} " + shapes[i % 4].format(i) for i in range(count))


def words(count):
    return policy(f"allow read **/*word{i}*{i}" for i in range(count))


def row(name, figure, goal):
    print(f"{name:<58} {figure:>22}   {goal}", flush=True)


def timed(command, **options):
    begin = time.perf_counter()
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    return time.perf_counter() - begin, result


def peak_of(command):
    """MiB resident at most."""
    usage = subprocess.run(
        [sys.executable, "-c",
         "import resource,subprocess,sys;"
         "subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);"
         "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)", *command],
        stdout=subprocess.PIPE, text=True, check=True)
    return int(usage.stdout) / 1024


def measure_compile(compiler, scratch, repeat):
    shapes = (
        ("compile 1,000 literal rules", literal(1000), "under 0.050 s"),
        ("compile 1,000 rules /w/**/nameN/*.extN", names_and_suffixes(1000), "under 2 s, 8 MB"),
        ("compile 10,000 rules of mixed shapes", mixed(10000), "under 10 s"),
        ("refuse 100 rules **/*wordN*N", words(100), "under 10 s, 1 GB"),
    )
    for name, text, goal in shapes:
        source, table = scratch / "bench.afp", scratch / "bench.aft"
        source.write_text(text)
        table.unlink(missing_ok=True)
        times = []
        for _ in range(repeat):
            seconds, result = timed([compiler, "build", source, "-o", table, "-q"])
            times.append(seconds)
        peak = peak_of([compiler, "build", source, "-o", table, "-q"])
        size = f"{table.stat().st_size / 1e6:.2f} MB" if table.exists() else "too-complex"
        row(name, f"{statistics.median(times):.3f} s, {size}, {peak:.0f} MiB", goal)
        if b"too-complex" not in result.stderr and result.returncode != 0:
            sys.exit(f"{name}: {result.stderr.decode()}")

    # The nearest relative, where it is installed: compile only, no kernel.
    parser = shutil.which("apparmor_parser")
    if parser:
        profile = scratch / "bench.aa"
        profile.write_text("profile bench {\n" + "".join(f"  /dir{i % 37}/file{i}.txt r,\n" for i in range(1000)) + "}\n")
        seconds, _ = timed([parser, "--skip-kernel-load", "--skip-cache", "--stdout", profile])
        row("  apparmor_parser, 1,000 literal rules", f"{seconds:.3f} s", "")


def measure_review(compiler, scratch, repeat):
    """What a reviewer and CI wait for: a large policy checked, compared, and held against a large tree."""
    old, new, tree = scratch / "old.afp", scratch / "new.afp", scratch / "files"
    old.write_text(make_policy.policy(5000))
    new.write_text(make_policy.policy(5000, change=1234))
    tree.mkdir()
    for i in range(100_000):
        folder = tree / ("src" if i % 2 else f"dir{i % 40}") / f"part{i // 2 % 40}"
        if i < 80:
            folder.mkdir(parents=True)
        (folder / f"file{i}.cc").touch()
    commands = (
        ("check of 5,000 rules", ["check", "-q", old], 0, "under 3 s, 500 MB"),
        ("check --all of 5,000 rules", ["check", "--all", "-q", old], 0, ""),
        ("diff of two that differ in one of 5,000 rules", ["diff", old, new], 1, "under 3 s"),
        ("check --tree over 100,000 files", ["check", "-q", "--tree", tree, old], 0, "under 5 s"),
    )
    for name, arguments, status, goal in commands:
        times = []
        for _ in range(repeat):
            seconds, result = timed([compiler, *arguments])
            times.append(seconds)
            if result.returncode != status:
                sys.exit(f"{name}: {result.stderr.decode()}")
        row(name, f"{statistics.median(times):.3f} s, {peak_of([compiler, *arguments]):.0f} MiB", goal)


def measure_step(build):
    program = build / "tests" / "bench" / "step_bench"
    if not program.exists():
        print("step_bench is not built: configure with -DAGENTFENSE_BENCH=ON", file=sys.stderr)
        return
    result = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.3"], stdout=subprocess.PIPE, check=True)
    for figure in json.loads(result.stdout)["benchmarks"]:
        rules = figure["name"].split("/")[-1]
        row(f"check of one component, {int(rules):,} rules", f"{figure['cpu_time']:.0f} ns", "under 100 ns")


def make_tree(root, files):
    content = b"".join(b"line %d of a file that stands for source text\n" % i for i in range(40))
    for i in range(files):
        folder = root / f"d{i % 50}" / f"e{i // 50 % 20}"
        if i < 1000:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{i}.txt").write_bytes(content)


def rss_of(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def pairs(native, view, repeat):
    """The median ratio of two commands taken in turn, after a warm-up of each."""
    ratios, natives, views = [], [], []
    for i in range(repeat + 1):
        a, first = timed(native)
        b, second = timed(view)
        if first.returncode or second.returncode or len(first.stdout) == 0:
            sys.exit(f"{view}: {second.stderr.decode()}")
        if i > 0:
            ratios.append(b / a)
            natives.append(a)
            views.append(b)
    return statistics.median(ratios), statistics.median(natives), statistics.median(views)


def helper_pid(mount_point):
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(mount_point) in command and b"mount.agentfense" in command[0]:
            return int(entry.name)
    raise RuntimeError("the helper is gone")


def measure_view(compiler, mounter, scratch, files, repeat):
    base, view = scratch / "base", scratch / "view"
    base.mkdir()
    view.mkdir()
    make_tree(base, files)
    table = scratch / "view.aft"
    subprocess.run([compiler, "build", "preset:development", "-o", table, "-q"], check=True)
    for coherence in ("snapshot", "live"):
        subprocess.run([mounter, base, view, "-o", f"table={table},coherence={coherence}"], check=True)
        try:
            row(f"resident after mount, {coherence}", f"{rss_of(helper_pid(view)):.1f} MiB", "at most 5 MB")
            goals = ("at most 1.3", "at most 1.5") if coherence == "snapshot" else ("", "")
            ratio, a, b = pairs(["find", base], ["find", view], repeat)
            row(f"warm find, {files:,} files, {coherence}", f"{ratio:.2f} x ({a * 1e3:.0f}/{b * 1e3:.0f} ms)", goals[0])
            ratio, a, b = pairs(["grep", "-r", "line 39", base], ["grep", "-r", "line 39", view], repeat)
            row(f"warm grep -r, {files:,} files, {coherence}", f"{ratio:.2f} x ({a * 1e3:.0f}/{b * 1e3:.0f} ms)", goals[1])
            row(f"resident after that, {coherence}", f"{rss_of(helper_pid(view)):.1f} MiB", "")
        finally:
            pid = helper_pid(view)
            subprocess.run(["umount", view], check=True)
            while os.path.exists(f"/proc/{pid}/exe"):
                time.sleep(0.01)


def measure_start(mounter, compiler, scratch, repeat):
    base = scratch / "small"
    base.mkdir()
    (base / "hello").write_text("hello\n")
    table = scratch / "start.aft"
    subprocess.run([compiler, "build", "preset:agent-safe", "-o", table, "-q"], check=True)
    times = []
    for _ in range(repeat * 3):
        begin = time.perf_counter()
        with subprocess.Popen([mounter, "run", "--table", table, "--base", base, "--", "cat", "hello"],
                              stdout=subprocess.PIPE) as process:
            if process.stdout.read(1) != b"h":
                sys.exit("run printed nothing")
            times.append(time.perf_counter() - begin)
    row("run: start to first byte", f"{statistics.median(times) * 1e3:.1f} ms", "at most 25 ms")


def measure_delta(compiler, mounter, scratch, files, megabytes, repeat):
    """Writing over a shared base: beside native, the kernel's overlayfs and fuse-overlayfs, in turn, each time on a fresh
    upper layer. Medians; what a delta must not cost is stated against the kernel's overlayfs."""
    top = scratch / "delta"
    base, archive = top / "base", top / "files.tar"
    base.mkdir(parents=True)
    make_tree(base, 2000)
    (top / "tree").mkdir()
    make_tree(top / "tree", files)
    subprocess.run(["tar", "cf", archive, "-C", top / "tree", "."], check=True)
    with open(base / "large", "wb") as file:
        block = os.urandom(1 << 20)
        for _ in range(megabytes):
            file.write(block)
    table = top / "write.aft"
    (top / "write.afp").write_text(policy(["allow write /"]))
    subprocess.run([compiler, "build", top / "write.afp", "-o", table, "-q"], check=True)
    layers = "lowerdir={0},upperdir={1}/upper,workdir={1}/work"

    def native(place, delta):
        subprocess.run(["mount", "--bind", delta, place], check=True)
        subprocess.run(["cp", "-a", base / "large", place], check=True)

    def kernel(place, delta):
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", "userxattr," + layers.format(base, delta), place], check=True)

    def fuse_overlayfs(place, delta):
        subprocess.run(["fuse-overlayfs", "-o", layers.format(base, delta), place], check=True,
                       stderr=subprocess.DEVNULL)

    def agentfense(place, delta):
        subprocess.run([mounter, base, place, "-o", f"table={table},delta={delta}/own"], check=True)

    ways = {"native": native, "overlayfs": kernel, "fuse-overlayfs": fuse_overlayfs, "agentfense": agentfense}
    if not shutil.which("fuse-overlayfs"):
        del ways["fuse-overlayfs"]
    steps = (
        (f"untar {files:,} files", ["tar", "xf", archive, "-C", "out"], "at most 3"),
        ("rm -rf of them", ["rm", "-rf", "out"], "at most 3"),
        (f"copy-up of a {megabytes} MB file", ["sh", "-c", "printf x >> large"], "at most 1.3"),
    )
    times = {(step[0], way): [] for step in steps for way in ways}
    for _ in range(repeat):
        for way, attach in ways.items():
            place, delta = top / "place", top / "layers"
            for folder in (place, delta / "upper", delta / "work"):
                folder.mkdir(parents=True)
            attach(place, delta)
            try:
                (place / "out").mkdir()
                os.sync()  # nobody pays for what another has written
                for name, command, _ in steps:
                    if way == "native" and "large" in command[-1]:
                        command = ["cp", "large", "copied"]
                    seconds, result = timed(command, cwd=place)
                    if result.returncode:
                        sys.exit(f"{way}: {name}: {result.stderr.decode()}")
                    times[name, way].append(seconds)
            finally:
                detach(place)
                shutil.rmtree(place)
                shutil.rmtree(delta)
    row("into a delta, by overlayfs", "/".join(ways), "")
    for name, _, goal in steps:
        medians = {way: statistics.median(times[name, way]) for way in ways}
        # Of pairs taken in turn.
        ratio = statistics.median(mine / its for mine, its in zip(times[name, "agentfense"], times[name, "overlayfs"]))
        figures = "/".join(f"{medians[way] * 1e3:.0f}" for way in ways)
        row(name, f"{ratio:.2f} x ({figures} ms)", goal)


def detach(place):
    """Unmounted, and its server gone."""
    try:
        pid = helper_pid(place)
    except RuntimeError:
        pid = 0
    subprocess.run(["umount", place], check=True)
    while pid and os.path.exists(f"/proc/{pid}/exe"):
        time.sleep(0.01)


def measure_delta_reads(compiler, mounter, scratch, files, repeat):
    """Warm reading of a base with a delta over it, against the same view without one."""
    top = scratch / "delta-reads"
    base = top / "base"
    base.mkdir(parents=True)
    make_tree(base, files)
    table = top / "write.aft"
    (top / "write.afp").write_text(policy(["allow write /"]))
    subprocess.run([compiler, "build", top / "write.afp", "-o", table, "-q"], check=True)
    for coherence in ("snapshot", "live"):
        plain, over = top / "plain", top / "over"
        for place, more in ((plain, ""), (over, f",delta={top}/delta-{coherence}")):
            place.mkdir(exist_ok=True)
            subprocess.run([mounter, base, place, "-o", f"table={table},coherence={coherence}{more}"], check=True)
        try:
            # Some of it is the delta's: a merged directory is read too.
            for i in range(0, files, 50):
                with open(over / f"d{i % 50}" / f"e{i // 50 % 20}" / f"f{i}.txt", "ab") as file:
                    file.write(b"more\n")
            for name, words in (("find", ["find"]), ("grep -r", ["grep", "-r", "line 39"])):
                ratio, a, b = pairs([*words, plain], [*words, over], repeat)
                row(f"warm {name}, {files:,} files, with a delta, {coherence}", f"{ratio:.2f} x ({a * 1e3:.0f}/{b * 1e3:.0f} ms)",
                    "as without")
        finally:
            detach(plain)
            detach(over)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the build folder")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller tree")
    parser.add_argument("--only", choices=("compile", "review", "step", "view", "delta", "start"))
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    compiler, mounter = build / "compiler" / "agentfense-compile", build / "mounthelper" / "mount.agentfense"
    repeat = 3 if arguments.quick else 9
    wants = lambda part: arguments.only in (None, part)
    with tempfile.TemporaryDirectory(prefix="agentfense-bench-") as folder:
        scratch = pathlib.Path(folder)
        if wants("compile"):
            measure_compile(compiler, scratch, repeat)
        if wants("review"):
            measure_review(compiler, scratch, repeat)
        if wants("step"):
            measure_step(build)
        if os.geteuid() == 0 and os.path.exists("/dev/fuse"):
            if wants("view"):
                measure_view(compiler, mounter, scratch, 3000 if arguments.quick else 15000, repeat)
            if wants("delta"):
                measure_delta(compiler, mounter, scratch, 1000 if arguments.quick else 5000, 64 if arguments.quick else 512, repeat)
                measure_delta_reads(compiler, mounter, scratch, 3000 if arguments.quick else 15000, repeat)
            if wants("start"):
                measure_start(mounter, compiler, scratch, repeat)
        else:
            print("the view's part needs root and /dev/fuse: left out", file=sys.stderr)


if __name__ == "__main__":
    main()
