"""Where to go after signing in: whoever makes the link, it leads to a place of this service."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incident_service.web.console.where import HOME, MAX_LENGTH, safe_next

OURS = [
    "/",
    "/incidents",
    "/incidents/12",
    "/incidents?status=open&q=payment%20error",
    "/incidents?q=http://evil.example/&next=//evil.example",
    "/on-call/f47ac10b-58cc-4372-a567-0e02b2c3d479?from=2026-11-30",
    "/settings/people/",
    "/help/at-3am.md",
    "/me?q=%C3%BC",
    "/sign-infinity",
    "/a" * (MAX_LENGTH // 2),
]

ELSEWHERE = [
    "",
    " ",
    "incidents",
    "https://evil.example",
    "HTTPS://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "///evil.example",
    "////evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    " //evil.example",
    "/ /evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/incidents\n",
    "/\r\nLocation: https://evil.example",
    "/incidents\r\nSet-Cookie: a=b",
    "/\0/evil.example",
    "/\x0b/evil.example",
    "/\u2028/evil.example",
    "/\uff0fevil.example",
    "/\u200b/evil.example",
    "/%2Fevil.example",
    "/%2f%2fevil.example",
    "/%5Cevil.example",
    "/%5c%5cevil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%00",
    "/%252Fevil.example",
    "/%255Cevil.example",
    "/%25252Fevil.example",
    "/%2525252Fevil.example",
    "/./evil.example",
    "/../evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
    "/%2e%2e//evil.example",
    "/%2e//evil.example",
    "/x//evil.example",
    "/@evil.example/..",
    "/incidents#//evil.example",
    "/<script>",
    '/"onmouseover="',
    "/sign-in",
    "/sign-in?next=/sign-in",
    "/sign-in/oidc",
    "/sign-in/a-token",
    "/sign-out",
    "/sign%2Dout",
    "/sign-%69n",
    "/" + "a" * MAX_LENGTH,
]


@pytest.mark.parametrize("text", OURS)
def test_a_place_of_ours_is_kept(text: str) -> None:
    assert safe_next(text) == text


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_may_lead_elsewhere_leads_home(text: str) -> None:
    assert safe_next(text) == HOME


PIECES = st.lists(
    st.sampled_from(
        ["/", "\\", "//", ".", "..", "evil.example", ":", "@", "?", "#", "%", "\t", "\n", "\0", " "]
        + ["https:", "javascript:", "incidents", "12", "\u2028", "\uff0f", "[", "]", "&", "="]
        + [quote(text, safe="") for text in ("/", "\\", "..", "\r", "%2F", "%5C")]
    )
).map("".join)


@given(PIECES.map("/".__add__) | PIECES | st.text())
@example("/\\/evil.example")
def test_a_browser_stays_on_this_host(text: str) -> None:
    found = safe_next(text)
    # As the URL standard has browsers read it: no tabs and line ends, backslashes are slashes.
    read = found.strip().translate(dict.fromkeys(map(ord, "\t\r\n"))).replace("\\", "/")
    for base in ("https://oncall.example.com/sign-in", "https://oncall.example.com/oncall/sign-in"):
        url = urlsplit(urljoin(base, read))
        assert (url.scheme, url.netloc) == ("https", "oncall.example.com")
    assert read.startswith("/")
    assert not read.startswith("//")
    assert found.isascii()
    assert found.isprintable()
