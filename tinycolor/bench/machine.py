"""What the figures were measured on; without it they mean little."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from tinycolor.threads import cores

PREFIXES = ("OPENBLAS_", "MKL_", "OMP_")
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Environment variables that hold NumPy's OpenBLAS to kernels or block sizes other than this machine's own."""


def machine() -> dict[str, str]:
    """Return processor, cores, memory, system and Python, as a reader wants to see them."""
    return {
        "processor": processor(),
        "cores": f"{cores()} usable of {os.cpu_count()}",
        "memory": memory(),
        "system": system(),
        "Python": platform.python_version(),
    }


def processor() -> str:
    """Return the name of the processor, as far as it gives one."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    if found:
        return found[1]
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine()


def memory() -> str:
    """Return the size of the main memory."""
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def system() -> str:
    """Return the operating system with its version."""
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.system()} {platform.release()}"
    except (AttributeError, KeyError, OSError):
        return platform.platform()


def environment() -> dict[str, str]:
    """Return the environment variables that change how many threads or which kernels the libraries take."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(PREFIXES)}
