"""``hostmon completion``: completion for bash, zsh and fish, made from the commands themselves."""

import argparse

from hostmon.cli.parser import parser


def run(options: argparse.Namespace) -> int:
    """Print the script of one shell."""
    print({"bash": bash, "zsh": zsh, "fish": fish}[options.shell](words()), end="")
    return 0


def words() -> dict[str, list[str]]:
    """Each command's options and choices."""
    top = parser()
    commands: dict[str, list[str]] = {}
    for action in top._actions:  # noqa: SLF001  # argparse offers no other way to walk a parser
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, command in action.choices.items():
                commands[name] = [
                    word
                    for option in command._actions  # noqa: SLF001
                    for word in (*option.option_strings, *map(str, option.choices or ()))
                ]
    return commands


def bash(commands: dict[str, list[str]]) -> str:
    """For bash."""
    cases = "\n".join(f"    {name}) words='{' '.join(w)}' ;;" for name, w in commands.items())
    return f"""_hostmon() {{
  local words='{" ".join(commands)} --help --version'
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  [ "$COMP_CWORD" = 1 ] && words='{" ".join(commands)} --help --version'
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _hostmon hostmon
"""


def zsh(commands: dict[str, list[str]]) -> str:
    """For zsh, over bash's."""
    return "#compdef hostmon\nautoload -U +X bashcompinit && bashcompinit\n" + bash(commands)


def fish(commands: dict[str, list[str]]) -> str:
    """For fish."""
    lines = [f"complete -c hostmon -n __fish_use_subcommand -a '{' '.join(commands)}'"]
    lines += [
        f"complete -c hostmon -n '__fish_seen_subcommand_from {name}' -a '{' '.join(found)}'"
        for name, found in commands.items()
    ]
    return "\n".join(lines) + "\n"
