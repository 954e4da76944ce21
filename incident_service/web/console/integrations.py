"""Settings: the tools that send alerts, `/settings/integrations` (contract §10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from incident_service.alerts import integrations, routing_policies
from incident_service.api.integrations import (
    InboundIntegrationBodySchema,
    InboundIntegrationSchema,
    NewInboundIntegrationSchema,
    SelectorsBodySchema,
)
from incident_service.database.engine import Connection
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_admins, settings, write
from incident_service.inbound.formats.generic import FIELDS
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.status import components
from incident_service.store import Row
from incident_service.web.console import amounts
from incident_service.web.console.chooser import Choice, Chooser
from incident_service.web.console.forms import Form, Raw
from incident_service.web.console.pages import act, arguments, go, render
from incident_service.web.console.tools import TOOLS, Tool

PAGE = 50

LABELS = {
    "name": "Name",
    "componentId": "Component",
    "routingPolicyId": "Routing policy",
    "defaultSeverity": "Severity",
    "severityMap": "The tool's words for a severity",
    "autoResolve": "Resolving",
    "resolveAfterSeconds": "Seconds to wait",
    "mapping": "Mapping",
    "everySeconds": "How often",
    "graceSeconds": "How late it may be",
    "selectors": "Selectors",
    "selectors[]": "Selector {}",
    "selectors[].routingPolicyId": "Selector {}: routing policy",
    "selectors[].matchers": "Selector {}: attributes",
    "selectors[].matchers[]": "Selector {}: attribute {}",
}

DURATIONS = ("everySeconds", "graceSeconds")

pages = Blueprint("integrations", __name__)


@pages.get("/settings/integrations")
def show() -> str:
    """List the integrations by name: when each last received, and what fires."""
    after = cursor.decode_name("integrations", arguments().get("cursor"))
    with database().read() as db:
        listed, end = integrations.get_slice(db, caller(), after=after, limit=PAGE)
    more = cursor.encode("integrations", end)
    counted = integrations.COUNTED_AT_MOST
    return render("integrations.html", integrations=listed, tools=TOOLS, more=more, counted=counted)


@pages.route("/settings/integrations/new", methods=["GET", "POST"])
@for_admins
def new() -> str | Response | tuple[str, int]:
    """Choose a tool; then make its integration, and show what to paste: it is not shown again."""
    tool = TOOLS.get(request.args.get("tool", ""))
    if tool is None:
        return render("integration_tools.html", tools=TOOLS)
    values = InboundIntegrationSchema().dump(integrations.DEFAULTS)
    if tool.kind == "heartbeat":
        values["graceSeconds"] = integrations.HEARTBEAT_GRACE_SECONDS
    values.update(tool.defaults)
    return _edit(tool, None, values)


@pages.get("/settings/integrations/<uuid_text:id>")
def one(id: str) -> str:
    """Show an integration."""
    with database().read() as db:
        integration = integrations.get(db, caller(), id)
        firing = integrations.count_firing(db, caller(), [id])[id]
        policies = {row["id"]: row for row in routing_policies.get_all(db, caller())}
        named = components.names(db, caller(), [integration["component_id"] or ""])
    return render(
        "integration.html",
        integration=integration,
        tool=TOOLS[integration["kind"]],
        firing=firing,
        counted=integrations.COUNTED_AT_MOST,
        policies=policies,
        default_policy=next(row for row in policies.values() if row["is_default"]),
        component=named.get(integration["component_id"]),
        address=settings().public_url,
        in_words=amounts.in_words,
    )


@pages.route("/settings/integrations/<uuid_text:id>/edit", methods=["GET", "POST"])
@for_admins
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change an integration; its kind stays."""
    with database().read() as db:
        integration = integrations.get(db, caller(), id)
    values = InboundIntegrationSchema().dump(integration)
    return _edit(TOOLS[integration["kind"]], integration, values)


@pages.route("/settings/integrations/<uuid_text:id>/selectors", methods=["GET", "POST"])
@for_admins
def selectors(id: str) -> str | Response | tuple[str, int]:
    """Give some of its alerts, by their attributes, a routing policy of their own."""
    with database().read() as db:
        integration = integrations.get(db, caller(), id)
        policies = _options(routing_policies.get_all(db, caller()))
    values = InboundIntegrationSchema(only=("selectors",)).dump(integration)
    form = Form(SelectorsBodySchema(), values, prepare=_with_selectors)
    body = form.read() if form.is_sent else None
    if body is not None and form.run(integrations.set_selectors, id, body["selectors"]):
        return go(url_for(".one", id=id), "The selectors are saved.")
    html = render(
        "integration_selectors.html",
        form=form,
        integration=integration,
        policies=policies,
        labels=LABELS,
        most=integrations.MAX_SELECTORS,
    )
    return html, form.status


