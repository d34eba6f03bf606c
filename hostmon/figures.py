"""The host's figures of a scrape: connection, guests and counts of events, from memory alone.

Owns which of the agent's numbers stand behind which column of the catalogue (hostmon/metrics).
"""

from collections.abc import Mapping

from hostmon.status import AgentStatus

Figures = Mapping[str, float | Mapping[tuple[str, ...], float]]

# Columns of the catalogue that count the events of one kind.
COUNTED = {"io_errors": "io-error", "watchdogs": "watchdog"}


def figures_of(status: AgentStatus) -> Figures:
    """The columns that an agent's status fills; the others are unknown, and left out."""
    counts = {kind.kind: kind.count for kind in status.kinds}
    return {
        "up": float(status.connection == "up"),
        "guests": status.guests,
        "guests_active": status.active,
        **{column: counts[kind] for column, kind in COUNTED.items()},
    }
