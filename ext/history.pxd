"""What the history's owner shares with the dispatcher: the ring, and how its events are written."""

from encoder cimport Encoder
from ring cimport Ring

cdef struct HistoryData:
    Ring ring
    Encoder encoder
