"""Post-mortems, their versions and the template they start from (contract §12)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from incident_service.incidents import postmortem_draft, postmortems
from incident_service.incidents.timeline import Timeline
from incident_service.people.caller import Caller
from incident_service.quickstart import Provisioned
from tests.helpers import engines
from tests.helpers.plans import traced
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def incident(world: World) -> str:
    """The id of an incident that is resolved."""
    id: str = world.post().json["data"]["id"]
    assert world.call("POST", f"incidents/{id}/resolve").status_code == 200
    return id


def save(world: World, id: str, *, key: str | None = None, **body: Any) -> Any:
    return world.call("PUT", f"incidents/{id}/postmortem", {"body": "B", **body}, key=key)


def versions(world: World, id: str, **query: str) -> list[dict[str, Any]]:
    answer = world.call("GET", f"incidents/{id}/postmortem/versions", **query)
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["data"]["versions"]
    return found


def caller(world: World) -> Caller:
    return Caller(world.made.org_id, "key", None, "org:admin")


def draft(world: World, id: str) -> str:
    with world.database.read() as db:
        return postmortems.draft(db, caller(world), id, base_url="https://oncall.example.com")


def test_there_is_none_until_one_is_saved(world: World, incident: str) -> None:
    for path in ("postmortem", "postmortem.md", "postmortem/versions/1"):
        answer = world.call("GET", f"incidents/{incident}/{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert versions(world, incident) == []


def test_the_first_is_a_draft_by_whoever_saves_it(world: World, incident: str) -> None:
    answer = save(world, incident, body="# What we learned")
    saved = answer.json["data"]
    admin = {"id": world.made.user_id, "name": "Ada Admin"}
    assert answer.status_code == 200
    assert saved == {
        "id": saved["id"],
        "incidentId": incident,
        "body": "# What we learned",
        "status": "draft",
        "authorIds": [world.made.user_id],
        "authors": [admin],
        "version": 1,
        "savedBy": admin,
        "createdAt": saved["createdAt"],
        "updatedAt": saved["createdAt"],
    }
    assert world.call("GET", f"incidents/{incident}/postmortem").json["data"] == saved
    assert world.call("GET", "incidents/1/postmortem").json["data"] == saved
    text = world.call("GET", f"incidents/{incident}/postmortem.md")
    assert (text.text, text.content_type) == ("# What we learned", "text/markdown; charset=utf-8")


def test_a_key_without_a_user_writes_for_nobody(world: World, incident: str) -> None:
    key = world.make("api-keys", name="Script")
    saved = save(world, incident, key=key["key"]).json["data"]
    assert (saved["authorIds"], saved["savedBy"]) == ([], {"id": key["id"], "name": "Script"})


def test_what_is_left_out_or_null_stays(world: World, incident: str, member: str) -> None:
    save(world, incident, status="published", authorIds=["member", world.made.user_id])
    for left_out in ({}, {"status": None, "authorIds": None}):
        saved = save(world, incident, key=member, body=f"C{left_out}", **left_out).json["data"]
        assert saved["status"] == "published"
        assert saved["authorIds"] == ["member", world.made.user_id]
        assert saved["savedBy"]["id"] == "member"
    assert save(world, incident, status="draft", authorIds=[]).json["data"]["authorIds"] == []


def test_every_version_is_kept(world: World, incident: str) -> None:
    for n in range(1, 4):
        save(world, incident, body=f"Version {n}", status="published" if n == 2 else "draft")
    listed = versions(world, incident)
    assert [(each["number"], each["status"]) for each in listed] == [
        (3, "draft"),
        (2, "published"),
        (1, "draft"),
    ]
    assert all("body" not in each for each in listed)
    for n in range(1, 4):
        path = f"incidents/{incident}/postmortem/versions/{n}"
        whole = world.call("GET", path).json["data"]
        assert whole == {**listed[3 - n], "body": f"Version {n}"}
    latest = world.call("GET", f"incidents/{incident}/postmortem").json["data"]
    assert (latest["version"], latest["body"]) == (3, "Version 3")
    assert (latest["createdAt"], latest["updatedAt"]) == (
        listed[2]["savedAt"],
        listed[0]["savedAt"],
    )
    for number in ("4", "0", "501", "99999999999999999999", "x"):
        answer = world.call("GET", f"incidents/{incident}/postmortem/versions/{number}")
        assert answer.status_code == 404


def test_the_list_of_versions_goes_on(world: World, incident: str) -> None:
    for n in range(1, 4):
        save(world, incident, body=f"Version {n}")
    path = f"incidents/{incident}/postmortem/versions"
    first = world.call("GET", path, limit="2").json["data"]
    rest = world.call("GET", path, limit="2", cursor=first["nextCursor"]).json["data"]
    numbers = [each["number"] for part in (first, rest) for each in part["versions"]]
    assert (numbers, rest["nextCursor"]) == ([3, 2, 1], None)
    assert world.call("GET", path, cursor="x").json["code"] == "invalid_cursor"


def test_a_save_that_changes_nothing_makes_no_version(world: World, incident: str) -> None:
    first = save(world, incident).json["data"]
    assert save(world, incident).json["data"] == first
    assert len(versions(world, incident)) == 1


def test_nobody_can_change_or_delete_a_version(world: World, incident: str) -> None:
    save(world, incident)
    for statement in (
        "UPDATE postmortem_versions SET body = 'x'",
        "DELETE FROM postmortem_versions",
        "INSERT OR REPLACE INTO postmortem_versions SELECT * FROM postmortem_versions",
    ):
        if statement.startswith("INSERT OR") and engines.current is not None:
            continue  # a statement of SQLite's own
        with pytest.raises(engines.IntegrityError, match="append-only"):
            world.execute(statement)


def test_an_incident_that_is_open_cannot_have_one(world: World) -> None:
    id = world.post().json["data"]["id"]
    answer = save(world, id)
    assert (answer.status_code, answer.json["code"]) == (400, "incident_not_resolved")
    world.call("POST", f"incidents/{id}/resolve")
    saved = save(world, id).json["data"]
    world.call("POST", f"incidents/{id}/reopen")
    assert save(world, id, body="C").json["code"] == "incident_not_resolved"
    assert world.call("GET", f"incidents/{id}/postmortem").json["data"] == saved


def test_saving_one_confirms_a_provisional_incident(world: World) -> None:
    id = world.post().json["data"]["id"]
    tool = world.make("integrations/inbound", name="Tool", kind="generic")["id"]
    world.call("POST", f"incidents/{id}/resolve")
    world.execute("UPDATE incidents SET is_provisional = 1, integration_id = ?", tool)
    save(world, id)
    found = world.call("GET", f"incidents/{id}").json["data"]
    assert found["isProvisional"] is False
    assert found["auditTrail"][-1]["event"] == "incident_confirmed"


def test_authors_are_users_of_the_organization(
    world: World, incident: str, member: str, other_org: Provisioned
) -> None:
    for id in ("nobody", other_org.user_id):
        answer = save(world, incident, authorIds=[world.made.user_id, id])
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_author_id")
        assert id in answer.json["message"]
    assert versions(world, incident) == []
    save(world, incident, authorIds=["member"])
    assert world.call("DELETE", "users/member").status_code == 204
    saved = save(world, incident, body="C", authorIds=["member"]).json["data"]
    assert saved["authors"] == [{"id": "member", "name": "member@example.com"}]
    assert save(world, incident, authorIds=[]).status_code == 200
    assert save(world, incident, authorIds=["member"]).json["code"] == "invalid_author_id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"body": ...}, "body"),
        ({"body": None}, "body"),
        ({"body": ""}, "body"),
        ({"body": " \n"}, "body"),
        ({"body": "x" * 100_001}, "body"),
        ({"body": "a\0b"}, "body"),
        ({"status": "finished"}, "status"),
        ({"authorIds": ["a", "a"]}, "authorIds"),
        ({"authorIds": [f"{n}" for n in range(21)]}, "authorIds"),
        ({"authorIds": [""]}, "authorIds"),
        ({"title": "x"}, "title"),
    ],
)
def test_a_body_that_is_not_valid_names_its_fault(
    world: World, incident: str, body: dict[str, Any], field: str
) -> None:
    sent = {name: value for name, value in {"body": "B", **body}.items() if value is not ...}
    answer = world.call("PUT", f"incidents/{incident}/postmortem", sent)
    assert (answer.status_code, answer.json["code"]) == (400, "validation_error")
    assert [*answer.json["errors"]] == [field]


def test_a_body_may_be_as_long_as_the_contract_says(world: World, incident: str) -> None:
    body = "\U0001f600" * 100_000
    assert save(world, incident, body=body).json["data"]["body"] == body


def test_there_are_not_more_than_500_versions(world: World, incident: str) -> None:
    save(world, incident)
    world.execute(
        """
        WITH RECURSIVE counted(number) AS (
            SELECT 2 UNION ALL SELECT number + 1 FROM counted WHERE number < 500)
        INSERT INTO postmortem_versions
        SELECT org_id, incident_id, counted.number, id, counted.number, status, author_ids,
            saved_by, saved_by_name, saved_at
        FROM postmortem_versions, counted WHERE postmortem_versions.number = 1
        """
    )
    answer = save(world, incident, body="One more")
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_versions")
    assert save(world, incident, body="500").status_code == 200
    assert world.call("GET", f"incidents/{incident}/postmortem").json["data"]["version"] == 500


def test_who_save_at_once_make_versions_without_a_gap(world: World, incident: str) -> None:
    def save_one(n: int) -> int:
        values = {"body": f"By {n}"}
        saved = world.database.write(
            world.made.org_id, postmortems.save, caller(world), incident, values
        )
        return int(saved["number"])

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(save_one, range(12)))
    assert sorted(numbers) == list(range(1, 13))
    latest = world.call("GET", f"incidents/{incident}/postmortem").json["data"]
    assert latest["body"] == f"By {numbers.index(12)}"


def test_another_organization_finds_nothing(
    world: World, incident: str, other_org: Provisioned
) -> None:
    save(world, incident)
    for id in (incident, UNKNOWN, "1", "x"):
        for path in ("postmortem", "postmortem.md", "postmortem/versions", "timeline.md"):
            answer = world.call("GET", f"incidents/{id}/{path}", key=other_org.key)
            assert answer.status_code == 404, path
        assert save(world, id, key=other_org.key).status_code == 404
    world.call("PUT", "postmortem-template", {"body": "Ours"})
    theirs = world.call("GET", "postmortem-template", key=other_org.key).json["data"]
    assert theirs["isDefault"]


def test_the_audit_log_has_who_saved_what_without_the_text(world: World, incident: str) -> None:
    save(world, incident, body="SECRET")
    save(world, incident, body="SECRET too", status="published", authorIds=[])
    last, first = world.call("GET", "audit-events", resourceType="postmortem").json["data"][
        "auditEvents"
    ]
    by = [world.made.user_id]
    assert (first["action"], first["resourceId"], first["actorId"]) == ("created", incident, *by)
    assert first["after"] == {"status": "draft", "authorIds": by, "version": 1}
    assert last["before"] == first["after"]
    assert last["after"] == {"status": "published", "authorIds": [], "version": 2}
    assert "SECRET" not in str(world.rows("SELECT * FROM changes"))
    trail = world.call("GET", f"incidents/{incident}").json["data"]["auditTrail"]
    assert trail[-1]["event"] == "update_posted"


def test_admins_set_the_template_and_members_read_it(world: World, member: str) -> None:
    default = world.call("GET", "postmortem-template", key=member).json["data"]
    assert default == {"body": postmortem_draft.DEFAULT, "isDefault": True, "updatedAt": None}
    own = world.call("PUT", "postmortem-template", {"body": "Ours"}).json["data"]
    assert own == {"body": "Ours", "isDefault": False, "updatedAt": own["updatedAt"]}
    assert world.call("PUT", "postmortem-template", {"body": "Ours"}).json["data"] == own
    assert world.call("GET", "postmortem-template", key=member).json["data"] == own
    for method, body in (("PUT", {"body": "Mine"}), ("DELETE", ...)):
        assert world.call(method, "postmortem-template", body, key=member).status_code == 403
    for _ in range(2):
        assert world.call("DELETE", "postmortem-template").status_code == 204
    assert world.call("GET", "postmortem-template").json["data"] == default
    log = world.call("GET", "audit-events", resourceType="postmortem_template").json["data"]
    assert [event["action"] for event in log["auditEvents"]] == ["deleted", "changed"]
    for text in ("", " ", "x" * 20_001):
        assert world.call("PUT", "postmortem-template", {"body": text}).status_code == 400


def test_a_draft_is_the_template_filled(world: World, incident: str) -> None:
    text = draft(world, incident)
    assert text.startswith("# Incident 1: Payment service elevated error rate\n\n- **Severity**")
    assert "\n## Timeline\n\n- **" in text
    assert "{{" not in text
    assert save(world, incident, body=text).status_code == 200
    own = "{{ number }}: {{title}} {{title}} {{other}} {{ timeline"
    world.call("PUT", "postmortem-template", {"body": own})
    title = "Payment service elevated error rate"
    assert draft(world, incident) == f"1: {title} {title} {{{{other}}}} {{{{ timeline"


def test_what_fills_a_placeholder_is_not_filled_again() -> None:
    told = Timeline(7, "{{timeline}}", "S", "E")
    assert postmortem_draft.fill("{{title}}|{{timeline}}", told, at_most=99) == "{{timeline}}|E"


def test_a_draft_is_never_too_long(world: World, incident: str) -> None:
    world.call("PUT", "postmortem-template", {"body": "{{timeline}}" * 1_600})
    assert len(draft(world, incident)) == postmortems.MAX_BODY


@pytest.mark.sqlite_only("how it finds rows")
def test_reading_takes_as_many_statements_however_many_versions(
    world: World, incident: str
) -> None:
    def statements() -> int:
        with traced(world) as found:
            versions(world, incident)
            world.call("GET", f"incidents/{incident}/postmortem")
        return len(found)

    save(world, incident)
    few = statements()
    for n in range(10):
        save(world, incident, body=f"{n}")
    assert statements() == few
