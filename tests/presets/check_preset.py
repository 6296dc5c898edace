#!/usr/bin/env python3
"""check_preset.py COMPILER PRESET_DIR NAME LEVEL_OF_SECRETS

Compiles a preset and compares `explain` with NAME.txt (lines `LEVEL PATH`) and with secret_paths.txt,
all of whose paths must have LEVEL_OF_SECRETS; `check` must have nothing to say. `secrets` holds limits alone; secrets_applied.afp stands
for it, which opens everything else.
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def lines_of(name):
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line


def expectations(name, level_of_secrets):
    wanted = {path: level_of_secrets for path in lines_of("secret_paths.txt")}
    for line in lines_of(f"{name}.txt"):
        level, path = line.split(maxsplit=1)
        wanted[path] = level
    return wanted


def explain(compiler, presets, source, paths):
    # A table needs no presets; a source does.
    options = [] if source.endswith(".aft") else ["--preset-dir", presets]
    run = subprocess.run([compiler, "explain", "-q", source, *options, *paths], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"explain {source} ended with {run.returncode}: {run.stderr}")
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    return {row[0]: row[1] for row in rows}


def main(compiler, presets, name, level_of_secrets):
    source = str(HERE / "secrets_applied.afp") if name == "secrets" else f"preset:{name}"
    wanted = expectations(name, level_of_secrets)
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        table = f"{scratch}/{name}.aft"
        for target in (f"preset:{name}", source):
            build = [compiler, "build", target, "--preset-dir", presets, "-o", table]
            run = subprocess.run(build, capture_output=True, text=True)
            if run.returncode != 0 or "warning" in run.stdout + run.stderr:
                sys.exit(f"building {target} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
        check = [compiler, "check", "--quiet", "--fail-on", "note", source, "--preset-dir", presets]
        run = subprocess.run(check, capture_output=True, text=True)
        if run.returncode != 0 or run.stdout + run.stderr:
            sys.exit(f"check {source} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
        for origin in (source, table):
            got = explain(compiler, presets, origin, list(wanted))
            failures += [
                f"{origin}: {path} is {got.get(path)}, expected {level}"
                for path, level in wanted.items()
                if got.get(path) != level
            ]
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])
