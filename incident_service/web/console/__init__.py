"""The console: the same service for people, at `/` (contract §11)."""

from __future__ import annotations

from flask import Flask

from incident_service.web.console import (
    alerts,
    audit,
    components,
    cover,
    home,
    incident_forms,
    incident_list,
    integration_checks,
    integrations,
    keys,
    layers,
    maintenance,
    me,
    new_incident,
    oidc,
    on_call,
    organization,
    overrides,
    pages,
    people,
    policies,
    postmortem_template,
    postmortems,
    reach,
    reports,
    routing,
    schedules,
    session_cookie,
    set_up,
    settings,
    sign_in,
    status_pages,
    subscriptions,
    working_hours,
)

_PAGES = (
    home.pages,
    on_call.pages,
    cover.pages,
    overrides.pages,
    schedules.pages,
    layers.pages,
    settings.pages,
    set_up.pages,
    policies.pages,
    working_hours.pages,
    routing.pages,
    components.pages,
    maintenance.pages,
    integrations.pages,
    integration_checks.pages,
    subscriptions.pages,
    status_pages.pages,
    organization.pages,
    people.pages,
    keys.pages,
    audit.pages,
    me.pages,
    reach.pages,
    incident_list.pages,  # with `incidents`
    incident_forms.pages,  # with `incident_acts`
    new_incident.pages,
    alerts.pages,
    reports.pages,
    postmortems.pages,
    postmortem_template.pages,
)
"""For those who have signed in; each is a room of its own."""


def install(app: Flask) -> None:
    """Add the console's routes."""
    session_cookie.install(app)
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(oidc.blueprint)
    pages.install(app, _PAGES)
    app.jinja_env.globals.update(warnings_of=set_up.warnings_of)
