"""What every driver class states of itself, whichever plug point it is for."""

from abc import ABC
from typing import ClassVar

import msgspec

from hostmon.driver.capabilities import Declared, NoSettings


class Plugin(ABC):
    """Root of the plug points' base classes.

    ``api_versions`` are the oldest and newest version of the driver API that the class is written
    for; ``settings_type`` is the msgspec type of its own keys in its section of the configuration;
    ``capabilities`` is an object of its plug point's type.
    """

    api_versions: ClassVar[tuple[int, int]]
    settings_type: ClassVar[type[msgspec.Struct]] = NoSettings
    capabilities: ClassVar[Declared]
