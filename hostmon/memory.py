"""What a process gives back once it has started and will run for long."""

import gc

from hostmon._trim import trim


def settle() -> None:
    """Give up what only starting needed; what was imported and wired is taken to live for good.

    The garbage collector does not walk that again. It is the whole process that this is done to:
    a command calls it, a part of one does not.
    """
    gc.collect()
    gc.freeze()
    trim()
