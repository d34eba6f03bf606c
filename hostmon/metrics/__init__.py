"""The catalogue of metric families, and the profiles that other exporters' pages are.

Declarations alone: nothing here reads or renders. docs/metrics.md is made of it.
"""

from hostmon.metrics.catalogue import CATALOGUE
from hostmon.metrics.family import Form, Metric, Scope, Source, Type, Zero
from hostmon.metrics.profiles import PROFILES, Profile

__all__ = ["CATALOGUE", "PROFILES", "Form", "Metric", "Profile", "Scope", "Source", "Type", "Zero"]
