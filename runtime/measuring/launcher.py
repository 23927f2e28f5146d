"""Run a process and print what it took, as JSON; a script of its own, started with the command to run.

A child's peak memory counts from before it becomes the program it runs, so it is never below that of the
process that starts it. This one is small.
"""

import json
import os
import sys
import time


def main() -> None:
    """Seconds, processor seconds, peak bytes and exit code of the command in the arguments."""
    silence = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    started = time.perf_counter()
    process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=silence)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, code]))


if __name__ == "__main__":
    main()
