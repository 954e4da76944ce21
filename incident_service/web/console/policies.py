"""Settings: escalation policies, `/settings/policies` (contract §5)."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.policies import EscalationPolicyBodySchema, WholeEscalationPolicySchema
from incident_service.database.engine import Connection
from incident_service.http import cursor
from incident_service.http.acting import caller, database, settings
from incident_service.oncall import schedules, working_hours
from incident_service.paging import policies, reach
from incident_service.people import users
from incident_service.web.console import chooser
from incident_service.web.console.forms import Form, Raw
from incident_service.web.console.pages import act, arguments, go, now, render

PAGE = 25

WAIT = "escalateAfterSeconds"

LABELS = {
    "name": "Name",
    "description": "Description",
    "repeat": "Repeats",
    "steps": "Steps",
    "steps[]": "Step {}",
    "steps[].targetType": "Step {}: whom to page",
    "steps[].targetId": "Step {}: schedule",
    "steps[].userIds": "Step {}: people",
    f"steps[].{WAIT}": "Step {}: minutes to wait",
    "steps[].condition": "Step {}: when it takes part",
}

_MINUTES = re.compile(r"\s*(-?[0-9]{1,9}(?:[.,][0-9]{1,3})?)\s*")

pages = Blueprint("policies", __name__)


@pages.get("/settings/policies")
def show() -> str:
    """List the policies by name, and whom each would page now."""
    after = cursor.decode_name("policies", arguments().get("cursor"))
    with database().read() as db:
        listed, end = policies.get_slice(db, caller(), after=after, limit=PAGE)
        reached = _reached(db, [policy["id"] for policy in listed])
    more = cursor.encode("policies", end)
    return render("policies.html", policies=listed, reached=reached, more=more)


@pages.get("/settings/policies/<uuid_text:id>")
def one(id: str) -> str:
    """Show a policy: its steps, whom each would page now, and what uses it."""
    with database().read() as db:
        policy = policies.get(db, caller(), id)
        reached = _reached(db, [id])[id]
        uses = policies.uses(db, caller(), id)
    steps = zip(policy["layers"], reached.layers, strict=True)
    return render(
        "policy.html",
        policy=policy,
        reached=reached,
        steps=[*steps],
        uses=uses,
        uses_at_most=policies.USES_AT_MOST,
    )


@pages.route("/settings/policies/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Make a policy."""
    return _edit(None, {"repeat": 0})


@pages.route("/settings/policies/<uuid_text:id>/edit", methods=["GET", "POST"])
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change a policy and its steps."""
    with database().read() as db:
        policy = policies.get(db, caller(), id)
    return _edit(policy, WholeEscalationPolicySchema().dump(policy))


@pages.post("/settings/policies/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete a policy."""
    here, done = url_for(".one", id=id), "The escalation policy is deleted."
    return act(policies.delete, id, back=here, then=url_for(".show"), done=done)


def _reached(db: Connection, ids: list[str]) -> dict[str, reach.Reach]:
    by_email = bool(settings().smtp_url)
    return reach.of_policies(db, caller(), ids, by_email=by_email, now=now())


def _edit(policy: dict[str, Any] | None, values: dict[str, Any]) -> Response | tuple[str, int]:
    with database().read() as db:
        people = chooser.people(users.get_all(db, caller()), users.display_name)
        on_call = [(row["id"], row["name"]) for row in schedules.get_all(db, caller())]
        hours = [(row["id"], row["name"]) for row in working_hours.get_all(db, caller())]
    form = Form(EscalationPolicyBodySchema(), values, prepare=lambda raw: _prepared(raw, people))
    fields = [f"steps[{n}].userIds" for n in form.rows("steps", 0)]
    if people.is_clear(form, fields) and form.is_sent and _save(form, policy):
        name, id = form.result["name"], form.result["id"]
        return go(url_for(".one", id=id), f"{name} is saved." if policy else f"{name} is there.")
    html = render(
        "policy_form.html",
        form=form,
        policy=policy,
        people=people,
        schedules=on_call,
        hours=hours,
        labels=LABELS,
        minutes=_minutes,
        max_steps=policies.MAX_LAYERS,
    )
    return html, form.status


def _save(form: Form, policy: dict[str, Any] | None) -> bool:
    if form.save(policies.replace, policy["id"]) if policy else form.save(policies.create):
        return True
    for name in form.faults:
        if name.endswith(WAIT):  # in the unit of the form
            form.faults[name] = ["Must be from 1 to 10,080 minutes, which is a week."]
    return False


def _prepared(raw: Raw, people: chooser.Chooser) -> Raw:
    """Return what was sent as the API has it; without steps, there are none."""
    steps = raw.setdefault("steps", {})
    for step in steps.values() if isinstance(steps, dict) else ():
        if isinstance(step, dict):
            _prepare_step(step, people)
    return raw


def _prepare_step(step: dict[str, Any], people: chooser.Chooser) -> None:
    if _text(step, "targetType") == "users":
        people.take(step, "userIds")
        step.pop("targetId", None)
    else:
        step.pop("userIds", None)
        step.pop("userIds" + chooser.TYPED, None)
    if "minutes" in step:
        step[WAIT] = [_seconds(_text(step, "minutes"))]
        del step["minutes"]
    when, _, hours_id = _text(step, "condition").partition(":")
    if isinstance(step.get("condition"), list):
        del step["condition"]
    if hours_id:
        step["condition"] = {"workingHoursId": [hours_id], "when": [when]}


def _text(step: dict[str, Any], name: str) -> str:
    texts = step.get(name)
    return str(texts[-1]) if isinstance(texts, list) and texts else ""


def _seconds(text: str) -> str:
    """Return minutes that were typed in seconds; the text itself if it is no number."""
    found = _MINUTES.fullmatch(text)
    return str(round(float(found[1].replace(",", ".")) * 60)) if found else text


def _minutes(text: str) -> str:
    """Return seconds in minutes; the text itself if it is no number."""
    found = re.fullmatch(r"-?[0-9]{1,12}", text)
    return f"{int(text) / 60:.2f}".rstrip("0").rstrip(".") if found else text
