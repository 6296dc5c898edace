#!/usr/bin/env python3
"""check_list.py COMPILER PRESET_DIR

`presets` names every preset once, each with the first line of its comment, and none is missing here.
"""

import pathlib
import subprocess
import sys


def main(compiler, presets):
    run = subprocess.run([compiler, "presets", "--preset-dir", presets], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"presets ended with {run.returncode}: {run.stderr}")
    listed = dict(line.split(maxsplit=1) for line in run.stdout.splitlines())
    wanted = {
        path.stem: path.read_text().splitlines()[0].removeprefix("# ")
        for path in pathlib.Path(presets).glob("*.afp")
    }
    if listed != wanted:
        sys.exit(f"listed: {listed}\nwanted: {wanted}")


if __name__ == "__main__":
    main(*sys.argv[1:])
