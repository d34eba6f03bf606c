"""Builds the Cython extensions: every ``ext/NAME.pyx`` becomes ``hostmon._NAME``.

Everything declarative stands in pyproject.toml; this file holds what needs code: which sources
there are, which of them link libvirt, and where the generated C goes (never into the sources).
"""

import os
import subprocess
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

# Extensions that call libvirt's C API; all others load where there is no libvirt.
CALLS_LIBVIRT = {"loop", "callbacks", "stats"}
# Those that read its types all the same.
NEEDS_HEADERS = CALLS_LIBVIRT | {"columns"}


def pkg_config(option: str) -> list[str]:
    """Flags for libvirt, or one clear line saying what to install."""
    try:
        out = subprocess.run(
            ["pkg-config", option, "libvirt"], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            "hostmon: pkg-config does not find libvirt's headers; "
            "install libvirt-dev and pkg-config (./deploy/bootstrap does)"
        ) from error
    return out.stdout.split()


def extension(source: Path) -> Extension:
    """The extension module that one source file builds."""
    return Extension(
        f"hostmon._{source.stem}",
        [str(source)],
        include_dirs=["ext"],
        extra_compile_args=["-O2", "-Wall", "-Wextra", "-Wno-unused-parameter"]
        + (pkg_config("--cflags") if source.stem in NEEDS_HEADERS else []),
        extra_link_args=pkg_config("--libs") if source.stem in CALLS_LIBVIRT else [],
    )


packages = [
    *find_packages(include=["hostmon", "hostmon.*"]),
    "hostmon_drivers",
    *(f"hostmon_drivers.{name}" for name in find_packages("drivers")),
]

setup(
    packages=packages,
    package_dir={"hostmon": "hostmon", "hostmon_drivers": "drivers"},
    package_data={"hostmon": ["py.typed", "*.pyi"], "hostmon_drivers": ["py.typed"]},
    ext_modules=cythonize(
        [extension(source) for source in sorted(Path("ext").glob("*.pyx"))],
        build_dir="build/cython",
        nthreads=os.cpu_count() or 1,
        compiler_directives={
            "language_level": "3",
            "embedsignature": False,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "freethreading_compatible": False,
        },
    ),
)
