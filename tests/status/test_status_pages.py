"""`/v1/status-pages`: status pages as an organization manages them (contract §7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from incident_service import quickstart
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"
STATUSES = ("operational", "maintenance", "degraded", "partial_outage", "major_outage")


@pytest.fixture
def others(world: World) -> list[str]:
    """Two more components."""
    return [world.make("components", name=name)["id"] for name in ("B", "C")]


def make(world: World, slug: str = "status", **fields: Any) -> dict[str, Any]:
    return world.make("status-pages", **{"slug": slug, "title": "Status", **fields})


def send(world: World, method: str, path: str, body: Any, key: str | None = None) -> Any:
    """Make a call whose body has texts that only an escape can carry."""
    return world.client.open(
        f"/v1/{path}",
        method=method,
        data=json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key or world.made.key}"},
    )


def test_a_status_page_s_life(world: World, others: list[str]) -> None:
    answer = world.call("POST", "status-pages", {"slug": "acme", "title": "Acme"})
    page = answer.json["data"]
    path = f"status-pages/{page['id']}"
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/{path}")
    assert page == {
        "id": page["id"],
        "orgId": world.made.org_id,
        "slug": "acme",
        "title": "Acme",
        "published": False,
        "componentIds": [],
        "overrides": {},
        "createdAt": page["createdAt"],
        "updatedAt": page["createdAt"],
    }
    world.execute("UPDATE status_pages SET updated_at = '2025-04-07T08:23:11.000Z'")
    before = world.call("GET", path.replace(page["id"], page["id"].upper())).json["data"]
    assert world.call("PATCH", path, {}).json["data"] == before
    changes: dict[str, Any] = {
        "slug": "acme-2",
        "title": "Acme, Inc.",
        "published": True,
        "componentIds": others,
        "overrides": {others[1]: "maintenance"},
    }
    changed = world.call("PATCH", path, changes).json["data"]
    assert changed == {**page, **changes, "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] != before["updatedAt"]
    assert world.call("GET", path).json["data"] == changed
    first = make(world, title="A page")
    listed = world.call("GET", "status-pages").json["data"]
    assert listed == [first, changed]
    nulls = {"published": None, "componentIds": None, "overrides": None}
    cleared = world.call("PATCH", path, nulls).json["data"]
    assert [cleared[name] for name in nulls] == [False, [], {}]
    assert cleared["title"] == "Acme, Inc."
    deleted = world.call("DELETE", path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        gone = world.call(method, path, {} if method == "PATCH" else ...)
        assert (gone.status_code, gone.json["code"]) == (404, "not_found")
    assert world.call("GET", "status-pages").json["data"] == [first]


def test_null_where_nothing_need_be_is_nothing(world: World) -> None:
    page = make(world, published=None, componentIds=None, overrides=None)
    assert (page["published"], page["componentIds"], page["overrides"]) == (False, [], {})


def test_what_is_refused(world: World) -> None:
    page = make(world, componentIds=[world.made.component_id])
    mine = world.made.component_id
    no_statuses: list[Any] = [None, "", "down", "Degraded", 1, ["degraded"], {}]
    refused: dict[str, list[Any]] = {
        "slug": [None, "", "ab", "a" * 64, "Acme", "a_b", "a b", "ä-b", "abc\n", "abc\0",
                 "\ud800bc", "١٢٣", 123, ["abc"]],
        "title": [None, "", " \n", "t" * 256, 7, "a\0", "\udfff"],
        "published": [1, 0, "true", "false", "", [], {}],
        "componentIds": ["x", [""], ["x"], [7], [None], {}, True, [UNKNOWN] * 201],
        "overrides": [[], "x", 7, {"x": "degraded"}, {"": "degraded"},
                      *({mine: status} for status in no_statuses)],
        "id": [UNKNOWN],
        "component_ids": [[]],
    }  # fmt: skip
    good = {"slug": "other", "title": "Other"}
    for field, value in ((name, value) for name, values in refused.items() for value in values):
        bodies: list[tuple[str, str, Any]] = [("POST", "status-pages", {**good, field: value})]
        bodies.append(("PATCH", f"status-pages/{page['id']}", {field: value}))
        for method, path, body in bodies:
            answer = send(world, method, path, body)
            assert (answer.status_code, answer.json["code"]) == (400, "validation_error"), body
            assert list(answer.json["errors"]) == [field], body
    for field in good:
        rest = {name: value for name, value in good.items() if name != field}
        assert list(world.call("POST", "status-pages", rest).json["errors"]) == [field]
    assert world.call("GET", "status-pages").json["data"] == [page]


def test_slugs_and_titles_that_are_fine(world: World) -> None:
    for slug in ("abc", "a" * 63, "---", "-0-", "404"):
        assert make(world, slug, title="ü" * 255)["slug"] == slug


def test_a_slug_is_unique_on_the_server(world: World, other_org: quickstart.Provisioned) -> None:
    theirs = world.call(
        "POST", "status-pages", {"slug": "theirs", "title": "x"}, key=other_org.key
    ).json["data"]
    mine, page = make(world, "mine", published=True), make(world)
    path = f"status-pages/{page['id']}"
    for taken in ("theirs", "mine"):  # theirs is not even published
        for method, where, body in (
            ("POST", "status-pages", {"slug": taken, "title": "x"}),
            ("PATCH", path, {"slug": taken, "title": "y"}),
        ):
            answer = world.call(method, where, body)
            assert (answer.status_code, answer.json["code"]) == (409, "slug_taken")
            assert taken in answer.json["message"]
    assert world.call("GET", path).json["data"] == page
    assert world.call("PATCH", path, {"slug": "status"}).status_code == 200
    world.call("DELETE", f"status-pages/{theirs['id']}", key=other_org.key)
    assert world.call("PATCH", path, {"slug": "theirs"}).status_code == 200
    assert world.call("PATCH", f"status-pages/{mine['id']}", {"slug": "status"}).status_code == 200


def test_components_that_cannot_be_shown(
    world: World, others: list[str], other_org: quickstart.Provisioned
) -> None:
    mine, deleted = world.made.component_id, others[0]
    page = make(world, componentIds=[mine], overrides={mine: "degraded"})
    world.call("DELETE", f"components/{deleted}")
    invalid = [UNKNOWN, other_org.component_id, deleted]
    cases: list[tuple[dict[str, Any], str]] = [
        *(({"componentIds": [mine, id]}, "invalid_component_id") for id in invalid),
        ({"componentIds": [mine, mine]}, "duplicate_component_id"),
        ({"componentIds": [mine, mine.upper()]}, "duplicate_component_id"),
        *(
            ({"componentIds": [mine], "overrides": {id: "degraded"}}, "invalid_component_id")
            for id in (*invalid, others[1])  # the last one is just not on the page
        ),
        ({"componentIds": [others[1]], "overrides": {mine: "degraded"}}, "invalid_component_id"),
        ({"componentIds": [], "overrides": {mine: "degraded"}}, "invalid_component_id"),
    ]
    for fields, code in cases:
        fresh: dict[str, Any] = {"slug": "other", "title": "Other", **fields}
        for method, path, body in (
            ("POST", "status-pages", fresh),
            ("PATCH", f"status-pages/{page['id']}", fresh),
        ):
            answer = world.call(method, path, body)
            assert (answer.status_code, answer.json["code"]) == (400, code), body
    not_shown = {"overrides": {others[1]: "degraded"}}
    answer = world.call("PATCH", f"status-pages/{page['id']}", not_shown)
    assert (answer.json["code"], others[1] in answer.json["message"]) == (
        "invalid_component_id", True,
    )  # fmt: skip
    assert world.call("GET", "status-pages").json["data"] == [page]  # nothing was written
    make(world, "other")


def test_components_stand_in_the_order_sent(world: World, others: list[str]) -> None:
    order = [others[1], world.made.component_id, others[0]]
    page = make(world, componentIds=[id.upper() for id in order])
    assert page["componentIds"] == order
    path = f"status-pages/{page['id']}"
    changed = world.call("PATCH", path, {"componentIds": order[::-1]}).json["data"]
    assert changed["componentIds"] == order[::-1]
    world.call("DELETE", f"components/{order[1]}")
    assert world.call("GET", path).json["data"]["componentIds"] == [order[2], order[0]]
    answer = world.call("PATCH", path, {"overrides": {order[0]: "degraded"}})  # the list stays
    assert answer.json["data"]["componentIds"] == [order[2], order[0]]


def test_overrides_are_set_whole_and_leave_with_their_component(
    world: World, others: list[str]
) -> None:
    shown = [world.made.component_id, *others]
    page = make(world, componentIds=shown, overrides={shown[0].upper(): "degraded"})
    path = f"status-pages/{page['id']}"

    def overrides(**changes: Any) -> dict[str, str]:
        answer = world.call("PATCH", path, changes)
        assert answer.status_code == 200, answer.json
        found: dict[str, str] = answer.json["data"]["overrides"]
        return found

    assert page["overrides"] == {shown[0]: "degraded"}
    for status in STATUSES:
        assert overrides(overrides={shown[1]: status}) == {shown[1]: status}
    both = {shown[0]: "maintenance", shown[1]: "degraded"}
    assert overrides(overrides=both) == both
    assert overrides(title="Other") == overrides(componentIds=shown[::-1]) == both
    assert overrides(componentIds=shown[1:]) == {shown[1]: "degraded"}
    assert overrides(componentIds=shown) == {shown[1]: "degraded"}
    world.call("DELETE", f"components/{shown[1]}")
    assert world.call("GET", path).json["data"]["overrides"] == {}
    assert overrides(overrides={shown[0]: "major_outage"}) == {shown[0]: "major_outage"}
    assert overrides(overrides={}) == {}


def test_an_override_is_of_one_page_alone(world: World) -> None:
    mine = world.made.component_id
    make(world, componentIds=[mine], overrides={mine: "major_outage"})
    assert make(world, "other", componentIds=[mine])["overrides"] == {}
    component = world.call("GET", f"components/{mine}").json["data"]
    assert component["operationalStatus"] == "operational"


def test_rights_and_the_order_of_checks(
    world: World, member: str, other_org: quickstart.Provisioned
) -> None:
    page = make(world)
    path, bad = f"status-pages/{page['id']}", {"slug": "?"}
    assert world.call("GET", "status-pages", key=member).json["data"] == [page]
    assert world.call("GET", path, key=member).json["data"] == page
    for method, where in (("POST", "status-pages"), ("PATCH", path), ("DELETE", path)):
        answer = world.call(method, where, bad, key=member)  # the role comes before the schema
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    taken = {"slug": page["slug"], "componentIds": [UNKNOWN]}
    for where in (path, f"status-pages/{UNKNOWN}", "status-pages/no-uuid"):
        for method in ("GET", "PATCH", "DELETE"):
            answer = world.call(method, where, taken, key=other_org.key)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    unknown = f"status-pages/{UNKNOWN}"
    assert world.call("PATCH", unknown, bad).json["code"] == "validation_error"
    assert world.call("GET", "status-pages", key=other_org.key).json["data"] == []
    assert world.call("GET", "status-pages").json["data"] == [page]


def test_only_what_may_show_moves_the_public_revision(
    world: World, others: list[str], other_org: quickstart.Provisioned
) -> None:
    def revisions() -> dict[str, int]:
        found = world.rows("SELECT id, public_revision FROM organizations")
        return {row["id"]: row["public_revision"] for row in found}

    mine = world.made.component_id
    page = f"status-pages/{make(world, published=True, componentIds=[mine])['id']}"
    incident = f"incidents/{world.post().json['data']['id']}"
    internal, public = {"visibility": "internal"}, {"visibility": "public", "body": "x"}
    redact = f"{incident}/updates/{{}}/redact"
    steps: list[tuple[bool, str, str, Any]] = [
        (True, "POST", "incidents", world.body()),
        (False, "POST", f"{incident}/updates", {**internal, "body": "x"}),
        (False, "POST", redact, ...),
        (True, "POST", f"{incident}/updates", public),
        (True, "POST", redact, ...),
        (False, "POST", redact, ...),
        (True, "POST", f"{incident}/updates", {**internal, "statusChange": "identified"}),
        (True, "PATCH", f"{incident}/status", {"status": "monitoring"}),
        (False, "POST", f"{incident}/acknowledge", ...),
        (False, "POST", f"{incident}/handoff", {"targetUserId": world.made.user_id}),
        (False, "PATCH", incident, {"description": "Internal."}),
        (True, "PATCH", incident, {"title": "Other"}),
        (True, "PATCH", incident, {"severity": "low"}),
        (True, "PUT", f"{incident}/components", {"componentIds": [mine, others[0]]}),
        (True, "PUT", f"{incident}/components", {"componentIds": [mine]}),
        (True, "PATCH", page, {"title": "Other"}),
        (True, "PATCH", page, {"overrides": {mine: "degraded"}}),
        (True, "PATCH", page, {"componentIds": [mine, others[0]]}),
        (True, "PATCH", page, {"published": False}),
        (True, "PATCH", f"components/{mine}", {"name": "Other"}),
        (True, "PATCH", f"components/{mine}", {"groupLabel": "Shop"}),
        (True, "DELETE", f"components/{mine}", ...),
        (True, "PATCH", f"{incident}/status", {"status": "resolved"}),
        (True, "DELETE", page, ...),
        (False, "GET", "status-pages", ...),
    ]
    latest = ""
    for moves, method, path, body in steps:
        before = revisions()
        answer = world.call(method, path.format(latest), body)
        assert answer.status_code < 300, (path, answer.json)
        if path.endswith("/updates"):
            latest = answer.json["data"]["id"]
        after = revisions()
        assert (after[world.made.org_id] > before[world.made.org_id]) == moves, (method, path, body)
        assert after[other_org.org_id] == before[other_org.org_id]
