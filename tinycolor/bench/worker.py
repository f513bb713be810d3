"""The child process: measures one side, one request at a time, and sleeps in between.

Started as a script, ``python -P worker.py SIDE THREADS``, a side of ``MODULES``, and not as a part of the package:
PyTorch's side must not import tinycolor (rival.py says why). On its input it reads lines of four words,

    time CASE LAYOUT SECONDS        call the case for so long
    peak CASE LAYOUT CALLS          call the case so often, in a fresh process

and answers each by one line of JSON. The first line of all, without a request, says what does the work.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
FEWEST_CALLS = 3
MODULES = {"ours": "ours", "torch": "rival", "gpu-ours": "gpu_ours", "gpu-torch": "gpu_rival"}


def main(side: str, threads: int) -> None:
    """Answer requests until the parent closes our input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it then stops us
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints stays out of the answers
    requests: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=listen, args=(requests,), daemon=True).start()
    cases = load(side)
    cases.prepare(threads)
    before = peak_memory()
    print(json.dumps(cases.about()), file=answers)
    made: dict[tuple[str, str], Callable[[], Any]] = {}
    while True:
        verb, name, layout, amount = requests.get().split()
        if (name, layout) not in made:
            made.clear()  # before the next case is made, so that none is timed beside another's arrays
            made[name, layout] = cases.make(name, layout)
        step = made[name, layout]
        answer = time_calls(step, float(amount)) if verb == "time" else peak_of_calls(step, int(amount), before)
        del step
        print(json.dumps(answer), file=answers)


def listen(requests: SimpleQueue[str]) -> None:
    """Pass requests on; when the parent has gone, however it went, leave in the middle of anything."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def load(side: str) -> ModuleType:
    """Return the module with one side's cases."""
    name = MODULES[side]
    if side.endswith("ours"):
        sys.path.insert(0, str(HERE.parents[1]))  # the very tinycolor that started us
        return importlib.import_module(f"tinycolor.bench.{name}")
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def time_calls(step: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Call for so many seconds, after once to warm up; return the median seconds of a call and their number.

    A step that does the work several times says so in ``repeats``.
    """
    repeats = getattr(step, "repeats", 1)
    step()
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < FEWEST_CALLS or time.perf_counter() - start < seconds:
        call = time.perf_counter()
        step()
        times.append(time.perf_counter() - call)
    return {"value": statistics.median(times) / repeats, "calls": len(times)}


def peak_of_calls(step: Callable[[], Any], calls: int, before: int) -> dict[str, float]:
    """Call so often; return by how many bytes the peak memory has grown since the imports."""
    for _ in range(calls):
        step()
    return {"value": peak_memory() - before, "calls": calls}


def peak_memory() -> int:
    """Return the most memory that this program has held at once, in bytes.

    On Linux ``ru_maxrss`` starts at the size of the process that started us, so a large parent would hide the
    growth; the kernel's VmHWM starts anew.
    """
    try:
        held = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        held = None
    if held:
        return int(held[1]) * 1024
    if sys.platform == "win32":
        return 0  # the standard library does not tell; plan.py leaves the case out
    import resource  # noqa: PLC0415 (not on Windows)

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
