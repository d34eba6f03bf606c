"""The command line: runs the command that was asked for, and says how it ended.

Owns exit codes; a command's module is imported only when it is called, so that
``hostmon --version`` answers at once.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from hostmon.cli.parser import parser
from hostmon.errors import AgentUnreachableError, HostmonError, SettingsError
from hostmon.printable import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    module = importlib.import_module(f"hostmon.cli.{options.module}")
    try:
        return int(module.run(options))
    except SettingsError as error:
        return fail(error, 2)
    except AgentUnreachableError as error:
        return fail(error, 3)
    except HostmonError as error:
        return fail(error, 1)
    except BrokenPipeError:
        # Whoever read our output has read enough: what is not written yet has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 0


def fail(error: Exception, code: int) -> int:
    """One clear line, and the exit code."""
    print(f"hostmon: {printable(str(error))}", file=sys.stderr)
    return code
