-- What layers and overrides were before they were changed, calendar feeds, what responders do, keys that
-- expire, and the audit log. A table is built again if a check of it allows more.

ALTER TABLE schedule_layers ADD COLUMN valid_from TEXT;
ALTER TABLE schedule_layers ADD COLUMN turns_from TEXT;

CREATE TABLE schedule_layer_versions (
    org_id               TEXT NOT NULL REFERENCES organizations (id),
    schedule_id          TEXT NOT NULL,
    layer_id             TEXT NOT NULL,
    position             INTEGER NOT NULL,
    timezone             TEXT NOT NULL,
    rotation_length_days INTEGER NOT NULL,
    handoff_time         TEXT NOT NULL,
    effective_from       TEXT NOT NULL,
    effective_until      TEXT,
    participant_ids      TEXT NOT NULL CHECK (json_valid(participant_ids)),
    valid_from           TEXT,
    valid_until          TEXT NOT NULL,
    turns_from           TEXT,
    PRIMARY KEY (org_id, layer_id, valid_until),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
) STRICT;
CREATE INDEX schedule_layer_versions_by_end
    ON schedule_layer_versions (org_id, schedule_id, valid_until);

ALTER TABLE schedule_overrides ADD COLUMN past_of TEXT;
CREATE INDEX schedule_overrides_by_end_as_they_are
    ON schedule_overrides (org_id, schedule_id, ends_at_utc, starts_at_utc) WHERE past_of IS NULL;

-- Keys that expire.

ALTER TABLE api_keys ADD COLUMN expires_at TEXT;
ALTER TABLE api_keys ADD COLUMN expires_at_utc TEXT;

-- The audit log.

CREATE TABLE changes (
    org_id        TEXT NOT NULL REFERENCES organizations (id),
    number        INTEGER NOT NULL,  -- 1, 2, 3 ... of each organization
    id            TEXT NOT NULL,
    at            TEXT NOT NULL,     -- never falls from one number to the next
    actor_id      TEXT,
    action        TEXT NOT NULL
        CHECK (action IN ('created', 'changed', 'deleted', 'token_rotated')),
    resource_type TEXT NOT NULL CHECK (resource_type IN (
        'organization', 'user', 'api_key', 'contact_method', 'calendar_feed',
        'component', 'schedule', 'schedule_layer', 'schedule_override', 'working_hours', 'escalation_policy',
        'escalation_layer', 'routing_policy', 'integration', 'alert', 'maintenance_window',
        'status_page')),
    resource_id   TEXT NOT NULL,
    before        TEXT CHECK (before IS NULL OR json_valid(before)),
    after         TEXT CHECK (after IS NULL OR json_valid(after)),
    PRIMARY KEY (org_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_time ON changes (org_id, at, number);
CREATE INDEX changes_by_resource_type ON changes (org_id, resource_type, number);
CREATE INDEX changes_by_resource ON changes (org_id, resource_id, number);
CREATE INDEX changes_by_actor ON changes (org_id, actor_id, number) WHERE actor_id IS NOT NULL;

CREATE TRIGGER changes_keeps_rows BEFORE DELETE ON changes
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
CREATE TRIGGER changes_keeps_values BEFORE UPDATE ON changes
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
CREATE TRIGGER changes_replaces_nothing BEFORE INSERT ON changes
WHEN EXISTS (SELECT 1 FROM changes WHERE org_id = NEW.org_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;

ALTER TABLE escalation_policies
    ADD COLUMN repeat INTEGER NOT NULL DEFAULT 0 CHECK (repeat BETWEEN 0 AND 9);

ALTER TABLE incidents ADD COLUMN first_acknowledged_at TEXT;
ALTER TABLE incidents ADD COLUMN snoozed_until TEXT;
ALTER TABLE incidents ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0 CHECK (repeats >= 0);
UPDATE incidents SET first_acknowledged_at = (
    SELECT min(at) FROM audit_events AS event
    WHERE event.org_id = incidents.org_id AND event.incident_id = incidents.id
      AND event.event = 'incident_acknowledged');
CREATE INDEX incidents_open ON incidents (org_id, sequential_id) WHERE status <> 'resolved';

CREATE TABLE incident_responders (
    org_id      TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    added_at    TEXT NOT NULL,
    added_by    TEXT NOT NULL,
    PRIMARY KEY (org_id, incident_id, user_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
) STRICT, WITHOUT ROWID;

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
        'alert_resolved', 'incident_unacknowledged', 'incident_snoozed', 'incident_reopened',
        'responder_added', 'responder_removed')),
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

CREATE TABLE new_incident_timers (
    org_id       TEXT NOT NULL,
    incident_id  TEXT NOT NULL,
    kind         TEXT NOT NULL
        CHECK (kind IN ('owner', 'layer', 'snooze', 'notice', 'resolved')),
    wait_seconds INTEGER CHECK (wait_seconds >= 0),
    due_at       TEXT,
    PRIMARY KEY (org_id, incident_id, kind),
    CHECK ((kind = 'layer') = (wait_seconds IS NOT NULL)),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_incident_timers (
    org_id, incident_id, kind, wait_seconds, due_at)
SELECT
    org_id, incident_id, kind, wait_seconds, due_at
FROM incident_timers;
DROP TABLE incident_timers;
ALTER TABLE new_incident_timers RENAME TO incident_timers;
CREATE INDEX incident_timers_by_due ON incident_timers (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incident_timers_by_organization ON incident_timers (org_id, due_at)
    WHERE due_at IS NOT NULL;

CREATE TABLE new_deliveries (
    org_id            TEXT NOT NULL,
    id                TEXT NOT NULL,
    incident_id       TEXT,
    alert_id          TEXT,
    user_id           TEXT NOT NULL,
    layer_position    INTEGER,  -- null: not by a layer
    contact_method_id TEXT,     -- null: the user's email address
    kind              TEXT NOT NULL DEFAULT 'page'
        CHECK (kind IN ('page', 'help', 'acknowledged', 'resolved', 'alert')),
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
    org_id, id, incident_id, alert_id, user_id, layer_position, contact_method_id, kind,
    receiver, attempts, created_at, first_tried_at, due_at)
SELECT
    org_id, id, incident_id, alert_id, user_id, layer_position, contact_method_id, kind,
    receiver, attempts, created_at, first_tried_at, due_at
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_by_due ON deliveries (due_at);
CREATE INDEX deliveries_by_lane ON deliveries (org_id, attempts > 0, user_id, receiver, due_at);
CREATE INDEX deliveries_by_incident ON deliveries (org_id, incident_id, user_id);
CREATE INDEX deliveries_by_alert ON deliveries (org_id, alert_id) WHERE alert_id IS NOT NULL;

CREATE INDEX schedule_layer_participants_by_user ON schedule_layer_participants (org_id, user_id);
CREATE INDEX schedule_overrides_by_user ON schedule_overrides (org_id, user_id, ends_at_utc);

CREATE TABLE calendar_feeds (
    org_id      TEXT NOT NULL REFERENCES organizations (id),
    user_id     TEXT NOT NULL,
    id          TEXT NOT NULL,
    schedule_id TEXT,  -- null: the user's own shifts, of all schedules
    token_hash  TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_at  TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
) STRICT;
