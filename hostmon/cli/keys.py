"""``hostmon keys``: make, show, allow and revoke the keys of the bus."""

import argparse
import json
from pathlib import Path

from hostmon import keys
from hostmon.errors import SettingsError
from hostmon.settings import config_path, load


def run(options: argparse.Namespace) -> int:
    """Do what the action says, in the folder of keys."""
    folder = folder_of(options)
    name, key = options.name, options.key
    match options.action:
        case "new":
            public, secret = keys.new_pair(folder, name or keys.AGENT)
            print(json.dumps({"public": public, "secret_file": str(secret)}) if options.json
                  else f"{public}\nkeep {secret} secret")  # fmt: skip
        case "show":
            show(folder, as_json=options.json)
        case "allow":
            if not name or not key:
                raise SettingsError(
                    "keys allow: give NAME and the client's public KEY, or its file"
                )
            keys.allow(folder, name, keys.load_public(key))
        case "revoke":
            if not name:
                raise SettingsError("keys revoke: give NAME")
            keys.revoke(folder, name)
    return 0


def folder_of(options: argparse.Namespace) -> Path:
    """Where the keys are: as given, as configured, else the system's place."""
    if options.keys:
        return Path(options.keys)
    settings = load(config_path(options.config))
    return Path(settings.bus.keys or keys.SYSTEM_KEYS)


def show(folder: Path, *, as_json: bool) -> None:
    """The agent's public key and the clients that are allowed."""
    keys.check_folder(folder)
    agent = keys.load_pair(folder / f"{keys.AGENT}{keys.SECRET_SUFFIX}").public
    clients = keys.allowed(folder)
    if as_json:
        print(json.dumps({"agent": agent, "allowed": clients}))
        return
    print(f"agent     {agent}")
    for name, key in clients.items():
        print(f"allowed   {key}  {name}")
