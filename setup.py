"""Builds the Cython extensions: every ``ext/NAME.pyx`` becomes ``hostmon._NAME``.

Everything declarative stands in pyproject.toml; this file holds what needs code: which sources
there are, which of them link libvirt, and where the generated C goes (never into the sources).
What only tests and benches need, tests/native, is built where it stands and never distributed.
"""

import os
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

# Extensions that call libvirt's C API; all others load where there is no libvirt.
CALLS_LIBVIRT = {"loop", "callbacks", "stats"}
# Those that read its types all the same.
NEEDS_HEADERS = CALLS_LIBVIRT | {"columns", "firing"}
IN_PLACE = not {"--inplace", "editable_wheel"}.isdisjoint(sys.argv)


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


def extension(source: Path, name: str) -> Extension:
    """The extension module that one source file builds."""
    return Extension(
        name,
        [str(source)],
        include_dirs=["ext"],
        extra_compile_args=["-O2", "-Wall", "-Wextra", "-Wno-unused-parameter"]
        + (pkg_config("--cflags") if source.stem in NEEDS_HEADERS else []),
        extra_link_args=pkg_config("--libs") if source.stem in CALLS_LIBVIRT else [],
    )


extensions = [
    extension(source, f"hostmon._{source.stem}") for source in sorted(Path("ext").glob("*.pyx"))
]
if IN_PLACE:
    extensions += [
        extension(source, f"tests.native.{source.stem}")
        for source in sorted(Path("tests/native").glob("*.pyx"))
    ]
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
        extensions,
        include_path=["ext"],
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
