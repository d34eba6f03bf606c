"""The host's account as schedulers ask for it: resource classes, and traits of its processors."""

from hostmon_drivers.inventory.driver import InventoryDriver, InventorySettings
from hostmon_drivers.inventory.types import Inventory, ResourceClass, decode

__all__ = ["Inventory", "InventoryDriver", "InventorySettings", "ResourceClass", "decode"]
