"""A process that reads answers, one JSON line in and one out, and that the system ends if an answer takes too much.

What an answer may take is time of this process, not of the clock: on a busy machine nothing else runs out of it. It
imports no more than reading needs, and it ends with its parent, whose end closes its input.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

from tts_lib.grading.reading.readings import read

READY = b"ready\n"


def main(timeout_s: float, memory_mib: int) -> None:
    """Answer lines until there are no more; SIGPROF ends the process that uses more than `timeout_s` for one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent decides
    _limit_memory(memory_mib)
    os.write(1, READY)
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, timeout_s)
        reply = json.dumps(read(json.loads(line)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(f"{reply}\n")
        sys.stdout.flush()


def _limit_memory(memory_mib: int) -> None:
    used = 0
    if (statm := Path("/proc/self/statm")).exists():
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
    limit = used + memory_mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
