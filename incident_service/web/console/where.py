"""Where to go after signing in: only ever to a place of this service."""

from __future__ import annotations

import re
from urllib.parse import unquote

HOME = "/"

MAX_LENGTH = 2000

_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?\[\]-]*)?")
"""A path and a query, in the characters that a URL may have. Without a fragment."""

_IS_A_DOOR = re.compile(r"/sign-(in|out)(/.*)?", re.DOTALL)


def safe_next(text: str) -> str:
    """Return the path, with its query, that a person asked for before signing in; else `HOME`.

    `text` comes from a stranger's link. It is a path below the service's root, as `request.path`
    is. Whatever a browser or a proxy might read as another host becomes `HOME`: a URL, `//host`,
    backslashes, control characters, dots that climb, each of them encoded too. So do the pages that
    sign in and out.
    """
    if len(text) > MAX_LENGTH or not _PATH.fullmatch(text):
        return HOME
    path = unquote(text.partition("?")[0])
    steps = path.split("/")
    # What is encoded twice, some proxies would decode.
    is_odd = "%" in path or "\\" in path or not path.isprintable()
    if is_odd or "" in steps[1:-1] or {".", ".."} & set(steps) or _IS_A_DOOR.fullmatch(path):
        return HOME
    return text
