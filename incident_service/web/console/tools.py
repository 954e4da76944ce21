"""What can send alerts, and what to paste into each tool: the guide's words, filled in (§10)."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from incident_service.alerts.kinds import Kind

GUIDE = "monitoring"

_GUIDE = files("incident_service").joinpath("docs", f"{GUIDE}.md")

_BASE, _TOKEN = "https://incidents.example.com", "TOKEN"
"""What the guide has in place of the service's address and of an integration's token."""

_URL = f"{_BASE}/in/{_TOKEN}"
_WITH_HEADER = f"{_BASE}/v1/alerts/in"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that sends alerts, or a way in which many do."""

    kind: Kind
    name: str
    about: str
    """When to choose it."""
    section: str
    """Its heading in the guide."""
    where: str
    """What to do in the tool."""
    values: Mapping[str, str]
    """What to enter there: by the name of the field, in the guide's spelling."""
    language: str = ""
    """Of the block of the section to paste; none if there is nothing to paste."""
    block: int = 0
    """Which of the blocks in that language it is."""
    called: str = ""
    """What to call its integration; a mapping of the guide has a name already."""

    @property
    def anchor(self) -> str:
        """Where its section begins in the guide."""
        return self.section.lower().replace(" ", "-")

    @property
    def defaults(self) -> dict[str, Any]:
        """What the guide gives its integration, in the API's words: a name, perhaps a mapping."""
        found = _blocks(self.section, "json")
        return json.loads(found[0]) if found else {"name": self.called, "kind": self.kind}

    def filled_in(self, base_url: str, token: str) -> Paste:
        """Return what to enter and to paste, with an integration's token."""
        ours = {_BASE: base_url, _TOKEN: token}

        def fill(text: str) -> str:
            return re.sub(f"{re.escape(_BASE)}|{_TOKEN}", lambda found: ours[found[0]], text)

        found = _blocks(self.section, self.language) if self.language else ()
        text = fill(found[self.block]) if found else ""
        return Paste({name: fill(value) for name, value in self.values.items()}, text)


@dataclass(frozen=True, slots=True)
class Paste:
    """What goes into a tool: values by their fields' names, and a text."""

    values: Mapping[str, str]
    text: str


TOOLS: Mapping[str, Tool] = {
    "alertmanager": Tool(
        "alertmanager",
        "Prometheus Alertmanager",
        "Prometheus, vmalert, Mimir or Loki, whose alerts go through an Alertmanager.",
        "Prometheus Alertmanager",
        "Paste this into alertmanager.yml, and reload Alertmanager.",
        {},
        "yaml",
        called="Prometheus",
    ),
    "grafana": Tool(
        "grafana",
        "Grafana",
        "Grafana's own alert rules, by a contact point.",
        "Grafana",
        "In Grafana: Alerting, Contact points, Add contact point, integration Webhook. Then choose "
        "it in the notification policy. The same as a file in provisioning/alerting/ is below.",
        {
            "URL": _WITH_HEADER,
            "HTTP method": "POST",
            "Authorization header: scheme": "Bearer",
            "Authorization header: credentials": _TOKEN,
            "Disable resolved message": "off",
        },
        "yaml",
        called="Grafana",
    ),
    "uptime_kuma": Tool(
        "uptime_kuma",
        "Uptime Kuma",
        "Monitors that go down and up.",
        "Uptime Kuma",
        "In Uptime Kuma: Settings, Notifications, Setup Notification, type Webhook. Either body "
        "preset will do. Choose Apply on all existing monitors.",
        {"Post URL": _URL, "Method": "POST"},
        called="Uptime Kuma",
    ),
    "healthchecks": Tool(
        "healthchecks",
        "Healthchecks",
        "Checks of healthchecks.io, or of your own Healthchecks.",
        "Healthchecks",
        "In Healthchecks: Integrations, Webhook, Add. Enter the same for down and for up, with "
        "this body:",
        {"URL": _URL, "Method": "POST"},
        "text",
        called="Healthchecks",
    ),
    "zabbix": Tool(
        "generic",
        "Zabbix",
        "Zabbix 6.0 or newer, by a media type of ours.",
        "Zabbix",
        "In Zabbix: Alerts, Media types, Import. Set the parameter of our media type, then follow "
        "the guide.",
        {"url": _URL},
    ),
    "sentry": Tool(
        "generic",
        "Sentry",
        "Errors in your programs.",
        "Sentry",
        "In Sentry: Settings, Developer Settings, New Internal Integration, with Alert Rule Action "
        "on and the webhook issue. Then add it as an action to your alert rules.",
        {"Webhook URL": _URL},
    ),
    "datadog": Tool(
        "generic",
        "Datadog",
        "Datadog's monitors, by a webhook.",
        "Datadog",
        "In Datadog: Integrations, Webhooks, New, with this payload and Encode as form off. Then "
        "name the webhook in the message of each monitor that should page.",
        {"URL": _URL},
        "json",
        1,
    ),
    "cloudwatch": Tool(
        "generic",
        "CloudWatch",
        "Alarms of AWS, which come through SNS.",
        "CloudWatch",
        "In AWS: SNS, Topics, Create topic, Standard; then Create subscription, protocol HTTPS. "
        "Confirm it as the guide says, and choose the topic for In alarm and for OK.",
        {"Endpoint": _URL},
    ),
    "heartbeat": Tool(
        "heartbeat",
        "Cron job",
        "A job that says “I am alive”. An alert opens if it does not in time.",
        "Cron jobs",
        "In the crontab, after the job, so that only its success counts. Any request to the "
        "address will do, from anywhere.",
        {"URL": _URL},
        "text",
    ),
    "generic": Tool(
        "generic",
        "Any JSON",
        "Your own scripts, and tools whose JSON you describe.",
        "Your own scripts",
        "The first opens an incident, the second resolves it.",
        {"URL": _URL},
        "sh",
    ),
    "pagerduty": Tool(
        "pagerduty",
        "PagerDuty-compatible",
        "Tools that know PagerDuty's Events API v2, and let you change its address.",
        "What speaks to PagerDuty",
        "Enter these where the tool asks for PagerDuty's. For Alertmanager, for one, paste this:",
        {"Integration URL": f"{_BASE}/v2/enqueue", "Integration Key": _TOKEN},
        "yaml",
    ),
    "opsgenie": Tool(
        "opsgenie",
        "Opsgenie-compatible",
        "Tools that know Opsgenie's alert API v2, and let you change its address.",
        "What speaks to Opsgenie",
        "Enter these where the tool asks for Opsgenie's. For Alertmanager, for one, paste this:",
        {"API URL": f"{_BASE}/", "API key": _TOKEN},
        "yaml",
    ),
}
"""Those that a person chooses from, in that order; each kind has one of its own name."""


@functools.cache
def _blocks(section: str, language: str) -> tuple[str, ...]:
    """Return the blocks of a section of the guide that are in a language, in their order."""
    text = _GUIDE.read_text(encoding="utf-8")
    body = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    return tuple(found)
