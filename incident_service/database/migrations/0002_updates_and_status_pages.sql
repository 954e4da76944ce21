-- Updates with redaction, and public status pages. `incidents` and `audit_events` are built again:
-- the first gets a column without a default, the second allows more events.

ALTER TABLE organizations ADD COLUMN public_revision INTEGER NOT NULL DEFAULT 0;

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
    resolved_at          TEXT,
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
    org_id, id, sequential_id, title, description, severity, status, owner_id, owner_schedule_id,
    escalation_policy_id, acknowledged_at, acknowledged_by, resolved_at, created_by, created_at,
    latest_at, updated_at, public_updated_at)
SELECT
    org_id, id, sequential_id, title, description, severity, status, owner_id, owner_schedule_id,
    escalation_policy_id, acknowledged_at, acknowledged_by, resolved_at, created_by, created_at,
    latest_at, updated_at,
    (SELECT max(changed_at) FROM status_history
     WHERE status_history.org_id = incidents.org_id AND incident_id = incidents.id)
FROM incidents;
DROP TABLE incidents;
ALTER TABLE new_incidents RENAME TO incidents;
CREATE INDEX incidents_by_status ON incidents (org_id, status, sequential_id);
CREATE INDEX incidents_by_severity ON incidents (org_id, severity, sequential_id);
CREATE INDEX incidents_by_owner ON incidents (org_id, owner_id, sequential_id)
    WHERE owner_id IS NOT NULL;
CREATE INDEX incidents_by_resolution ON incidents (org_id, resolved_at)
    WHERE resolved_at IS NOT NULL;

CREATE TABLE new_audit_events (
    org_id      TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    number      INTEGER NOT NULL,  -- 1, 2, 3 ... of each incident
    id          TEXT NOT NULL,
    event       TEXT NOT NULL CHECK (event IN (
        'incident_opened', 'incident_edited', 'status_changed', 'components_changed',
        'page_sent', 'page_failed', 'incident_acknowledged', 'incident_handed_off',
        'layer_escalated', 'layer_skipped', 'escalation_exhausted',
        'update_posted', 'update_redacted')),
    at          TEXT NOT NULL,
    actor_id    TEXT,
    details     TEXT NOT NULL CHECK (json_valid(details)),
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_audit_events SELECT * FROM audit_events;
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

CREATE TABLE incident_updates (
    org_id         TEXT NOT NULL,
    incident_id    TEXT NOT NULL,
    number         INTEGER NOT NULL,  -- 1, 2, 3 ... of each incident
    id             TEXT NOT NULL,
    visibility     TEXT NOT NULL CHECK (visibility IN ('internal', 'public')),
    body           TEXT CHECK (length(body) <= 10000),
    status_change  TEXT CHECK (status_change IN ('identified', 'monitoring', 'resolved')),
    posted_by      TEXT NOT NULL,
    posted_by_name TEXT NOT NULL,
    posted_at      TEXT NOT NULL,
    redacted_at    TEXT,
    redacted_by    TEXT,
    PRIMARY KEY (org_id, incident_id, number),
    CHECK ((redacted_at IS NULL) = (redacted_by IS NULL)),
    CHECK (redacted_at IS NULL OR body IS NULL),
    CHECK (redacted_at IS NOT NULL OR body IS NOT NULL OR status_change IS NOT NULL),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE status_pages (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    id         TEXT NOT NULL,
    slug       TEXT NOT NULL
        CHECK (length(slug) BETWEEN 3 AND 63 AND slug NOT GLOB '*[^a-z0-9-]*'),
    title      TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    published  INTEGER NOT NULL CHECK (published IN (0, 1)),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE status_page_components (
    org_id         TEXT NOT NULL,
    status_page_id TEXT NOT NULL,
    ordinal        INTEGER NOT NULL CHECK (ordinal >= 0),
    component_id   TEXT NOT NULL,
    status         TEXT CHECK (status IN (
        'operational', 'maintenance', 'degraded', 'partial_outage', 'major_outage')),
    PRIMARY KEY (org_id, status_page_id, component_id),
    FOREIGN KEY (org_id, status_page_id) REFERENCES status_pages (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE page_outcomes (
    outcome TEXT NOT NULL PRIMARY KEY CHECK (outcome IN ('sent', 'failed')),
    number  INTEGER NOT NULL
) STRICT;
INSERT INTO page_outcomes
SELECT outcome.key, count(audit_events.id)
FROM json_each('{"sent": "page_sent", "failed": "page_failed"}') AS outcome
LEFT JOIN audit_events ON event = outcome.value
GROUP BY outcome.key;

CREATE UNIQUE INDEX status_pages_slug ON status_pages (slug) WHERE deleted_at IS NULL;
CREATE INDEX status_pages_title ON status_pages (org_id, title, slug) WHERE deleted_at IS NULL;
CREATE INDEX status_page_components_by_component
    ON status_page_components (org_id, component_id);

CREATE TRIGGER incident_updates_keeps_rows BEFORE DELETE ON incident_updates
BEGIN SELECT RAISE (ABORT, 'incident_updates is append-only'); END;
CREATE TRIGGER incident_updates_keeps_values BEFORE UPDATE ON incident_updates
WHEN OLD.redacted_at IS NOT NULL OR NEW.redacted_at IS NULL
  OR (OLD.org_id, OLD.incident_id, OLD.number, OLD.id, OLD.visibility, OLD.status_change,
      OLD.posted_by, OLD.posted_by_name, OLD.posted_at)
     IS NOT (NEW.org_id, NEW.incident_id, NEW.number, NEW.id, NEW.visibility, NEW.status_change,
             NEW.posted_by, NEW.posted_by_name, NEW.posted_at)
BEGIN SELECT RAISE (ABORT, 'incident_updates is append-only'); END;
CREATE TRIGGER incident_updates_replaces_nothing BEFORE INSERT ON incident_updates
WHEN EXISTS (SELECT 1 FROM incident_updates
             WHERE org_id = NEW.org_id AND incident_id = NEW.incident_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'incident_updates is append-only'); END;
CREATE TRIGGER incidents_are_public
AFTER UPDATE OF title, severity, status, public_updated_at ON incidents
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER incident_components_are_public AFTER INSERT ON incident_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER incident_components_no_longer_public AFTER DELETE ON incident_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = OLD.org_id; END;
CREATE TRIGGER incident_updates_are_public AFTER INSERT ON incident_updates
WHEN NEW.visibility = 'public'
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER redacted_updates_no_longer_public AFTER UPDATE ON incident_updates
WHEN NEW.visibility = 'public'
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER components_are_public AFTER UPDATE ON components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER status_pages_are_public AFTER UPDATE ON status_pages
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER status_page_components_are_public AFTER INSERT ON status_page_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER status_page_components_no_longer_public AFTER DELETE ON status_page_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = OLD.org_id; END;
