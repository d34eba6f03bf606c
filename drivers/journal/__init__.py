"""The journal driver: every event to JSON lines files, with a mark where one is missing."""

from hostmon_drivers.journal.driver import JournalDriver

__all__ = ["JournalDriver"]
