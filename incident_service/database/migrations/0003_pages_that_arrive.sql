-- Fair deliveries, an escalation that survives changes of its policy, short links, and incidents that
-- status pages do not show. A table is built again if a column of it has no default, or a check of it
-- allows more.

CREATE TABLE new_components (
    org_id               TEXT NOT NULL REFERENCES organizations (id),
    id                   TEXT NOT NULL,
    name                 TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description          TEXT CHECK (length(description) <= 1000),
    group_label          TEXT CHECK (length(group_label) <= 100),
    aliases              TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(aliases)),  -- a list of names
    escalation_policy_id TEXT,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    deleted_at           TEXT,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, escalation_policy_id) REFERENCES escalation_policies (org_id, id)
) STRICT;
INSERT INTO new_components (
    org_id, id, name, description, group_label, aliases, created_at, updated_at, deleted_at)
SELECT
    org_id, id, name, description, group_label, aliases, created_at, updated_at, deleted_at
FROM components;
DROP TABLE components;
ALTER TABLE new_components RENAME TO components;
CREATE UNIQUE INDEX components_name ON components (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX components_by_policy ON components (org_id, escalation_policy_id)
    WHERE escalation_policy_id IS NOT NULL;
CREATE TRIGGER components_are_public AFTER UPDATE ON components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;

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
    created_by           TEXT NOT NULL,  -- a user's id, or that of a key that acts for itself
    created_at           TEXT NOT NULL,
    latest_at            TEXT NOT NULL,  -- the latest created_at up to here: it never falls
    updated_at           TEXT NOT NULL,
    public_updated_at    TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, sequential_id),
    FOREIGN KEY (org_id, owner_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, owner_schedule_id) REFERENCES schedules (org_id, id),
    FOREIGN KEY (org_id, escalation_policy_id) REFERENCES escalation_policies (org_id, id)
) STRICT;
INSERT INTO new_incidents (
    org_id, id, sequential_id, title, description, severity, status, owner_id,
    owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, resolved_at,
    created_by, created_at, latest_at, updated_at, public_updated_at)
SELECT
    org_id, id, sequential_id, title, description, severity, status, owner_id,
    owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, resolved_at,
    created_by, created_at, latest_at, updated_at, public_updated_at
FROM incidents;
DROP TABLE incidents;
ALTER TABLE new_incidents RENAME TO incidents;
CREATE INDEX incidents_by_status ON incidents (org_id, status, sequential_id);
CREATE INDEX incidents_by_severity ON incidents (org_id, severity, sequential_id);
CREATE INDEX incidents_by_owner ON incidents (org_id, owner_id, sequential_id)
    WHERE owner_id IS NOT NULL;
CREATE INDEX incidents_by_resolution ON incidents (org_id, resolved_at)
    WHERE resolved_at IS NOT NULL;
CREATE TRIGGER incidents_are_public
AFTER UPDATE OF title, severity, status, is_public, public_title, public_updated_at ON incidents
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
        'update_posted', 'update_redacted')),
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

