"""The `sparkads` command."""

import contextlib
import os
import sys
from typing import NoReturn

from sparkads.cli.tree import app


def main() -> NoReturn:
    """Run the command and end the process with its exit code."""
    code = 0
    try:
        app(prog_name="sparkads")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it may be gone
            stream.flush()
    # Not sys.exit: on Python 3.11 threads of the Temporal SDK's native core may outlive the interpreter and crash a
    # short process that has done its work (exit 139 or SIGABRT; temporalio/sdk-python#300).
    os._exit(code)
