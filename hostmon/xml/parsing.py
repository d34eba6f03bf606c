"""Turns text into an lxml tree, safely: no entities, no network, bounded size and depth.

Owns the limits and the wording of their errors; knows nothing of what the document is about.
"""

from typing import Any

from lxml import etree

from hostmon.errors import XMLError

# libvirt's own limit for one string over its protocol (REMOTE_STRING_MAX).
MAX_BYTES = 4 << 20
# The deepest legal documents are chains of 200 backing files; libxml2 long stopped at 256.
MAX_DEPTH = 256

# Not collect_ids=False, faster as it is: with it libxml2 loads external DTDs after all.
_SAFE: Any = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "strip_cdata": False,
}
# The text is UTF-8 by the time libxml2 sees it, whatever its declaration says.
_TEXT = etree.XMLParser(encoding="utf-8", **_SAFE)
_BYTES = etree.XMLParser(**_SAFE)
_too_deep = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")


def load(xml: str | bytes) -> etree._Element:
    """The root of a document; raises XMLError for anything that is not safe, well-formed XML."""
    try:
        data = xml.encode() if isinstance(xml, str) else xml
    except UnicodeEncodeError as error:
        raise XMLError(f"document: not Unicode text ({error.reason}); pass text or UTF-8") from None
    if len(data) > MAX_BYTES:
        raise XMLError(f"document: {len(data)} bytes, more than {MAX_BYTES}; split or shorten it")
    try:
        root = etree.fromstring(data, _TEXT if isinstance(xml, str) else _BYTES)
    except etree.XMLSyntaxError as error:
        what = " ".join((error.msg or "no element").split()).partition(", line ")[0]
        line = error.lineno or 0
        if "depth" in what:  # libxml2's own limit, where it is the lower one
            raise _deep(line) from None
        raise XMLError(f"document: not well-formed, {what}; correct line {line}", line) from None
    except (ValueError, LookupError) as error:
        raise XMLError(f"document: cannot be read, {error}; pass UTF-8 XML") from None
    if root is None:
        raise XMLError("document: has no element; pass an XML document")
    info: Any = root.getroottree().docinfo  # the stubs do not know it
    doctype: str = info.doctype
    if doctype:
        raise XMLError(f"document: declares {doctype:.60}; remove the declaration", 1)
    # Every level but the innermost has a closing tag: where they can be counted and are few, it
    # need not be searched.
    shallow = isinstance(xml, str) and data.count(b"</") < MAX_DEPTH
    if not shallow and _too_deep(root):
        raise _deep(0)
    return root


def _deep(line: int) -> XMLError:
    return XMLError(f"document: nested deeper than {MAX_DEPTH} elements; flatten it", line)


def dump(root: etree._Element, pretty: bool = False) -> str:
    """The text of an element; of a whole document, with the comments that stand around its root."""
    what = root if root.getparent() is not None else root.getroottree()
    return etree.tostring(what, encoding="unicode", pretty_print=pretty, with_tail=False)