CREATE TABLE acknowledge_links (
    token       TEXT NOT NULL PRIMARY KEY CHECK (length(token) BETWEEN 20 AND 24),
    org_id      TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    UNIQUE (org_id, incident_id, user_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
) STRICT, WITHOUT ROWID;

-- What public pages show does not change by it, so neither trigger may see this update.
ALTER TABLE incident_updates ADD COLUMN redacted_by_name TEXT;
DROP TRIGGER incident_updates_keeps_values;
DROP TRIGGER redacted_updates_no_longer_public;
UPDATE incident_updates SET redacted_by_name = coalesce(
    (SELECT coalesce(
        nullif(trim(coalesce(first_name || ' ', '') || coalesce(last_name, '')), ''), email)
     FROM users
     WHERE users.org_id = incident_updates.org_id AND users.id = incident_updates.redacted_by),
    (SELECT name FROM api_keys
     WHERE api_keys.org_id = incident_updates.org_id
       AND api_keys.id = incident_updates.redacted_by),
    redacted_by)
WHERE redacted_at IS NOT NULL;
CREATE TRIGGER incident_updates_keeps_values BEFORE UPDATE ON incident_updates
WHEN OLD.redacted_at IS NOT NULL OR NEW.redacted_at IS NULL
  OR (OLD.org_id, OLD.incident_id, OLD.number, OLD.id, OLD.visibility, OLD.status_change,
      OLD.posted_by, OLD.posted_by_name, OLD.posted_at)
     IS NOT (NEW.org_id, NEW.incident_id, NEW.number, NEW.id, NEW.visibility, NEW.status_change,
             NEW.posted_by, NEW.posted_by_name, NEW.posted_at)
BEGIN SELECT RAISE (ABORT, 'incident_updates is append-only'); END;
CREATE TRIGGER redacted_updates_no_longer_public AFTER UPDATE ON incident_updates
WHEN NEW.visibility = 'public'
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;

-- What the timers' positions stand for becomes progress by target: the layers before them are done.
CREATE TABLE escalation_progress (
    org_id      TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    target      TEXT NOT NULL,
    done        INTEGER NOT NULL CHECK (done >= 1),
    PRIMARY KEY (org_id, incident_id, target),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO escalation_progress (org_id, incident_id, target, done)
SELECT
    timer.org_id, timer.incident_id,
    CASE layer.target_type
        WHEN 'schedule' THEN 'schedule:' || layer.schedule_id
        ELSE 'users:' || (
            SELECT json_group_array(user_id) FROM (
                SELECT user_id FROM escalation_layer_users AS target
                WHERE target.org_id = layer.org_id AND target.layer_id = layer.id
                ORDER BY user_id))
    END AS target,
    count(*)
FROM incident_timers AS timer
JOIN incidents AS incident
  ON incident.org_id = timer.org_id AND incident.id = timer.incident_id
JOIN escalation_layers AS layer
  ON layer.org_id = incident.org_id AND layer.policy_id = incident.escalation_policy_id
 AND layer.position < timer.position
WHERE timer.kind = 'layer'
GROUP BY timer.org_id, timer.incident_id, target;

CREATE TABLE new_incident_timers (
    org_id       TEXT NOT NULL,
    incident_id  TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('owner', 'layer', 'notice')),
    wait_seconds INTEGER CHECK (wait_seconds >= 0),
    due_at       TEXT,
    PRIMARY KEY (org_id, incident_id, kind),
    CHECK ((kind = 'layer') = (wait_seconds IS NOT NULL)),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_incident_timers (org_id, incident_id, kind, wait_seconds, due_at)
SELECT
    timer.org_id, timer.incident_id, timer.kind,
    CASE timer.kind WHEN 'layer' THEN coalesce(layer.escalate_after_seconds, 0) END,
    timer.due_at
FROM incident_timers AS timer
JOIN incidents AS incident
  ON incident.org_id = timer.org_id AND incident.id = timer.incident_id
LEFT JOIN escalation_layers AS layer
  ON layer.org_id = incident.org_id AND layer.policy_id = incident.escalation_policy_id
 AND layer.position = timer.position - 1;
DROP TABLE incident_timers;
ALTER TABLE new_incident_timers RENAME TO incident_timers;
CREATE INDEX incident_timers_by_due ON incident_timers (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incident_timers_by_organization ON incident_timers (org_id, due_at)
    WHERE due_at IS NOT NULL;

-- What a process is at stays with it for as long as it had claimed it.
CREATE TABLE new_deliveries (
    org_id            TEXT NOT NULL,
    id                TEXT NOT NULL,
    incident_id       TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    layer_position    INTEGER,  -- null: as the incident's owner
    contact_method_id TEXT,     -- null: the user's email address
    kind              TEXT NOT NULL DEFAULT 'page' CHECK (kind IN ('page', 'acknowledged')),
    receiver          TEXT NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    created_at        TEXT NOT NULL,
    first_tried_at    TEXT,
    due_at            TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
) STRICT;
INSERT INTO new_deliveries (
    org_id, id, incident_id, user_id, layer_position, contact_method_id, receiver,
    attempts, created_at, first_tried_at, due_at)
SELECT
    org_id, id, incident_id, user_id, layer_position, contact_method_id,
    coalesce(contact_method_id, 'mail'),
    attempts, created_at, first_tried_at, max(due_at, coalesce(claimed_until, due_at))
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_by_due ON deliveries (due_at);
CREATE INDEX deliveries_by_lane ON deliveries (org_id, attempts > 0, user_id, receiver, due_at);
CREATE INDEX deliveries_by_incident ON deliveries (org_id, incident_id, user_id);

-- What the trail says about open incidents.
UPDATE incidents SET handed_off_at = (
    SELECT max(at) FROM audit_events AS event
    WHERE event.org_id = incidents.org_id AND event.incident_id = incidents.id
      AND event.event = 'incident_handed_off')
WHERE status <> 'resolved';
UPDATE incidents SET is_paged = 1
WHERE status <> 'resolved' AND (
    EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.org_id = incidents.org_id AND deliveries.incident_id = incidents.id)
    OR EXISTS (
        SELECT 1 FROM audit_events AS event
        WHERE event.org_id = incidents.org_id AND event.incident_id = incidents.id
          AND (event.event IN ('page_sent', 'layer_escalated')
               OR event.event = 'page_failed' AND json_extract(event.details, '$.attempt') > 0)
          AND event.number > (
              SELECT coalesce(max(number), 0) FROM audit_events AS handoff
              WHERE handoff.org_id = event.org_id AND handoff.incident_id = event.incident_id
                AND handoff.event = 'incident_handed_off')));
