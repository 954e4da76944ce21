"""How a form reads what a browser sends: its names, its rows, and what no browser sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import marshmallow as ma
import pytest
from flask.testing import FlaskClient

from incident_service.web.console import forms, pages
from incident_service.web.console.forms import Form
from tests.helpers.console import forgery_token, signed_in
from tests.helpers.world import World

FORM = "application/x-www-form-urlencoded"


class _StepSchema(ma.Schema):
    after = ma.fields.Integer()


class _PlanSchema(ma.Schema):
    name = ma.fields.String()
    steps = ma.fields.List(ma.fields.Nested(_StepSchema))


def sent(world: World, fields: dict[str, Any]) -> Form:
    """Return the form as it reads the fields."""
    with world.app.test_request_context("/", method="POST", data=fields):
        form = Form(_PlanSchema())
        form.result = form.read()
        return form


@pytest.fixture
def browser(world: World) -> Iterator[FlaskClient]:
    yield signed_in(world)


def test_rows_keep_their_order_however_many_they_are(world: World) -> None:
    form = sent(world, {f"steps[{number}].after": str(number) for number in range(25)})
    assert form.result == {"steps": [{"after": number} for number in range(25)]}


def test_rows_that_are_sent_in_another_order_are_read_by_their_numbers(world: World) -> None:
    form = sent(world, {f"steps[{number}].after": str(number) for number in (11, 2, 10)})
    assert form.result == {"steps": [{"after": number} for number in (2, 10, 11)]}


@pytest.mark.parametrize("name", ["steps[x]", "steps[", "steps[-1]", "steps[²]", "a]", ".a", ""])
def test_a_name_that_no_field_can_have_is_not_understood(browser: FlaskClient, name: str) -> None:
    token = forgery_token(browser, "/me/names")
    answer = browser.post("/me/names", data={"csrf_token": token, name: "x"})
    assert answer.status_code == 400
    assert "This was not understood" in answer.text


@pytest.mark.parametrize(
    "name", ["a" + ".a" * 10_000, "steps" + "[0]" * 10_000, "firstName" + ".a" * 10], ids=len
)
def test_nor_is_one_that_is_too_deep(browser: FlaskClient, name: str) -> None:
    token = forgery_token(browser, "/me/names")
    answer = browser.post("/me/names", data={"csrf_token": token, name: "x"})
    assert answer.status_code == 400
    assert "This was not understood" in answer.text


def test_a_form_of_very_many_fields_is_refused_before_it_is_read(browser: FlaskClient) -> None:
    token = forgery_token(browser, "/me/names")
    most = pages.MAX_FIELDS
    for count, status in ((most, 400), (most + 1, 413), (200_000, 413)):
        body = "&".join([f"csrf_token={token}", *["a"] * (count - 1)])
        answer = browser.post("/me/names", data=body, content_type=FORM)
        assert answer.status_code == status
    assert "<h1>" in answer.text


def test_a_list_has_at_most_so_many_rows(world: World) -> None:
    form = sent(world, {"steps[999].after": "1", "_add": "steps"})
    assert form.rows("steps") == range(2)
    form = sent(world, {f"steps[{number}].after": "1" for number in range(999)})
    assert form.rows("steps") == range(forms.MAX_ROWS)
