"""A guest's clock, its timers, and what happens when it stops or sleeps."""

from hostmon.xml.element import INT, YES_NO, Children, Element, Value


class Timer(Element):
    """One of the guest's timers."""

    tag = "timer"
    key = ("name",)
    name = Value("@name")
    track = Value("@track")
    tickpolicy = Value("@tickpolicy")
    frequency = Value("@frequency", INT)
    mode = Value("@mode")
    present = Value("@present", YES_NO)
    catchup_threshold = Value("catchup/@threshold", INT)
    catchup_slew = Value("catchup/@slew", INT)
    catchup_limit = Value("catchup/@limit", INT)


class Clock(Element):
    """How the guest's clock starts; ``adjustment`` is in seconds, or ``reset``."""

    tag = "clock"
    offset = Value("@offset")
    adjustment = Value("@adjustment")
    basis = Value("@basis")
    timezone = Value("@timezone")
    start = Value("@start", INT)
    timers = Children("timer", Timer)


class PowerManagement(Element):
    """Whether the guest may suspend itself."""

    tag = "pm"
    suspend_to_mem = Value("suspend-to-mem/@enabled", YES_NO)
    suspend_to_disk = Value("suspend-to-disk/@enabled", YES_NO)
