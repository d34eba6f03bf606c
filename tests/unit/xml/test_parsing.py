"""Safe parsing: what is refused, and how the refusal reads."""

import pytest

from hostmon.errors import XMLError
from hostmon.xml.domain import Domain
from hostmon.xml.parsing import MAX_BYTES, MAX_DEPTH, load

BOMB = (
    '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<domain><name>&b;</name></domain>"
)


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ("", "not well-formed"),
        ("<domain><name></domain>", "line 1"),
        ("<domain>\n<name/>\n</domain", "correct line 3"),
        (BOMB, "declares <!DOCTYPE domain>; remove"),
        ('<!DOCTYPE d SYSTEM "http://192.0.2.1/x"><domain/>', "remove the declaration"),
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain>&x;</domain>', "DOCTYPE"),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), "deep"),
        ("<domain>" + " " * MAX_BYTES + "</domain>", f"more than {MAX_BYTES}"),
        (b"<domain>\xff</domain>", "not well-formed"),
        (b'<?xml version="1.0" encoding="no-such"?><domain/>', "document:"),
        ("<domain>\ud800</domain>", "not Unicode"),
        ("<domain>\x00</domain>", "document:"),
        ("<network/>", "<network> (line 1) is not <domain>; pass a domain description"),
        ("<?pi?>", "document:"),
    ],
)
def test_unsafe_or_broken_text_is_refused_in_one_line(xml: str | bytes, says: str) -> None:
    with pytest.raises(XMLError) as caught:
        Domain.parse(xml)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_error_knows_its_line() -> None:
    with pytest.raises(XMLError) as caught:
        Domain.parse("<domain>\n<name>\n</domain>")
    assert caught.value.line == 3


def test_the_deepest_allowed_document_is_read() -> None:
    assert load("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH).tag == "a"


@pytest.mark.parametrize(
    "xml",
    [
        "<domain/>",
        b"<domain/>",
        '<?xml version="1.0" encoding="ISO-8859-1"?><domain><name>\u00e9</name></domain>',
        '<?xml version="1.0" encoding="UTF-16"?><domain/>',
        "<domain/>".encode("utf-16"),
    ],
)
def test_text_is_read_whatever_encoding_it_declares(xml: str | bytes) -> None:
    domain = Domain.parse(xml)
    assert domain.name in (None, "\u00e9")
