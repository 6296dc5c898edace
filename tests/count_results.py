#!/usr/bin/env python3
"""Prints `N passed, N failed, N skipped` over the JUnit files that ctest wrote; status 1 where one failed.

A test that ctest could not start (binary missing, fixture broken) is a failure here, not a skip.
"""

import sys
import xml.etree.ElementTree as xml


def outcome(case):
    if case.get("status") == "run":
        return "passed"
    skipped = case.find("skipped")
    reason = skipped.get("message", "") if skipped is not None else ""
    if case.get("status") == "disabled" or reason.startswith("SKIP_"):
        return "skipped"
    return "failed"


def main(files):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for name in files:
        for case in xml.parse(name).getroot().iter("testcase"):
            count[outcome(case)] += 1
    print(", ".join(f"{number} {what}" for what, number in count.items()))
    return 0 if count["failed"] == 0 and count["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
