"""What each format yields: texts are clean, and an alert always has its keys (contract §10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.alerts.incoming import MAX_KEY, incoming_alert

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(["x" * 600, "\0"])


@given(dedup_key=ANY_TEXT.filter(bool), group_key=ANY_TEXT)
def test_an_alert_has_keys_that_can_be_stored(dedup_key: str, group_key: str) -> None:
    alert = incoming_alert("fire", dedup_key, group_key)
    for key in (alert.dedup_key, alert.group_key):
        assert 1 <= len(key) <= MAX_KEY
        assert "\0" not in key
        assert key.encode().decode() == key


def test_an_alert_without_a_group_is_a_group_of_its_own() -> None:
    alert = incoming_alert("fire", "key", "")
    assert alert.group_key == alert.dedup_key == "key"


def test_an_alert_without_a_dedup_key_is_refused() -> None:
    with pytest.raises(ValueError, match="dedup key"):
        incoming_alert("fire", "", "group")
