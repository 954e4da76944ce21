-- Notification rules, subscriptions, invitations, and search. A table is built again if a check of it allows more.

CREATE TABLE invitations (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    id         TEXT NOT NULL CHECK (id LIKE 'orginv\_%' ESCAPE '\'),
    email      TEXT NOT NULL CHECK (length(email) BETWEEN 1 AND 255),
    email_key  TEXT NOT NULL,  -- the email with letter case folded: what is unique
    role       TEXT NOT NULL CHECK (role IN ('org:admin', 'org:member')),
    token_hash TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, email_key)
) STRICT;
CREATE INDEX invitations_by_end ON invitations (expires_at);
CREATE INDEX invitations_of_organization ON invitations (org_id, expires_at, id);

CREATE TABLE notification_settings (
    org_id          TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    resolved_notice INTEGER NOT NULL CHECK (resolved_notice IN (0, 1)),
    updated_at      TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE notification_rules (
    org_id            TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    ordinal           INTEGER NOT NULL CHECK (ordinal >= 0),
    contact_method_id TEXT,  -- null: the user's email address
    severities        TEXT NOT NULL CHECK (json_valid(severities)),
    delay_minutes     INTEGER NOT NULL CHECK (delay_minutes BETWEEN 0 AND 60),
    PRIMARY KEY (org_id, user_id, ordinal),
    FOREIGN KEY (org_id, user_id) REFERENCES notification_settings (org_id, user_id),
    FOREIGN KEY (org_id, user_id, contact_method_id)
        REFERENCES contact_methods (org_id, user_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
    org_id        TEXT NOT NULL REFERENCES organizations (id),
    id            TEXT NOT NULL,
    label         TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 255),
    url           TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    events        TEXT NOT NULL CHECK (json_valid(events)),
    severities    TEXT CHECK (severities IS NULL OR json_valid(severities)),
    schedule_ids  TEXT CHECK (schedule_ids IS NULL OR json_valid(schedule_ids)),
    component_ids TEXT CHECK (component_ids IS NULL OR json_valid(component_ids)),
    created_by    TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;

CREATE TABLE watched_schedules (
    org_id      TEXT NOT NULL,
    schedule_id TEXT NOT NULL,
    owner_id    TEXT,  -- null: nobody
    PRIMARY KEY (org_id, schedule_id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id),
    FOREIGN KEY (org_id, owner_id) REFERENCES users (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE new_changes (
    org_id        TEXT NOT NULL REFERENCES organizations (id),
    number        INTEGER NOT NULL,  -- 1, 2, 3 ... of each organization
    id            TEXT NOT NULL,
    at            TEXT NOT NULL,     -- never falls from one number to the next
    actor_id      TEXT,
    action        TEXT NOT NULL
        CHECK (action IN ('created', 'changed', 'deleted', 'token_rotated')),
    resource_type TEXT NOT NULL CHECK (resource_type IN (
        'organization', 'user', 'invitation', 'api_key', 'contact_method', 'notification_rules',
        'calendar_feed', 'component', 'schedule', 'schedule_layer', 'schedule_override',
        'working_hours', 'escalation_policy', 'escalation_layer', 'routing_policy', 'integration',
        'alert', 'maintenance_window', 'status_page', 'subscription')),
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
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
CREATE TRIGGER changes_keeps_values BEFORE UPDATE ON changes
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;
CREATE TRIGGER changes_replaces_nothing BEFORE INSERT ON changes
WHEN EXISTS (SELECT 1 FROM changes WHERE org_id = NEW.org_id AND number = NEW.number)
BEGIN SELECT RAISE (ABORT, 'changes is append-only'); END;

-- The columns of the key come first: else `PRAGMA integrity_check` of SQLite 3.40 finds nulls where
-- there are none.
CREATE TABLE new_maintenance_window_components (
    org_id                TEXT NOT NULL,
    maintenance_window_id TEXT NOT NULL,
    component_id          TEXT NOT NULL,
    ordinal               INTEGER NOT NULL CHECK (ordinal >= 0),
    PRIMARY KEY (org_id, maintenance_window_id, component_id),
    FOREIGN KEY (org_id, maintenance_window_id) REFERENCES maintenance_windows (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_maintenance_window_components (
    org_id, maintenance_window_id, component_id, ordinal)
SELECT
    org_id, maintenance_window_id, component_id, ordinal
FROM maintenance_window_components;
DROP TABLE maintenance_window_components;
ALTER TABLE new_maintenance_window_components RENAME TO maintenance_window_components;
CREATE INDEX maintenance_window_components_by_component
    ON maintenance_window_components (org_id, component_id);
CREATE TRIGGER maintenance_window_components_are_public
AFTER INSERT ON maintenance_window_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = NEW.org_id; END;
CREATE TRIGGER maintenance_window_components_no_longer_public
AFTER DELETE ON maintenance_window_components
BEGIN UPDATE organizations SET public_revision = public_revision + 1 WHERE id = OLD.org_id; END;

CREATE TABLE new_tasks (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    kind       TEXT NOT NULL CHECK (kind IN (
        'notify', 'resolve_incident', 'miss_heartbeat', 'end_maintenance', 'resolve_alerts',
        'watch_schedule')),
    subject_id TEXT NOT NULL,
    due_at     TEXT NOT NULL,
    PRIMARY KEY (org_id, kind, subject_id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_tasks (
    org_id, kind, subject_id, due_at)
SELECT
    org_id, kind, subject_id, due_at
FROM tasks;
DROP TABLE tasks;
ALTER TABLE new_tasks RENAME TO tasks;
CREATE INDEX tasks_by_due ON tasks (due_at);
CREATE INDEX tasks_by_organization ON tasks (org_id, due_at);

CREATE TABLE new_deliveries (
    org_id            TEXT NOT NULL,
    id                TEXT NOT NULL,
    kind              TEXT NOT NULL DEFAULT 'page' CHECK (kind IN (
        'page', 'help', 'acknowledged', 'resolved', 'alert', 'event', 'invitation')),
    incident_id       TEXT,
    alert_id          TEXT,
    user_id           TEXT,
    subscription_id   TEXT,
    invitation_id     TEXT,
    layer_position    INTEGER,  -- null: not by a layer
    contact_method_id TEXT,     -- null: the user's email address
    delay_minutes     INTEGER NOT NULL DEFAULT 0 CHECK (delay_minutes BETWEEN 0 AND 60),
    details           TEXT CHECK (details IS NULL OR json_valid(details)),
    receiver          TEXT NOT NULL,
    attempts          INTEGER NOT NULL DEFAULT 0,
    created_at        TEXT NOT NULL,
    first_tried_at    TEXT,
    due_at            TEXT NOT NULL,
    recipient_id      TEXT NOT NULL
        GENERATED ALWAYS AS (coalesce(user_id, subscription_id, invitation_id)) STORED,
    rank              INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE WHEN kind IN ('event', 'invitation') THEN 2 ELSE 0 END
        + CASE WHEN attempts > 0 THEN 1 ELSE 0 END)
        STORED,  -- lower ones first: first tries, then tries made again, pages before others
    PRIMARY KEY (org_id, id),
    CHECK ((kind = 'alert') = (alert_id IS NOT NULL)),
    CHECK ((kind = 'event') = (subscription_id IS NOT NULL)),
    CHECK ((kind = 'event') = (details IS NOT NULL)),
    CHECK ((kind = 'invitation') = (invitation_id IS NOT NULL)),
    CHECK ((kind IN ('event', 'invitation')) = (user_id IS NULL)),
    CHECK (kind IN ('alert', 'event', 'invitation') OR incident_id IS NOT NULL),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, alert_id) REFERENCES alerts (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, subscription_id) REFERENCES subscriptions (org_id, id),
    FOREIGN KEY (org_id, invitation_id) REFERENCES invitations (org_id, id)
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
CREATE INDEX deliveries_by_lane ON deliveries (org_id, rank, recipient_id, receiver, due_at);
CREATE INDEX deliveries_by_incident ON deliveries (org_id, incident_id, user_id);
CREATE INDEX deliveries_by_alert ON deliveries (org_id, alert_id) WHERE alert_id IS NOT NULL;
CREATE INDEX deliveries_by_invitation ON deliveries (org_id, invitation_id)
    WHERE invitation_id IS NOT NULL;

INSERT INTO secrets VALUES ('invitation', lower(hex(randomblob(32))));

ALTER TABLE organizations ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE organizations SET number = counted.number
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM organizations) AS counted
WHERE organizations.id = counted.id;
CREATE UNIQUE INDEX organizations_number ON organizations (number);
CREATE TRIGGER organizations_are_counted AFTER INSERT ON organizations
BEGIN
    UPDATE organizations SET number = 1 + (SELECT max(number) FROM organizations)
    WHERE id = NEW.id;
END;

CREATE VIRTUAL TABLE incident_words USING fts5 (
    words, content = '', columnsize = 0, detail = none, prefix = '11 12', tokenize = 'ascii'
);
CREATE TRIGGER incidents_have_words AFTER INSERT ON incidents
BEGIN
    INSERT INTO incident_words (rowid, words)
    SELECT
        number << 32 | NEW.sequential_id,
        index_words(number, NEW.sequential_id, NEW.title, NEW.description)
    FROM organizations WHERE id = NEW.org_id;
END;
CREATE TRIGGER incidents_change_words AFTER UPDATE OF title, description ON incidents
BEGIN
    INSERT INTO incident_words (incident_words, rowid, words)
    SELECT
        'delete', number << 32 | OLD.sequential_id,
        index_words(number, OLD.sequential_id, OLD.title, OLD.description)
    FROM organizations WHERE id = OLD.org_id;
    INSERT INTO incident_words (rowid, words)
    SELECT
        number << 32 | NEW.sequential_id,
        index_words(number, NEW.sequential_id, NEW.title, NEW.description)
    FROM organizations WHERE id = NEW.org_id;
END;
INSERT INTO incident_words (rowid, words)
SELECT
    number << 32 | sequential_id, index_words(number, sequential_id, title, description)
FROM organizations CROSS JOIN incidents ON incidents.org_id = organizations.id
ORDER BY number, sequential_id;
