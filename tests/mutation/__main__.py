"""`python -m tests.mutation [GROUP ...]`: the faults of these groups, or of all, and a page for each of them.

A group is a family, whose table of weights is spoilt, or a heading of faults.yaml. Exit status 1 if a fault
survives that is not known to be equivalent, or one known to be is caught.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.mutation import tree
from tests.mutation.faults import Fault, Result, all_faults
from tests.mutation.report import shown, write_pages


def measured(faults: list[Fault], workers: int) -> list[Result]:
    """What catches each fault; every worker spoils a copy of its own. A whole group has its page written."""
    context = get_context("fork")
    found: dict[int, Result] = {}
    readers = []
    for first in range(workers):
        reader, writer = context.Pipe(duplex=False)
        context.Process(target=_work, args=(faults, range(first, len(faults), workers), writer)).start()
        writer.close()
        readers.append(reader)
    while readers:
        for ready in wait(readers):
            assert isinstance(ready, Connection), "every worker has a pipe"
            try:
                index, killer = ready.recv()
            except EOFError:  # the worker has ended
                readers.remove(ready)
                continue
            fault = faults[index]
            found[index] = result = Result(fault.group, fault.name, killer, fault.equivalent)
            mark = "    " if result.is_expected else "!!! "
            print(f"{mark}{result.group}: {result.name}: {shown(result)}", flush=True)
            group = [index for index, other in enumerate(faults) if other.group == fault.group]
            if found.keys() >= set(group):
                write_pages([found[index] for index in group])
    assert len(found) == len(faults), "no worker failed"
    return [found[index] for index in range(len(faults))]


def _work(faults: list[Fault], share: range, results: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder, tree.copied(Path(folder)) as copy:
        tree.enter(copy, dict.fromkeys(test for index in share for test in faults[index].tests))
        for index in share:
            results.send((index, faults[index].killer(copy)))


def main() -> int:
    """Run, print, write a page for every group that was run."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args()
    faults = all_faults()
    groups = list(dict.fromkeys(fault.group for fault in faults))
    unknown = [group for group in options.groups if group not in groups]
    if unknown:
        parser.error(f"no group {unknown[0]!r}; there are {', '.join(groups)}")
    tree.warm_up()
    found = measured([f for f in faults if f.group in (options.groups or groups)], options.workers)
    unexpected = sum(not result.is_expected for result in found)
    print(f"{len(found)} faults, {unexpected} unexpected")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
