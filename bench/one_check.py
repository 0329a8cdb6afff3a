"""The process that reads one manifest and does nothing else: `python -m bench.one_check FILE`."""

import json
import resource
import sys
import time
from pathlib import Path

from sparkads import manifest


def _memory(field: str) -> int:
    """Bytes: `VmRSS` that this process has resident now, `VmHWM` the most that it had."""
    if sys.platform == "linux":
        # ru_maxrss begins with what the parent had.
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith(f"{field}:")).split()[1])
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    before = _memory("VmRSS")
    started = time.perf_counter()
    found = manifest.read(Path(sys.argv[1]))
    seconds = time.perf_counter() - started
    said = {"good": len(found.rows), "bad": len(found.rejects), "seconds": seconds, "before": before}
    print(json.dumps(said | {"most": _memory("VmHWM")}))
