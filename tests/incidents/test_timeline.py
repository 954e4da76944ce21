"""`/v1/incidents/{id}/timeline.md`: the whole story as Markdown (contract §12)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from incident_service.clock import format_instant
from incident_service.incidents import lifecycle, timeline, updates
from incident_service.incidents import story as stories
from incident_service.incidents.timeline_words import Clock, Words
from incident_service.paging.page import Outcome
from incident_service.store import audit
from tests.helpers.clocks import write_at
from tests.helpers.plans import traced
from tests.helpers.rota import FAILED, SENT, START, Rota, at
from tests.helpers.world import World

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

OURS = {"bullet_list", "list_item", "paragraph", "heading", "blockquote", "inline"}
"""The blocks that a timeline is made of."""


def told(world: World, id: str) -> str:
    answer = world.call("GET", f"incidents/{id}/timeline.md")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/markdown; charset=utf-8"
    return str(answer.text)


def lines(world: World, id: str) -> list[str]:
    """Return the entries of a timeline, each with what is below it."""
    _, _, entries = told(world, id).partition("## Timeline\n\n")
    return re.split(r"\n(?=- )", entries.strip())


def summary(world: World, id: str) -> dict[str, str]:
    found = re.findall(r"^- \*\*(\w+)\*\*: (.*)$", told(world, id), re.MULTILINE)
    return dict(found)


def test_the_whole_story(rota: Rota) -> None:
    world, caller = rota.world, rota.caller
    id = rota.open(rota.policy(["b"]), owner="a")
    rota.fire(0)
    rota.deliver(0.5, SENT)
    write_at(at(4), world.database, lifecycle.acknowledge, caller, id)
    new = updates.NewUpdate("internal", "Rolled back.\nWatching.", "identified")
    write_at(at(10), world.database, updates.post, caller, id, new)
    write_at(at(90), world.database, updates.resolve, caller, id, "It was the cache.")
    text = told(world, id)
    assert text.startswith("# Incident 1: t\n\n- **Severity**: low\n")
    assert summary(world, id) == {
        "Severity": "low",
        "Status": "resolved",
        "Opened": "2025-04-02 10:00:00 UTC+00:00, by key",
        "Acknowledged": "after 4 minutes, by key",
        "Resolved": "after 1 hour 30 minutes, by key",
        "Owner": "a@example.com",
        "Components": "none",
        "Times": "in the zone UTC",
    }
    day = "2025-04-02"
    assert lines(world, id) == [
        f"- **{day} 10:00:00** (+0:00:00) key opened it as low, owned by a@example.com.",
        f"- **{day} 10:00:00** (+0:00:00) Layer 1 pages b@example.com.",
        f"- **{day} 10:00:30** (+0:00:30) Pages:\n"
        f"  - a@example.com was paged by hook: sent {day} 10:00:30.\n"
        f"  - b@example.com was paged by hook: sent {day} 10:00:30.",
        f"- **{day} 10:04:00** (+0:04:00) key **acknowledged** it.",
        f"- **{day} 10:10:00** (+0:10:00) key moved it from investigating to **identified**.\n\n"
        "  > Rolled back.  \n  > Watching.",
        f"- **{day} 11:30:00** (+1:30:00) key moved it from identified to **resolved**.\n\n"
        "  > It was the cache.",
    ]


def test_pages_that_failed_say_why(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    rota.deliver(1, FAILED)
    (page,) = [line for line in lines(rota.world, id) if "paged by" in line]
    assert "was paged by hook: **failed**, last 2025-04-02 10:01:00: " in page
    assert page.endswith("503 Service Unavailable. It is tried again.")
    rota.deliver(30, Outcome(False, "*gone* <b>", permanent=True))
    (page,) = [line for line in lines(rota.world, id) if "paged by" in line]
    assert page.endswith(r"\*gone\* \<b>. It is not tried again.")


def test_a_text_that_was_redacted_is_not_told(world: World) -> None:
    id = world.post().json["data"]["id"]
    posted = world.make(f"incidents/{id}/updates", visibility="internal", body="SECRET")
    assert "> SECRET" in told(world, id)
    world.call("POST", f"incidents/{id}/updates/{posted['id']}/redact")
    assert "SECRET" not in told(world, id)
    assert "The text was removed by Ada Admin" in told(world, id)


def test_public_and_internal_updates_are_told_apart(world: World) -> None:
    shown = [world.made.component_id]
    world.make("status-pages", slug="status", title="S", published=True, componentIds=shown)
    id = world.post().json["data"]["id"]
    for visibility in ("internal", "public"):
        world.make(f"incidents/{id}/updates", visibility=visibility, body="Text")
    posted = [line for line in lines(world, id) if "posted" in line]
    assert "posted an internal update." in posted[0]
    assert "posted a public update." in posted[1]


def test_alerts_are_links_to_the_console(world: World) -> None:
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    alert = {"title": "Disk [full](x)", "severity": "critical", "dedupKey": "d"}
    world.client.post(f"/in/{tool['token']}", json=alert)
    ((id, incident),) = [
        (row["id"], row["incident_id"]) for row in world.rows("SELECT * FROM alerts")
    ]
    (joined,) = [line for line in lines(world, incident) if "Alerts joined" in line]
    assert rf"[Disk \[full\](x)](<http://127.0.0.1:8000/alerts/{id}>)" in joined
    children: Any = PARSER.parse(joined)[3].children
    assert [each.attrs["href"] for each in children if each.type == "link_open"] == [
        f"http://127.0.0.1:8000/alerts/{id}"
    ]


def test_times_are_in_the_organizations_zone_and_say_where_its_clocks_change(rota: Rota) -> None:
    world, caller = rota.world, rota.caller
    world.call("PATCH", "organization", {"timezone": "Europe/Berlin"})
    id = rota.open(None, owner="y")
    weeks = timedelta(weeks=30)
    write_at(START + weeks, world.database, lifecycle.acknowledge, caller, id)
    write_at(START + weeks + timedelta(1), world.database, updates.resolve, caller, id, None)
    assert summary(world, id)["Opened"].startswith("2025-04-02 12:00:00 UTC+02:00")
    assert summary(world, id)["Times"] == "in the zone Europe/Berlin"
    _, *_, acknowledged, resolved = lines(world, id)
    assert acknowledged.startswith("- **2025-10-29 11:00:00 UTC+01:00** (+210d 0:00:00)")
    assert resolved.startswith("- **2025-10-30 11:00:00** (+211d 0:00:00)")


def append(world: World, id: str, count: int, **details: Any) -> None:
    """Add so many events to an incident's trail."""
    incident = {"org_id": world.made.org_id, "id": id}

    def add(db: Any, **at: Any) -> None:
        for _ in range(count):
            audit.append(
                db,
                incident,
                "layer_skipped",
                {"position": 1, "reason": "nobody is on call", **details},
                actor_id=None,
                at=format_instant(START),
            )

    world.database.write(world.made.org_id, add)


