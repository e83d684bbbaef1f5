# SPDX-License-Identifier: Apache-2.0
"""What figures depend on: the machine, libraries as loaded, and variables that change how threads work."""

import ctypes
import os
import pathlib
import platform
import re
import sys

ISA = """sse4_2 avx avx2 fma avx_vnni avx512f avx512dq avx512bw avx512vl avx512_vnni avx512_bf16 avx512_fp16
amx_tile amx_int8 amx_bf16 asimd asimdhp bf16 i8mm sve sve2""".split()
THREAD_VARIABLES = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "MKL_", "MALLOC_")


def file_text(path):
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return ""


def field(text, pattern, default=None):
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else default


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def machine(devices):
    info = file_text("/proc/cpuinfo")
    flags = field(info, r"^(?:flags|Features)\s*:(.*)", "").split()
    release = file_text("/etc/os-release")
    return {
        "cpu": field(info, r"^model name\s*:(.*)", platform.processor() or platform.machine()),
        "architecture": platform.machine(),
        "cores": cores(),
        "isa": [name for name in ISA if name in flags],
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": field(release, r'^PRETTY_NAME="?([^"\n]*)', platform.system()),
        "load": list(os.getloadavg()),
        "governor": file_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "devices": devices,
    }


def blas_libraries():
    """The OpenBLAS libraries that this process has loaded."""
    loaded = set(re.findall(r"(/\S*/[^/\s]*openblas[^/\s]*\.so\S*)", file_text("/proc/self/maps")))
    return [{"name": "OpenBLAS", "version": openblas_version(path), "path": path} for path in sorted(loaded)]


def openblas_version(path):
    """With what it was built for and chose: "0.3.21 ... USE_OPENMP Haswell"."""
    library = ctypes.CDLL(path)
    for name in ("openblas_get_config", "openblas_get_config64_", "scipy_openblas_get_config64_"):
        tell = getattr(library, name, None)
        if tell:
            tell.restype = ctypes.c_char_p
            return tell().decode().removeprefix("OpenBLAS ")
    return "unknown"


def software(name, about):
    environment = {key: value for key, value in sorted(os.environ.items()) if key.startswith(THREAD_VARIABLES)}
    libraries = about["libraries"] + [{"name": "Python", "version": platform.python_version(), "path": sys.executable}]
    return about["software"] | {"name": name, "libraries": libraries, "environment": environment}
