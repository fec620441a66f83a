"""What machine a benchmark ran on, and how much memory a part of it took."""

import os
import platform
import re
from pathlib import Path


def describe() -> str:
    """Name the processor and the cores that this process may use."""
    info = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model[1] if model else platform.processor()}, {cores} cores, Python {platform.python_version()}"
