"""The page that shows the API's description: `/docs` (contract §9)."""

from __future__ import annotations

import re

from tests.helpers.world import World


def test_the_page_and_all_that_it_needs_come_from_here(world: World) -> None:
    page = world.client.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(needed) == 4
    for path in needed:
        assert path.startswith("/docs/")
        assert world.client.get(path).status_code == 200, path
    assert '"/openapi.json"' in world.client.get("/docs/docs.js").text


def test_the_page_can_neither_load_nor_tell_anything_elsewhere(world: World) -> None:
    policy = world.client.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:|\*", policy)


def test_a_file_that_is_none(world: World) -> None:
    for path in ("/docs/nothing.js", "/docs/", "/docs/../docs.py", "/docs/docs.py"):
        answer = world.client.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found"), path
