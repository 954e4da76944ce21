-- What reports read of incidents and of pages, post-mortems, and how far back history is kept. A table is
-- built again if a check or a column of it is another one.

ALTER TABLE incidents ADD COLUMN first_acknowledged_by TEXT;
ALTER TABLE incidents ADD COLUMN trail_deleted_at TEXT;
ALTER TABLE incidents ADD COLUMN acknowledge_ms INTEGER;
ALTER TABLE incidents ADD COLUMN resolve_ms INTEGER;
UPDATE incidents SET first_acknowledged_by = (
    SELECT actor_id FROM audit_events AS event
    WHERE event.org_id = incidents.org_id AND event.incident_id = incidents.id
      AND event.event = 'incident_acknowledged'
    ORDER BY event.number LIMIT 1)
WHERE first_acknowledged_at IS NOT NULL;
CREATE TRIGGER incidents_come_timed AFTER INSERT ON incidents
WHEN NEW.first_acknowledged_at IS NOT NULL OR NEW.resolved_at IS NOT NULL
BEGIN
    UPDATE incidents SET created_at = created_at WHERE org_id = NEW.org_id AND id = NEW.id;
END;
CREATE TRIGGER incidents_are_timed
AFTER UPDATE OF created_at, first_acknowledged_at, resolved_at ON incidents
BEGIN
    UPDATE incidents SET
        acknowledge_ms = CAST(
            round(86400000 * (julianday(first_acknowledged_at) - julianday(created_at))) AS INTEGER),
        resolve_ms = CAST(
            round(86400000 * (julianday(resolved_at) - julianday(created_at))) AS INTEGER)
    WHERE org_id = NEW.org_id AND id = NEW.id;
END;
UPDATE incidents SET created_at = created_at
WHERE first_acknowledged_at IS NOT NULL OR resolved_at IS NOT NULL;
CREATE INDEX incidents_by_opening ON incidents (
    org_id, created_at, is_provisional, severity, owner_schedule_id, acknowledge_ms,
    first_acknowledged_by, resolve_ms, sequential_id);

CREATE INDEX incidents_provisional ON incidents (org_id, id) WHERE is_provisional = 1;

CREATE TABLE schedule_zones (
    org_id      TEXT NOT NULL,
    schedule_id TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    timezone    TEXT NOT NULL,
    PRIMARY KEY (org_id, schedule_id, valid_until),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO schedule_zones (org_id, schedule_id, valid_until, timezone)
SELECT org_id, resource_id, substr(at, 1, 23) || '000Z', json_extract(before, '$.timezone')
FROM changes
WHERE resource_type = 'schedule' AND json_extract(before, '$.timezone') IS NOT NULL
  AND json_extract(after, '$.timezone') IS NOT NULL
ORDER BY number
ON CONFLICT DO NOTHING;

-- With a comparison in them, statements that PostgreSQL understands too use these indexes.
DROP INDEX incidents_storms;
CREATE INDEX incidents_storms ON incidents (org_id, integration_id, sequential_id)
    WHERE is_storm = 1;
DROP INDEX routing_policies_default;
CREATE UNIQUE INDEX routing_policies_default ON routing_policies (org_id) WHERE is_default = 1;

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
    kept_from   TEXT NOT NULL DEFAULT '',
    trails_from TEXT NOT NULL DEFAULT '',
    due_at      TEXT NOT NULL DEFAULT '',
    CHECK (trails_from <= kept_from)
) STRICT;
CREATE INDEX retention_by_due ON retention (due_at);
INSERT INTO retention (org_id) SELECT id FROM organizations;
CREATE TRIGGER organizations_have_retention AFTER INSERT ON organizations
BEGIN INSERT INTO retention (org_id) VALUES (NEW.id); END;
CREATE TRIGGER retention_moves_by_a_day BEFORE UPDATE OF org_id, kept_from ON retention
WHEN NEW.org_id <> OLD.org_id
  OR OLD.kept_from <> '' AND NOT NEW.kept_from BETWEEN OLD.kept_from
    AND strftime('%Y-%m-%dT%H:%M:%fZ', OLD.kept_from, '+1 day')
BEGIN SELECT RAISE (ABORT, 'retention moves on, by a day at most'); END;
CREATE TRIGGER retention_keeps_rows BEFORE DELETE ON retention
BEGIN SELECT RAISE (ABORT, 'retention moves on, by a day at most'); END;
CREATE TRIGGER retention_replaces_nothing BEFORE INSERT ON retention
WHEN EXISTS (SELECT 1 FROM retention WHERE org_id = NEW.org_id)
BEGIN SELECT RAISE (ABORT, 'retention moves on, by a day at most'); END;

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
    paged_user_id     TEXT CHECK (paged_user_id IS NULL OR event = 'page_sent'),
    paged_schedule_id TEXT,
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
-- Trails did not say which messages are one page: each contact method is used once by it. Without the
-- CAST, the first message would be sought among all of its incident, and not by its number.
WITH sent AS (
    SELECT org_id, incident_id, number, user_id, layer, help, row_number() OVER (
        PARTITION BY org_id, incident_id, user_id, layer, help, method ORDER BY number) AS page
    FROM (
        SELECT
            org_id, incident_id, number,
            json_extract(details, '$.userId') AS user_id,
            json_extract(details, '$.layer') AS layer,
            json_extract(details, '$.help') AS help,
            json_extract(details, '$.contactMethodId') AS method
        FROM audit_events
        WHERE event = 'page_sent' AND json_extract(details, '$.notice') IS NULL)),
first AS (
    SELECT org_id, incident_id, user_id, CAST(min(number) AS INTEGER) AS number FROM sent
    GROUP BY org_id, incident_id, user_id, layer, help, page)
INSERT INTO new_audit_events (
    org_id, incident_id, number, id, event, at, actor_id, details,
    paged_user_id, paged_schedule_id)
SELECT
    event.org_id, event.incident_id, event.number, event.id, event.event, event.at, event.actor_id,
    event.details, first.user_id,
    CASE WHEN first.user_id IS NOT NULL THEN incident.owner_schedule_id END
FROM audit_events AS event
JOIN incidents AS incident ON incident.org_id = event.org_id AND incident.id = event.incident_id
LEFT JOIN first ON first.org_id = event.org_id AND first.incident_id = event.incident_id
    AND first.number = event.number;
DROP TABLE audit_events;
ALTER TABLE new_audit_events RENAME TO audit_events;
CREATE INDEX audit_events_pages
    ON audit_events (org_id, paged_user_id, at, paged_schedule_id, incident_id)
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