@pages.post("/settings/integrations/<uuid_text:id>/token")
def rotate_token(id: str) -> str:
    """Give it a new token, and show what to paste: it is not shown again."""
    integration = write(integrations.rotate_token, id)
    return _paste(integration, TOOLS[integration["kind"]], is_new=False)


@pages.post("/settings/integrations/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete an integration, and resolve its alerts."""
    done = "The integration is deleted. Its alerts are resolved."
    return act(
        integrations.delete, id, back=url_for(".one", id=id), then=url_for(".show"), done=done
    )


def _create(db: Connection, who: Caller, values: Row, *, now: datetime) -> Row:
    return integrations.create(db, org_id=who.org_id, values=values, actor_id=who.actor_id, now=now)


def _paste(integration: Row, tool: Tool, *, is_new: bool = True) -> str:
    base_url, token = settings().public_url, integration["token"]
    return render(
        "integration_paste.html",
        integration=integration,
        tool=tool,
        paste=tool.filled_in(base_url, token),
        url=integrations.url_of(base_url, token),
        address=base_url,
        is_new=is_new,
    )


def _edit(
    tool: Tool, integration: Row | None, values: dict[str, Any]
) -> str | Response | tuple[str, int]:
    with database().read() as db:
        policies = _options(routing_policies.get_all(db, caller()))
        named = _options(components.get_names(db, caller()))
    chooser = Chooser(Choice(id, name) for id, name in named)

    def prepared(raw: Raw) -> Raw:
        chooser.take(raw, "componentId")
        return _prepared(raw)

    schema = InboundIntegrationBodySchema(partial=True) if integration else None
    form = Form(schema or NewInboundIntegrationSchema(), values, prepare=prepared)
    if chooser.is_clear(form, ["componentId"]) and form.is_sent:
        if integration is None and form.save(_create):
            return _paste(form.result, tool)
        if integration is not None and form.save(integrations.change, integration["id"]):
            return go(url_for(".one", id=integration["id"]), f"{form.result['name']} is saved.")
    for name in DURATIONS:
        if name in form.faults:  # in the units of the form
            form.faults[name] = [amounts.RANGES[name]]
    html = render(
        "integration_form.html",
        form=form,
        tool=tool,
        integration=integration,
        policies=policies,
        components=named,
        chooser=chooser,
        severities=[(word, word.capitalize()) for word in SEVERITIES],
        severity_lines=_severity_lines(form),
        fields=FIELDS,
        labels=LABELS,
        split=amounts.split,
        units=amounts.UNITS,
    )
    return html, form.status


def _options(rows: Iterable[Row]) -> list[tuple[str, str]]:
    return [(row["id"], row["name"]) for row in rows]


def _prepared(raw: Raw) -> Raw:
    """Return what was sent as the API has it."""
    component_ids = raw.get("componentId")
    if isinstance(component_ids, list):
        raw["componentId"] = component_ids[-1:]  # what is typed takes the place of the other
    lines = raw.get("severityMap")
    if isinstance(lines, list):
        raw["severityMap"] = _severity_map("\n".join(lines))
    mapping = raw.get("mapping")
    if isinstance(mapping, dict) and not any(map(any, mapping.values())):
        raw["mapping"] = []  # none at all
    for name in DURATIONS:
        if name in raw:
            raw[name] = amounts.joined(raw[name])
    return raw


def _with_selectors(raw: Raw) -> Raw:
    raw.setdefault("selectors", {})  # none is a list, too
    return raw


def _severity_map(text: str) -> Raw:
    """Return lines `word = severity` as the fields of a form; a line without `=` is a word."""
    pairs: Raw = {}
    for line in filter(str.strip, text.split("\n")):
        word, sign, severity = line.rpartition("=")
        pairs[(word if sign else line).strip()] = [severity.strip() or "none"]
    return pairs


def _severity_lines(form: Form) -> str:
    """Return what the form shows of the severity map, in lines."""
    if request.method == "POST":
        return request.form.get("severityMap", "").replace("\r\n", "\n")
    return "\n".join(f"{word} = {severity}" for word, severity in form.entries("severityMap"))
