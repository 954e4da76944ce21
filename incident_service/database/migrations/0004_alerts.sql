-- Alerts: what monitoring sends, how it is routed, and maintenance windows. A table is built again if a
-- key or a check of it allows more.

-- Triggers of other tables name `organizations`, which is not there while it is built again.
PRAGMA legacy_alter_table = ON;

CREATE TABLE new_organizations (
    id                           TEXT NOT NULL PRIMARY KEY CHECK (id LIKE 'org\_%' ESCAPE '\'),
    name                         TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    timezone                     TEXT NOT NULL DEFAULT 'UTC',  -- an IANA name
    default_escalation_policy_id TEXT,
    last_incident_number         INTEGER NOT NULL DEFAULT 0,
    last_incident_at             TEXT NOT NULL DEFAULT '',
    clock_setback_ms             INTEGER NOT NULL DEFAULT 0,
    public_revision              INTEGER NOT NULL DEFAULT 0,
    created_at                   TEXT NOT NULL,
    FOREIGN KEY (id, default_escalation_policy_id) REFERENCES escalation_policies (org_id, id)
) STRICT;
INSERT INTO new_organizations (
    id, name, last_incident_number, last_incident_at, clock_setback_ms, public_revision,
    created_at)
SELECT
    id, name, last_incident_number, last_incident_at, clock_setback_ms, public_revision,
    created_at
FROM organizations;
DROP TABLE organizations;
ALTER TABLE new_organizations RENAME TO organizations;

CREATE TABLE component_names (
    org_id       TEXT NOT NULL,
    name_key     TEXT NOT NULL CHECK (length(name_key) <= 765),  -- of 255 characters, folded
    component_id TEXT NOT NULL,
    PRIMARY KEY (org_id, name_key, component_id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX component_names_by_component ON component_names (org_id, component_id);
INSERT INTO component_names (org_id, name_key, component_id)
SELECT org_id, casefold(name), id FROM components WHERE deleted_at IS NULL
UNION
SELECT component.org_id, casefold(alias.value), component.id
FROM components AS component, json_each(component.aliases) AS alias
WHERE component.deleted_at IS NULL;

CREATE TABLE routing_policies (
    org_id      TEXT NOT NULL REFERENCES organizations (id),
    id          TEXT NOT NULL,
    name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description TEXT,
    is_default  INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL,
    deleted_at  TEXT,
    PRIMARY KEY (org_id, id)
) STRICT;
CREATE UNIQUE INDEX routing_policies_name ON routing_policies (org_id, name)
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX routing_policies_default ON routing_policies (org_id) WHERE is_default;

CREATE TABLE routing_rules (
    org_id               TEXT NOT NULL,
    routing_policy_id    TEXT NOT NULL,
    ordinal              INTEGER NOT NULL CHECK (ordinal BETWEEN 0 AND 3),
    severity             TEXT NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    outcome              TEXT NOT NULL
        CHECK (outcome IN ('incident', 'provisional_page', 'notification', 'drop')),
    escalation_policy_id TEXT,
    PRIMARY KEY (org_id, routing_policy_id, severity),
    FOREIGN KEY (org_id, routing_policy_id) REFERENCES routing_policies (org_id, id),
    FOREIGN KEY (org_id, escalation_policy_id) REFERENCES escalation_policies (org_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX routing_rules_by_escalation_policy ON routing_rules (org_id, escalation_policy_id)
    WHERE escalation_policy_id IS NOT NULL;

CREATE TABLE integrations (
    org_id                TEXT NOT NULL REFERENCES organizations (id),
    id                    TEXT NOT NULL,
    name                  TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    kind                  TEXT NOT NULL CHECK (kind IN (
        'alertmanager', 'grafana', 'pagerduty', 'opsgenie', 'uptime_kuma', 'healthchecks',
        'generic', 'heartbeat')),
    component_id          TEXT,
    routing_policy_id     TEXT,  -- null: the default one
    default_severity      TEXT NOT NULL
        CHECK (default_severity IN ('critical', 'high', 'medium', 'low')),
    severity_map          TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(severity_map)),
    auto_resolve          INTEGER NOT NULL CHECK (auto_resolve IN (0, 1)),
    resolve_after_seconds INTEGER NOT NULL CHECK (resolve_after_seconds BETWEEN 0 AND 3600),
    mapping               TEXT CHECK (mapping IS NULL OR json_valid(mapping)),
    every_seconds         INTEGER CHECK (every_seconds BETWEEN 60 AND 2592000),
    grace_seconds         INTEGER CHECK (grace_seconds BETWEEN 0 AND 86400),
    token_hash            TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    receipts              INTEGER NOT NULL DEFAULT 0,
    last_received_at      TEXT,
    created_at            TEXT NOT NULL,
    updated_at            TEXT NOT NULL,
    deleted_at            TEXT,
    PRIMARY KEY (org_id, id),
    CHECK ((kind = 'heartbeat') = (every_seconds IS NOT NULL)),
    CHECK ((kind = 'heartbeat') = (grace_seconds IS NOT NULL)),
    CHECK (mapping IS NULL OR kind = 'generic'),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id),
    FOREIGN KEY (org_id, routing_policy_id) REFERENCES routing_policies (org_id, id)
) STRICT;
CREATE UNIQUE INDEX integrations_name ON integrations (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX integrations_by_component ON integrations (org_id, component_id)
    WHERE component_id IS NOT NULL;
CREATE INDEX integrations_by_routing_policy ON integrations (org_id, routing_policy_id)
    WHERE routing_policy_id IS NOT NULL;

CREATE TABLE integration_selectors (
    org_id            TEXT NOT NULL,
    integration_id    TEXT NOT NULL,
    ordinal           INTEGER NOT NULL CHECK (ordinal >= 0),
    matchers          TEXT NOT NULL CHECK (json_valid(matchers)),
    routing_policy_id TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id, ordinal),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id),
    FOREIGN KEY (org_id, routing_policy_id) REFERENCES routing_policies (org_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX integration_selectors_by_routing_policy
    ON integration_selectors (org_id, routing_policy_id);

CREATE TABLE receipts (
    org_id         TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    slot           INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 49),
    id             TEXT NOT NULL,
    received_at    TEXT NOT NULL,
    status         INTEGER NOT NULL,  -- the HTTP status of the answer
    body           TEXT NOT NULL CHECK (length(body) <= 8192),
    result         TEXT NOT NULL CHECK (json_valid(result)),
    PRIMARY KEY (org_id, integration_id, slot),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_age ON receipts (received_at);

CREATE TABLE new_incidents (
    org_id               TEXT NOT NULL REFERENCES organizations (id),
    id                   TEXT NOT NULL,
    sequential_id        INTEGER NOT NULL CHECK (sequential_id >= 1),
    title                TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
    description          TEXT CHECK (length(description) <= 10000),
    severity             TEXT NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    status               TEXT NOT NULL
        CHECK (status IN ('investigating', 'identified', 'monitoring', 'resolved')),
    owner_id             TEXT,
    owner_schedule_id    TEXT,
    escalation_policy_id TEXT,
    acknowledged_at      TEXT,
    acknowledged_by      TEXT,
    handed_off_at        TEXT,
    is_paged             INTEGER NOT NULL DEFAULT 0 CHECK (is_paged IN (0, 1)),
    resolved_at          TEXT,
    is_public            INTEGER NOT NULL DEFAULT 1 CHECK (is_public IN (0, 1)),
    public_title         TEXT CHECK (length(public_title) BETWEEN 1 AND 100),
    is_provisional       INTEGER NOT NULL DEFAULT 0 CHECK (is_provisional IN (0, 1)),
    is_storm             INTEGER NOT NULL DEFAULT 0 CHECK (is_storm IN (0, 1)),
    is_left_to_people    INTEGER NOT NULL DEFAULT 0 CHECK (is_left_to_people IN (0, 1)),
    integration_id       TEXT,
    created_by           TEXT NOT NULL,  -- a user's id, an integration's, or a key's without a user
    created_at           TEXT NOT NULL,
    latest_at            TEXT NOT NULL,  -- the latest created_at up to here: it never falls
    updated_at           TEXT NOT NULL,
    public_updated_at    TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, sequential_id),
    FOREIGN KEY (org_id, owner_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, owner_schedule_id) REFERENCES schedules (org_id, id),
    FOREIGN KEY (org_id, escalation_policy_id) REFERENCES escalation_policies (org_id, id),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id)
) STRICT;
INSERT INTO new_incidents (
    org_id, id, sequential_id, title, description, severity, status, owner_id,
    owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, handed_off_at,
    is_paged, resolved_at, is_public, public_title, created_by, created_at, latest_at,
    updated_at, public_updated_at)
SELECT
    org_id, id, sequential_id, title, description, severity, status, owner_id,
    owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, handed_off_at,
    is_paged, resolved_at, is_public, public_title, created_by, created_at, latest_at,
    updated_at, public_updated_at
FROM incidents;
DROP TABLE incidents;
ALTER TABLE new_incidents RENAME TO incidents;
CREATE INDEX incidents_by_status ON incidents (org_id, status, sequential_id);
CREATE INDEX incidents_by_severity ON incidents (org_id, severity, sequential_id);
CREATE INDEX incidents_by_owner ON incidents (org_id, owner_id, sequential_id)
    WHERE owner_id IS NOT NULL;
CREATE INDEX incidents_by_resolution ON incidents (org_id, resolved_at)
    WHERE resolved_at IS NOT NULL;
CREATE INDEX incidents_by_integration ON incidents (org_id, integration_id, sequential_id)
    WHERE integration_id IS NOT NULL;
CREATE INDEX incidents_storms ON incidents (org_id, integration_id, sequential_id) WHERE is_storm;
CREATE TRIGGER incidents_are_public
AFTER UPDATE OF
    title, severity, status, is_public, is_provisional, public_title, public_updated_at
ON incidents
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;

CREATE TABLE new_audit_events (
    org_id      TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    number      INTEGER NOT NULL,  -- 1, 2, 3 ... of each incident
    id          TEXT NOT NULL,
    event       TEXT NOT NULL CHECK (event IN (
        'incident_opened', 'incident_edited', 'status_changed', 'components_changed',
        'page_sent', 'page_failed', 'incident_acknowledged', 'incident_handed_off',
        'layer_escalated', 'layer_skipped', 'escalation_exhausted', 'last_resort_paged',
        'update_posted', 'update_redacted', 'incident_confirmed', 'alert_attached',
        'alert_resolved')),
    at          TEXT NOT NULL,
    actor_id    TEXT,
    details     TEXT NOT NULL CHECK (json_valid(details)),
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_audit_events (
    org_id, incident_id, number, id, event, at, actor_id, details)
SELECT
    org_id, incident_id, number, id, event, at, actor_id, details
FROM audit_events;
DROP TABLE audit_events;
ALTER TABLE new_audit_events RENAME TO audit_events;
CREATE TRIGGER audit_events_keeps_rows BEFORE DELETE ON audit_events
BEGIN SELECT RAISE (ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_events_keeps_values BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE (ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_events_replaces_nothing BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events
             WHERE org_id = NEW.org_id AND incident_id = NEW.incident_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'audit_events is append-only'); END;

CREATE TABLE alerts (
    org_id         TEXT NOT NULL REFERENCES organizations (id),
    id             TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    dedup_key      TEXT NOT NULL CHECK (length(dedup_key) BETWEEN 1 AND 512),
    group_key      TEXT NOT NULL CHECK (length(group_key) BETWEEN 1 AND 512),
    status         TEXT NOT NULL CHECK (status IN ('firing', 'resolved')),
    severity       TEXT NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    title          TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 1024),
    description    TEXT CHECK (length(description) <= 10000),
    attributes     TEXT NOT NULL CHECK (json_valid(attributes)),
    links          TEXT NOT NULL CHECK (json_valid(links)),
    component_id   TEXT,
    incident_id    TEXT,
    outcome        TEXT NOT NULL CHECK (outcome IN (
        'incident', 'provisional_page', 'notification', 'drop', 'suppressed')),
    count          INTEGER NOT NULL CHECK (count >= 1),
    first_at       TEXT NOT NULL,
    last_at        TEXT NOT NULL,
    resolved_at    TEXT,
    notified_at    TEXT,
    is_storm       INTEGER NOT NULL DEFAULT 0 CHECK (is_storm IN (0, 1)),
    PRIMARY KEY (org_id, id),
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT;
CREATE UNIQUE INDEX alerts_firing ON alerts (org_id, integration_id, dedup_key)
    WHERE status = 'firing';
CREATE INDEX alerts_firing_of_incident ON alerts (org_id, incident_id)
    WHERE status = 'firing' AND incident_id IS NOT NULL;
CREATE INDEX alerts_suppressed ON alerts (org_id, component_id, id)
    WHERE status = 'firing' AND outcome = 'suppressed';
CREATE INDEX alerts_notified ON alerts (org_id, integration_id, notified_at)
    WHERE notified_at IS NOT NULL;
CREATE INDEX alerts_by_integration ON alerts (org_id, integration_id, id);
CREATE INDEX alerts_by_status ON alerts (org_id, status, id);
CREATE INDEX alerts_by_severity ON alerts (org_id, severity, id);
CREATE INDEX alerts_by_incident ON alerts (org_id, incident_id, id)
    WHERE incident_id IS NOT NULL;
CREATE INDEX alerts_without_incident ON alerts (resolved_at)
    WHERE resolved_at IS NOT NULL AND incident_id IS NULL;

CREATE TABLE open_groups (
    org_id         TEXT NOT NULL,
    integration_id TEXT NOT NULL,
    group_key      TEXT NOT NULL,
    incident_id    TEXT NOT NULL,
    PRIMARY KEY (org_id, integration_id, group_key),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_groups_by_incident ON open_groups (org_id, incident_id);

CREATE TABLE maintenance_windows (
    org_id            TEXT NOT NULL REFERENCES organizations (id),
    id                TEXT NOT NULL,
    title             TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
    description       TEXT CHECK (length(description) <= 10000),
    starts_at         TEXT NOT NULL,  -- as sent
    ends_at           TEXT,           -- as sent
    starts_at_utc     TEXT NOT NULL,
    ends_at_utc       TEXT,
    is_public         INTEGER NOT NULL CHECK (is_public IN (0, 1)),
    suppresses_alerts INTEGER NOT NULL CHECK (suppresses_alerts IN (0, 1)),
    created_by        TEXT NOT NULL,
    created_at        TEXT NOT NULL,
    updated_at        TEXT NOT NULL,
    deleted_at        TEXT,
    PRIMARY KEY (org_id, id),
    CHECK (starts_at_utc < ends_at_utc),
    CHECK ((ends_at IS NULL) = (ends_at_utc IS NULL))
) STRICT;
CREATE INDEX maintenance_windows_by_end ON maintenance_windows (org_id, ends_at_utc, starts_at_utc)
    WHERE deleted_at IS NULL;
CREATE TRIGGER maintenance_windows_are_public AFTER UPDATE ON maintenance_windows
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;

CREATE TABLE maintenance_window_components (
    org_id                TEXT NOT NULL,
    maintenance_window_id TEXT NOT NULL,
    ordinal               INTEGER NOT NULL CHECK (ordinal >= 0),
    component_id          TEXT NOT NULL,
    PRIMARY KEY (org_id, maintenance_window_id, component_id),
    FOREIGN KEY (org_id, maintenance_window_id) REFERENCES maintenance_windows (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX maintenance_window_components_by_component
    ON maintenance_window_components (org_id, component_id);
CREATE TRIGGER maintenance_window_components_are_public
AFTER INSERT ON maintenance_window_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER maintenance_window_components_no_longer_public
AFTER DELETE ON maintenance_window_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = OLD.org_id; END;

CREATE TABLE tasks (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    kind       TEXT NOT NULL CHECK (kind IN (
        'notify', 'resolve_incident', 'miss_heartbeat', 'end_maintenance', 'resolve_alerts')),
    subject_id TEXT NOT NULL,
    due_at     TEXT NOT NULL,
    PRIMARY KEY (org_id, kind, subject_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_due ON tasks (due_at);
CREATE INDEX tasks_by_organization ON tasks (org_id, due_at);

CREATE TABLE paging_presence (
    number        INTEGER NOT NULL PRIMARY KEY CHECK (number = 1),
    seen_at       TEXT,
    present_since TEXT
) STRICT;
INSERT INTO paging_presence VALUES (1, NULL, NULL);

CREATE TABLE new_deliveries (
    org_id            TEXT NOT NULL,
    id                TEXT NOT NULL,
    incident_id       TEXT,
    alert_id          TEXT,
    user_id           TEXT NOT NULL,
    layer_position    INTEGER,  -- null: as the incident's owner
    contact_method_id TEXT,     -- null: the user's email address
    kind              TEXT NOT NULL DEFAULT 'page' CHECK (kind IN ('page', 'acknowledged', 'alert')),
    receiver          TEXT NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    created_at        TEXT NOT NULL,
    first_tried_at    TEXT,
    due_at            TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    CHECK ((kind = 'alert') = (alert_id IS NOT NULL)),
    CHECK ((alert_id IS NULL) = (incident_id IS NOT NULL)),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, alert_id) REFERENCES alerts (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
) STRICT;
INSERT INTO new_deliveries (
    org_id, id, incident_id, user_id, layer_position, contact_method_id, kind, receiver,
    attempts, created_at, first_tried_at, due_at)
SELECT
    org_id, id, incident_id, user_id, layer_position, contact_method_id, kind, receiver,
    attempts, created_at, first_tried_at, due_at
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_by_due ON deliveries (due_at);
CREATE INDEX deliveries_by_lane ON deliveries (org_id, attempts > 0, user_id, receiver, due_at);
CREATE INDEX deliveries_by_incident ON deliveries (org_id, incident_id, user_id);
CREATE INDEX deliveries_by_alert ON deliveries (org_id, alert_id) WHERE alert_id IS NOT NULL;

PRAGMA legacy_alter_table = OFF;

-- Every organization has a default routing policy. Its id is a UUIDv7 of this moment.
INSERT INTO routing_policies (org_id, id, name, is_default, created_at, updated_at)
SELECT
    organizations.id,
    lower(printf('%s-%s-7%s-8%s-%s', substr(instant.hex, 1, 8), substr(instant.hex, 9),
                 substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
    'Default', 1, instant.text, instant.text
FROM organizations, (
    SELECT printf('%012x', strftime('%s') * 1000) AS hex,
           strftime('%Y-%m-%dT%H:%M:%S.000Z') AS text) AS instant;
INSERT INTO routing_rules (org_id, routing_policy_id, ordinal, severity, outcome)
SELECT policy.org_id, policy.id, rule.column1, rule.column2, rule.column3
FROM routing_policies AS policy, (
    VALUES (0, 'critical', 'incident'), (1, 'high', 'incident'),
           (2, 'medium', 'notification'), (3, 'low', 'notification')) AS rule;
