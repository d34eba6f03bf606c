"""Asks libvirt what it makes of domain descriptions: a program of its own, because libvirt 9.0's
parser dies of a null pointer on some invalid ones.

Reads one JSON object a line, a name and texts; writes one a line with, for each text, the canonical
form ``{"ok": ...}`` or ``{"error": ...}``. The domains live in the process's own test driver.
"""

import json
import sys

import libvirt


def canonical(uri: str, xml: str) -> dict[str, str]:
    """What libvirt makes of one description, on a host that nobody else uses."""
    connection = libvirt.open(uri)
    try:
        domain = connection.defineXML(xml)
        return {"ok": domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)}
    except libvirt.libvirtError as error:
        return {"error": str(error)}
    finally:
        connection.close()


def main() -> None:
    libvirt.registerErrorHandler(lambda *_: None, None)
    for line in sys.stdin:
        request = json.loads(line)
        answers = [canonical(sys.argv[1], text) for text in request["texts"]]
        sys.stdout.write(json.dumps({"name": request["name"], "answers": answers}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