def test_of_a_long_story_the_latest_part_is_told(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    (before,) = [row["n"] for row in rota.world.rows("SELECT count(*) AS n FROM audit_events")]
    append(rota.world, id, 1000)
    first, *later = lines(rota.world, id)
    assert len(later) == timeline.EVENTS
    assert before == 1
    assert first == "- *1 earlier event is left out. The audit trail has it.*"


def test_a_timeline_has_so_many_characters(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    append(rota.world, id, 20, reason="<" * 5_000)
    with rota.world.database.read() as db:
        told = timeline.tell(db, rota.caller, id, base_url="", at_most=50_000)
    assert 40_000 < len(told.events) < 55_000
    assert told.events.startswith("- *17 earlier events are left out.")
    assert told.events.count("passed over") == 4


def test_long_updates_are_left_out_with_what_came_before(rota: Rota) -> None:
    world, id = rota.world, rota.open(None, owner="a")
    for n in range(60):
        new = updates.NewUpdate("internal", f"{n} {'x' * 9_990}")
        write_at(at(n), world.database, updates.post, rota.caller, id, new)
    first, *others = lines(world, id)
    assert "earlier events are left out" in first
    assert len(others) == 39  # of 10,000 characters, and their lines are longer
    assert "> 59 x" in others[-1]


def delete_trails(world: World) -> None:
    world.execute("UPDATE retention SET kept_from = '9999-01-01T00:00:00.000Z'")
    world.execute("DELETE FROM audit_events")


def test_what_retention_deleted_is_said_to_be_deleted(rota: Rota) -> None:
    world, id = rota.world, rota.open(None, owner="a")
    write_at(at(1), world.database, updates.resolve, rota.caller, id, None)
    delete_trails(world)
    (line,) = lines(world, id)
    assert line == "- *What happened until then was deleted: history is kept for a limited time.*"
    assert summary(world, id)["Resolved"] == "after 1 minute, by key"
    append(world, id, 1)
    assert len(lines(world, id)) == 2


def test_events_that_are_left_out_are_not_said_to_be_on_a_trail_that_was_deleted(
    rota: Rota,
) -> None:
    world, id = rota.world, rota.open(None, owner="a")
    for n in range(3):
        new = updates.NewUpdate("internal", f"{n} {'x' * 5_000}")
        write_at(at(n), world.database, updates.post, rota.caller, id, new)

    def first_line(at_most: int) -> str:
        with world.database.read() as db:
            told = timeline.tell(db, rota.caller, id, base_url="", at_most=at_most)
        return told.events.splitlines()[0]

    assert first_line(12_000) == "- *2 earlier events are left out. The audit trail has them.*"
    write_at(at(4), world.database, updates.resolve, rota.caller, id, None)
    delete_trails(world)
    world.execute("UPDATE incidents SET trail_deleted_at = '2030-01-01T00:00:00.000Z'")
    assert first_line(12_000) == (
        "- *1 earlier event is left out. "
        "The audit trail was deleted: history is kept for a limited time.*"
    )


@pytest.mark.sqlite_only("how it finds rows")
def test_it_is_read_by_as_many_statements_however_long_it_is(rota: Rota) -> None:
    world, id = rota.world, rota.open(None, owner="a")

    def statements() -> int:
        with traced(world) as found:
            told(world, id)
        return len(found)

    world.make(f"incidents/{id}/updates", visibility="internal", body="One")
    few = statements()
    for n in range(30):
        world.make(f"incidents/{id}/updates", visibility="internal", body=f"{n} {'x' * 9_000}")
    assert statements() == few


TEXTS = st.text(
    st.sampled_from("#>+-=*_`~[]()!<&|\\:.1ab \n\u2028\u202e")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    min_size=1,
    max_size=40,
).filter(lambda text: any(character.isalnum() for character in text))


@given(title=TEXTS, note=TEXTS, posted=TEXTS, alert=TEXTS, person=TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_text_of_people_or_tools_becomes_anything_but_text(
    title: str, note: str, posted: str, alert: str, person: str
) -> None:
    update = {"redacted_at": None, "body": posted}
    entries = [
        stories.Entry(
            4,
            "2025-04-02T10:04:00.000Z",
            "incident_edited",
            "p",
            {"before": {"title": title}, "after": {"title": "t"}},
        ),
        stories.Entry(3, "2025-04-02T10:03:00.000Z", "status_changed", "p",
                      {"before": "monitoring", "after": "resolved"}, note=note),
        stories.Entry(2, "2025-04-02T10:02:00.000Z", "alert_attached", None, {"alertIds": ["a"]}),
        stories.Entry(1, "2025-04-02T10:01:00.000Z", "update_posted", "p",
                      {"visibility": "public"}, update=update),
    ]  # fmt: skip
    story = stories.Story(entries, {"p": person}, {}, {}, {"a": {"title": alert}}, None)
    words = Words(story, "https://oncall.example.com", Clock("UTC"))
    text = "\n".join(f"- {words.text(entry)}" for entry in reversed(entries))
    tokens: Any = PARSER.parse(text)
    assert {re.sub("_(open|close)$", "", token.type) for token in tokens} <= OURS
    children = [child for token in tokens for child in token.children or ()]
    kinds = {"text", "softbreak", "hardbreak", "strong_open", "strong_close"}
    assert {child.type for child in children} <= kinds | {"link_open", "link_close"}
    links = [child.attrs["href"] for child in children if child.type == "link_open"]
    assert links == ["https://oncall.example.com/alerts/a"]
    said = "".join(child.content or "\n" for child in children)
    for written in (title, note, posted, alert, person):
        plain = re.sub("[\u202a-\u202e\u2066-\u2069]", "", written)
        assert "".join(plain.split()) in "".join(said.split())


@pytest.mark.parametrize(
    ("seconds", "in_words", "as_clock"),
    [
        (0, "less than a second", "0:00:00"),
        (1, "1 second", "0:00:01"),
        (72, "1 minute 12 seconds", "0:01:12"),
        (3_600, "1 hour", "1:00:00"),
        (3_661, "1 hour 1 minute", "1:01:01"),
        (86_460, "1 day", "1d 0:01:00"),
        (200_000, "2 days 7 hours", "2d 7:33:20"),
    ],
)
def test_durations(seconds: int, in_words: str, as_clock: str) -> None:
    begins, ends = format_instant(START), format_instant(START + timedelta(seconds=seconds))
    assert timeline.duration(begins, ends) == in_words
    assert timeline.elapsed(begins, ends) == as_clock


def test_every_event_of_the_trail_has_words() -> None:
    details = {
        "severity": "low", "before": [], "after": [], "until": format_instant(START),
        "userIds": ["a", "b"], "userId": "a", "position": 1, "reason": "r", "alertIds": ["x"],
        "visibility": "public",
    }  # fmt: skip
    story = stories.Story([], {}, {}, {}, {}, None)
    words = Words(story, "", Clock("UTC"))
    for event in audit.EVENTS:
        if event in ("page_sent", "page_failed"):  # they are told as pages
            continue
        of_event = dict(details)
        if event == "incident_edited":
            of_event |= {"before": {"title": "t"}, "after": {"title": "u", "severity": "low"}}
        if event == "incident_handed_off":
            of_event |= {"before": "a", "after": None}
        entry = stories.Entry(1, format_instant(START), event, None, of_event)
        assert re.fullmatch(r"[A-Z*].*\.", words.text(entry))
