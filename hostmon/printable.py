"""Text of unknown origin made fit to print: guests' names, libvirt's messages, drivers' errors."""


def printable(text: str) -> str:
    """A text of any content on one line: what would move the cursor is shown escaped.

    So are halves of surrogate pairs, which no encoding takes.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
