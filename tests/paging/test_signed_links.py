"""Acknowledge links in the earlier form, which pages of before an upgrade carry (contract §8)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_service import clock, ids, quickstart
from incident_service.clock import format_instant
from incident_service.paging import signed_links
from tests.helpers.world import World

KEY = bytes(range(32))
NOW = datetime(2025, 4, 7, 8, 23, 11, tzinfo=UTC)
DAYS_7 = timedelta(days=7)
MILLISECOND = timedelta(milliseconds=1)
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
ORG, USER, INCIDENT = ids.new_org_id(), ids.new_user_id(), ids.new_id()

instants = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
user_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255)


def token(key: bytes, *, org_id: str, incident_id: str, user_id: str, now: datetime) -> str:
    """Return what a link ended with, as the service used to make it."""
    expires = (now + DAYS_7 - datetime(1970, 1, 1, tzinfo=UTC)) // MILLISECOND
    values = [expires, org_id, uuid.UUID(incident_id).hex, user_id]
    signed = signed_links.serializer(key).dumps(values)
    assert isinstance(signed, str)
    return signed_links.VERSION + signed


TOKEN = token(KEY, org_id=ORG, incident_id=INCIDENT, user_id=USER, now=NOW)


@given(st.uuids(), st.uuids(), user_ids, instants)
def test_a_token_stands_for_what_it_was_made_of(
    org: uuid.UUID, incident: uuid.UUID, user_id: str, now: datetime
) -> None:
    org_id, incident_id = f"org_{org.hex}", str(incident)
    made = token(KEY, org_id=org_id, incident_id=incident_id, user_id=user_id, now=now)
    assert signed_links.read(KEY, made) == {
        "org_id": org_id,
        "incident_id": incident_id,
        "user_id": user_id,
        "expires_at": format_instant(now + DAYS_7),
    }


def test_a_token_changed_in_one_character() -> None:
    for place, right in enumerate(TOKEN):
        for other in set(URL_SAFE + "=+/ é\ud800") - {right}:
            assert signed_links.read(KEY, TOKEN[:place] + other + TOKEN[place + 1 :]) is None


@given(st.text())
def test_what_is_no_token(text: str) -> None:
    for changed in (text, f"{TOKEN}{text or ' '}", f"{text or ' '}{TOKEN}"):
        assert signed_links.read(KEY, changed) is None


def test_parts_of_two_tokens_make_none() -> None:
    values = {"org_id": ORG, "incident_id": INCIDENT, "user_id": USER, "now": NOW}
    for change in (
        {"org_id": ids.new_org_id()},
        {"incident_id": ids.new_id()},
        {"user_id": ids.new_user_id()},
        {"now": NOW + MILLISECOND},
    ):
        other = token(KEY, **{**values, **change})  # type: ignore[arg-type]
        assert signed_links.read(KEY, other) not in (None, signed_links.read(KEY, TOKEN))
        mixed = other.rpartition(".")[0] + "." + TOKEN.rpartition(".")[2]
        assert signed_links.read(KEY, mixed) is None


def test_a_token_of_another_key() -> None:
    assert signed_links.read(bytes(32), TOKEN) is None


def test_each_file_has_a_key_of_its_own(world: World) -> None:
    with world.database.read() as db:
        first, again = signed_links.signing_key(db), signed_links.signing_key(db)
    assert len(first) == 32
    assert first == again != KEY


def link(world: World, incident_id: str, **changes: Any) -> str:
    """Return a path that ends with a token of the file's own key."""
    values = {
        "org_id": world.made.org_id,
        "incident_id": incident_id,
        "user_id": world.made.user_id,
        "now": clock.now(),
        **changes,
    }
    with world.database.read() as db:
        return "/ack/" + token(signed_links.signing_key(db), **values)


def test_a_signed_link_still_shows_and_acknowledges(world: World) -> None:
    id = world.post().json["data"]["id"]
    path = link(world, id)
    assert "Acknowledge" in world.client.get(path).text
    assert world.call("GET", f"incidents/{id}").json["data"]["acknowledgedBy"] is None
    assert world.client.post(path).status_code == 200
    found = world.call("GET", f"incidents/{id}").json["data"]
    assert found["acknowledgedBy"] == world.made.user_id


def test_a_signed_link_that_leads_nowhere(world: World, other_org: quickstart.Provisioned) -> None:
    id = world.post().json["data"]["id"]
    good = link(world, id)
    wrong = {
        good[:-1]: "not valid",
        f"{good}/": "not valid",
        link(world, id, now=clock.now() - DAYS_7): "expired",
        link(world, id, user_id="nobody"): "no longer there",
        link(world, id, user_id=other_org.user_id): "no longer there",
        link(world, id, org_id=other_org.org_id): "no longer there",
        link(world, id, org_id="org_none"): "no longer there",
        link(world, ids.new_id()): "no longer there",
    }
    for path, said in wrong.items():
        for method in ("GET", "POST"):
            answer = world.client.open(path, method=method)
            assert (answer.status_code, said in answer.text) == (404, True), path
