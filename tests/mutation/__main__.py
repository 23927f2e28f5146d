"""`python -m tests.mutation [GROUP ...]`: the faults of these groups, or of all, and a page for each of them.

A group is a family, whose table of weights is spoilt, or a heading of faults.yaml. Exit status 1 if a fault
survives that is not known to be equivalent, or one known to be is caught.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue

from tests.mutation import tree
from tests.mutation.faults import Fault, Result, all_faults
from tests.mutation.report import shown, write_pages


def measured(faults: list[Fault], workers: int) -> list[Result]:
    """What catches each fault; every worker spoils a copy of its own, and when a group is whole, so is its page."""
    context = get_context("fork")
    results: SimpleQueue[tuple[int, Result]] = context.SimpleQueue()  # type: ignore[assignment]
    shares = [range(first, len(faults), workers) for first in range(workers)]
    processes = [context.Process(target=_work, args=(faults, share, results)) for share in shares]
    for process in processes:
        process.start()
    found: dict[int, Result] = {}
    while len(found) < len(faults):
        index, result = results.get()
        found[index] = result
        mark = "    " if result.is_expected else "!!! "
        print(f"{mark}{result.group}: {result.name}: {shown(result)}", flush=True)
        group = [index for index, fault in enumerate(faults) if fault.group == result.group]
        if found.keys() >= set(group):
            write_pages([found[index] for index in group])
    for process in processes:
        process.join()
    return [found[index] for index in range(len(faults))]


def _work(faults: list[Fault], share: range, results: SimpleQueue[tuple[int, Result]]) -> None:
    with tempfile.TemporaryDirectory() as folder, tree.copied(Path(folder)) as copy:
        for index in share:
            fault = faults[index]
            results.put((index, Result(fault.group, fault.name, fault.killer(copy), fault.equivalent)))


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
