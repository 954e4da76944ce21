-- What reports read of incidents and of pages, post-mortems, and how far back history is kept. A table is
-- built again if a check or a column of it is another one.

ALTER TABLE incidents ADD COLUMN first_acknowledged_by TEXT;
UPDATE incidents SET first_acknowledged_by = (
    SELECT actor_id FROM audit_events AS event
    WHERE event.org_id = incidents.org_id AND event.incident_id = incidents.id
      AND event.event = 'incident_acknowledged'
    ORDER BY event.number LIMIT 1)
WHERE first_acknowledged_at IS NOT NULL;
CREATE INDEX incidents_by_opening ON incidents (
    org_id, created_at, is_provisional, severity, owner_schedule_id,
    first_acknowledged_at, first_acknowledged_by, resolved_at, sequential_id);

CREATE TABLE postmortem_versions (
    org_id        TEXT NOT NULL,
    incident_id   TEXT NOT NULL,
    number        INTEGER NOT NULL,  -- 1, 2, 3 ... of each incident
    id            TEXT NOT NULL,
    body          TEXT NOT NULL CHECK (length(body) <= 100000),
    status        TEXT NOT NULL CHECK (status IN ('draft', 'published')),
    author_ids    TEXT NOT NULL CHECK (json_valid(author_ids)),
    saved_by      TEXT NOT NULL,  -- a user's id, or a key's without a user
    saved_by_name TEXT NOT NULL,
    saved_at      TEXT NOT NULL,
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT;

CREATE TABLE postmortem_templates (
    org_id     TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
    body       TEXT NOT NULL CHECK (length(body) BETWEEN 1 AND 20000),
    updated_by TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE retention (
    org_id      TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
    kept_from   TEXT NOT NULL,
    trails_from TEXT NOT NULL
) STRICT;

CREATE TRIGGER postmortem_versions_keeps_rows BEFORE DELETE ON postmortem_versions
BEGIN SELECT RAISE (ABORT, 'postmortem_versions is append-only'); END;
CREATE TRIGGER postmortem_versions_keeps_values BEFORE UPDATE ON postmortem_versions
BEGIN SELECT RAISE (ABORT, 'postmortem_versions is append-only'); END;
CREATE TRIGGER postmortem_versions_replaces_nothing BEFORE INSERT ON postmortem_versions
WHEN EXISTS (SELECT 1 FROM postmortem_versions
             WHERE org_id = NEW.org_id AND incident_id = NEW.incident_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'postmortem_versions is append-only'); END;

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
    paged_user_id TEXT GENERATED ALWAYS AS (
        CASE WHEN event = 'page_sent' AND json_extract(details, '$.notice') IS NULL
            THEN json_extract(details, '$.userId') END) STORED,
    page TEXT GENERATED ALWAYS AS (
        CASE WHEN event = 'page_sent' AND json_extract(details, '$.notice') IS NULL
            THEN coalesce(json_extract(details, '$.madeAt'), json_extract(details, '$.layer'), '')
        END) STORED,
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
CREATE INDEX audit_events_pages ON audit_events (org_id, at, paged_user_id, incident_id, page)
    WHERE paged_user_id IS NOT NULL;
CREATE TRIGGER audit_events_keeps_rows BEFORE DELETE ON audit_events
WHEN NOT EXISTS (SELECT 1 FROM retention
                 JOIN incidents ON incidents.org_id = retention.org_id
                 WHERE retention.org_id = OLD.org_id AND incidents.id = OLD.incident_id
                   AND incidents.resolved_at < retention.kept_from)
BEGIN SELECT RAISE (ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_events_keeps_values BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE (ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_events_replaces_nothing BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events
             WHERE org_id = NEW.org_id AND incident_id = NEW.incident_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'audit_events is append-only'); END;

CREATE TABLE new_changes (
    org_id        TEXT NOT NULL REFERENCES organizations (id),
    number        INTEGER NOT NULL,  -- 1, 2, 3 ... of each organization
    id            TEXT NOT NULL,
    at            TEXT NOT NULL,     -- never falls from one number to the next
    actor_id      TEXT,
    action        TEXT NOT NULL
        CHECK (action IN ('created', 'changed', 'deleted', 'token_rotated')),
    resource_type TEXT NOT NULL CHECK (resource_type IN (
        'organization', 'user', 'invitation', 'api_key', 'session', 'contact_method',
        'notification_rules', 'calendar_feed', 'component', 'schedule', 'schedule_layer',
        'schedule_override', 'working_hours', 'escalation_policy', 'escalation_layer',
        'routing_policy', 'integration', 'alert', 'maintenance_window', 'status_page',
        'subscription', 'postmortem', 'postmortem_template')),
    resource_id   TEXT NOT NULL,
    before        TEXT CHECK (before IS NULL OR json_valid(before)),
    after         TEXT CHECK (after IS NULL OR json_valid(after)),
    PRIMARY KEY (org_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO new_changes (
    org_id, number, id, at, actor_id, action, resource_type, resource_id, before, after)
SELECT
    org_id, number, id, at, actor_id, action, resource_type, resource_id, before, after
FROM changes;
DROP TABLE changes;
ALTER TABLE new_changes RENAME TO changes;
CREATE INDEX changes_by_time ON changes (org_id, at, number);
CREATE INDEX changes_by_resource_type ON changes (org_id, resource_type, number);
CREATE INDEX changes_by_resource ON changes (org_id, resource_id, number);
CREATE INDEX changes_by_actor ON changes (org_id, actor_id, number) WHERE actor_id IS NOT NULL;
CREATE TRIGGER changes_keeps_rows BEFORE DELETE ON changes
WHEN NOT EXISTS (SELECT 1 FROM retention WHERE org_id = OLD.org_id AND OLD.at < kept_from)
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
CREATE TRIGGER changes_keeps_values BEFORE UPDATE ON changes
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
CREATE TRIGGER changes_replaces_nothing BEFORE INSERT ON changes
WHEN EXISTS (SELECT 1 FROM changes WHERE org_id = NEW.org_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
