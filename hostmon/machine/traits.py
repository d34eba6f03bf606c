"""Traits of the processors, from the features that the kernel lists in /proc/cpuinfo.

The traits' names are the cloud's (os-traits), the features' names Linux's (arch/x86 cpufeatures.h).
Of several processors only what all of them have counts.
"""

from pathlib import Path

from hostmon.machine.cpuinfo import lines
from hostmon.machine.files import read_text

PREFIX = "HW_CPU_X86_"
_SAME = (
    "3dnow", "abm", "avx", "avx2", "avx512bw", "avx512cd", "avx512dq", "avx512er", "avx512f",
    "avx512pf", "avx512vl", "avx512vbmi", "avx512ifma", "bmi2", "f16c", "fma4", "mmx", "mpx",
    "pdpe1gb", "sgx", "sse", "sse2", "sse4a", "ssse3", "tbm", "xop",
)  # fmt: skip
TRAITS: dict[str, tuple[str, ...]] = {name: (name.upper(),) for name in _SAME} | {
    "aes": ("AESNI",),
    "avx512_bitalg": ("AVX512BITALG",),
    "avx512_vbmi2": ("AVX512VBMI2",),
    "avx512_vnni": ("AVX512VNNI",),
    "avx512_vpopcntdq": ("AVX512VPOPCNTDQ",),
    "bmi1": ("BMI",),
    "fma": ("FMA3",),
    "gfni": ("AVX512GFNI",),
    "pcid": ("INTEL_PCID",),
    "pclmulqdq": ("CLMUL",),
    "pni": ("SSE3",),
    "rtm": ("TSX",),
    "sha_ni": ("SHA",),
    "sse4_1": ("SSE41",),
    "sse4_2": ("SSE42",),
    "svm": ("SVM", "AMD_SVM"),
    "vaes": ("AVX512VAES",),
    "vmx": ("VMX", "INTEL_VMX"),
    "vpclmulqdq": ("AVX512VPCLMULQDQ",),
}
"""Of each feature, the traits without their prefix; those of one vendor have an older name too."""


def traits_of(cpuinfo: Path) -> tuple[str, ...]:
    """The traits that a cpuinfo file shows, sorted; () on other architectures."""
    flags = [set(value.split()) for key, value in lines(read_text(cpuinfo) or "") if key == "flags"]
    common = set.intersection(*flags) if flags else set()
    found = {PREFIX + trait for flag in common for trait in TRAITS.get(flag, ())}
    return tuple(sorted(found))
