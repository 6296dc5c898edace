#!/usr/bin/env python3
"""Writes a policy of N rules of mixed shapes, the same on every run, for the benchmarks.

    make_policy.py N                  # to standard output
    make_policy.py N --change 1234    # the same, but rule 1234 is another one

Of ten rules four are literal paths, two `**/nameN`, two `/dirN/**/*.extN`, one is a limit and one a limit
with an exception. Every allow opens something of its own, so that none is dead.
"""

import argparse

DIRS = 40


def rule(i):
    folder = i % DIRS
    match i % 10:
        case 0 | 1 | 2:
            return f"allow read /src/part{folder}/file{i}.cc"
        case 3:
            return f"allow write /out/part{folder}/result{i}"
        case 4 | 5:
            return f"allow {'view' if i % 20 == 4 else 'read'} **/name{i}"
        case 6 | 7:
            return f"allow read /dir{folder}/**/*.ext{i}"
        case 8:
            return f"limit view **/private{i}"
        case _:
            return f"limit none /src/part{folder}/hidden{i} except /src/part{folder}/hidden{i}/public"


def policy(count, change=None):
    """The text; `change` is the number of one rule that is to be another one."""
    lines = [rule(i) if i != change else f"allow write /changed/file{i}" for i in range(count)]
    return "agentfense 1\n\npolicy bench {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, metavar="N")
    parser.add_argument("--change", type=int, metavar="RULE")
    arguments = parser.parse_args()
    print(policy(arguments.count, arguments.change), end="")


if __name__ == "__main__":
    main()
