"""What a subscriber is told of events that it missed."""

import msgspec


class Repair(msgspec.Struct, frozen=True):
    """What was missed and how it was made good.

    ``reason``: ``gap``, ``restart`` (of the agent), ``join``, or ``overflow`` (the agent itself had
    no room for ``lost`` events). ``by``: ``replay`` (``events`` of them were delivered),
    ``snapshot`` (the view is right again, the events are not known), or ``nothing`` (there is no
    view, and no request socket or none that answers, or the events are gone).
    """

    host: str
    reason: str
    by: str
    events: int = 0
    lost: int = 0
