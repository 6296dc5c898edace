#!/usr/bin/env python3
"""check_readme.py COMPILER PRESET_DIR README

The policy that the README shows compiles without a warning and passes its own tests.
"""

import pathlib
import re
import subprocess
import sys
import tempfile


def main(compiler, presets, readme):
    policies = re.findall(r"^```\n(agentfense 1\n.*?)^```$", pathlib.Path(readme).read_text(), re.M | re.S)
    if not policies:
        sys.exit(f"{readme} shows no policy")
    for text in policies:
        with tempfile.TemporaryDirectory() as scratch:
            build = [compiler, "build", "-", "--preset-dir", presets, "-o", f"{scratch}/readme.aft"]
            run = subprocess.run(build, input=text, capture_output=True, text=True)
        if run.returncode != 0 or "warning" in run.stderr:
            sys.exit(f"the README's policy ended with {run.returncode}:\n{run.stderr}")


if __name__ == "__main__":
    main(*sys.argv[1:])
