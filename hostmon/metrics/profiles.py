"""The pages that hostmon can serve: its own, and those of exporters that it replaces.

A profile is a list of families and, for every scope, the labels its series bear, each as the
label's name and the attribute of ``hostmon.labels`` that it shows.
"""

from typing import NamedTuple

from hostmon.metrics.catalogue import CATALOGUE
from hostmon.metrics.family import Metric
from hostmon.metrics.inovex import INOVEX
from hostmon.metrics.kumina import KUMINA

Pairs = tuple[tuple[str, str], ...]

STATES = (
    "nostate",
    "running",
    "blocked",
    "paused",
    "shutdown",
    "shutoff",
    "crashed",
    "pmsuspended",
)
"""libvirt's words for virDomainState, in the order of its numbers."""

SENTENCES = (
    "no state",
    "the domain is running",
    "the domain is blocked on resource",
    "the domain is paused by user",
    "the domain is being shut down",
    "the domain is shut off",
    "the domain is crashed",
    "the domain is suspended by guest power management",
)
"""What inovex's exporter calls the same states."""


class Profile(NamedTuple):
    """One page.

    ``state`` is the label of a state and what it says for each of libvirt's numbers. Without
    ``removable`` cdroms and floppies have no series, without ``unnamed`` interfaces without a
    target have none, and ``ownerless`` gives guests without cloud metadata an owner series too.
    """

    name: str
    metrics: tuple[Metric, ...]
    guest: Pairs = (("domain", "domain"),)
    disk: Pairs = (("target_device", "target_device"),)
    interface: Pairs = (("target_device", "target_device"),)
    state: tuple[str, tuple[str, ...]] = ("state", STATES)
    removable: bool = True
    unnamed: bool = True
    ownerless: bool = False


KUMINA_GUEST = (("domain", "domain"), ("uuid", "uuid"))
KUMINA_NOVA = (
    *KUMINA_GUEST,
    ("name", "instance_name"), ("flavor", "flavor_name"), ("project_name", "project_name"),
)  # fmt: skip
KUMINA_DISK = (("source_file", "source_file"), ("target_device", "target_device"))
KUMINA_INTERFACE = (("source_bridge", "source_bridge"), ("target_device", "target_device"))

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("hostmon", CATALOGUE),
        Profile("kumina", KUMINA, KUMINA_GUEST, KUMINA_DISK, KUMINA_INTERFACE,
                removable=False, unnamed=False),
        Profile("kumina-nova", KUMINA, KUMINA_NOVA, KUMINA_DISK, KUMINA_INTERFACE,
                removable=False, unnamed=False),
        Profile("inovex", INOVEX, state=("state_desc", SENTENCES), removable=False,
                unnamed=False, ownerless=True),
    )
}  # fmt: skip
"""Every profile by its name."""
