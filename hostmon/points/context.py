"""What a driver of these points is given when it starts."""

from typing import Any

import msgspec

from hostmon.host import Host


class PointContext(msgspec.Struct, frozen=True, kw_only=True):
    """The host, through a connection that its caller opened, and the driver's own settings.

    ``settings`` is of the driver's ``settings_type``. A driver that acts needs a ``host`` opened
    with ``read_write=True``; it neither closes it nor connects it anew.
    """

    host: Host
    settings: Any
