"""
`python -m demo`: the whole lifecycle of one release, on real servers, against a pretended TikTok.

Exit codes: 0 every claim was checked and holds; 1 something differs, or did not happen; 3 the servers did not start;
130 Ctrl-C. Nothing is left running in any case.
"""

import argparse
import os
import sys


def main() -> int:
    """Read the arguments, then load the rest, which takes a moment in which Ctrl-C has to work already."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything up until Ctrl-C, and print all addresses")
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end; the story on stderr")
    arguments = parser.parse_args()
    try:
        from demo.evening import play  # noqa: PLC0415 - as the docstring says

        return play(keep=arguments.keep, as_json=arguments.json)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by returning: with Python 3.11, Temporal's native threads now and then abort a process that tears its
    # interpreter down (temporalio/sdk-python#300).
    os._exit(code)
