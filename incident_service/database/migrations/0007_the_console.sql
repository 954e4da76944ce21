-- Sessions of the console, links that start them, and their keys. A table is built again if a check of
-- it allows more.

ALTER TABLE contact_methods ADD COLUMN works_since TEXT;

CREATE INDEX incidents_open_by_severity ON incidents (org_id, severity, sequential_id)
    WHERE status <> 'resolved';
CREATE INDEX incidents_waiting ON incidents (org_id, owner_id, sequential_id)
    WHERE status <> 'resolved' AND acknowledged_at IS NULL;
CREATE INDEX incident_responders_by_user ON incident_responders (org_id, user_id, incident_id);

CREATE INDEX users_of_email ON users (email_key, org_id) WHERE deleted_at IS NULL;

CREATE TABLE sessions (
    org_id       TEXT NOT NULL REFERENCES organizations (id),
    id           TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    api_key_id   TEXT,
    token_hash   TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    method       TEXT NOT NULL
        CHECK (method IN ('link', 'mail', 'api_key', 'oidc', 'invitation')),
    user_agent   TEXT CHECK (length(user_agent) <= 255),
    created_at   TEXT NOT NULL,
    last_used_at TEXT NOT NULL,  -- to the minute: not every request is a write
    PRIMARY KEY (org_id, id),
    CHECK ((method = 'api_key') = (api_key_id IS NOT NULL)),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, api_key_id) REFERENCES api_keys (org_id, id)
) STRICT;
CREATE INDEX sessions_of_user ON sessions (org_id, user_id, last_used_at, id);
CREATE INDEX sessions_by_use ON sessions (last_used_at);

CREATE TABLE sign_in_links (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    id         TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    method     TEXT NOT NULL CHECK (method IN ('link', 'mail')),
    token_hash TEXT NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
) STRICT;
CREATE INDEX sign_in_links_of_user ON sign_in_links (org_id, user_id);
CREATE INDEX sign_in_links_by_end ON sign_in_links (expires_at);

CREATE TABLE sign_in_requests (
    id         TEXT NOT NULL PRIMARY KEY,
    email_hash TEXT NOT NULL CHECK (length(email_hash) = 64),
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_requests_of_email ON sign_in_requests (email_hash, created_at);
CREATE INDEX sign_in_requests_by_age ON sign_in_requests (created_at);

INSERT INTO secrets VALUES
    ('sign_in', lower(hex(randomblob(32)))), ('console', lower(hex(randomblob(32))));

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
        'subscription')),
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

CREATE TABLE new_deliveries (
    org_id            TEXT NOT NULL,
    id                TEXT NOT NULL,
    kind              TEXT NOT NULL DEFAULT 'page' CHECK (kind IN (
        'page', 'help', 'acknowledged', 'resolved', 'alert', 'event', 'invitation', 'sign_in')),
    incident_id       TEXT,
    alert_id          TEXT,
    user_id           TEXT,
    subscription_id   TEXT,
    invitation_id     TEXT,
    sign_in_link_id   TEXT,
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
        GENERATED ALWAYS AS (coalesce(user_id, subscription_id, invitation_id, sign_in_link_id))
        STORED,
    rank              INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE WHEN kind IN ('event', 'invitation', 'sign_in') THEN 2 ELSE 0 END
        + CASE WHEN attempts > 0 THEN 1 ELSE 0 END)
        STORED,  -- lower ones first: first tries, then tries made again, pages before others
    PRIMARY KEY (org_id, id),
    CHECK ((kind = 'alert') = (alert_id IS NOT NULL)),
    CHECK ((kind = 'event') = (subscription_id IS NOT NULL)),
    CHECK ((kind = 'event') = (details IS NOT NULL)),
    CHECK ((kind = 'invitation') = (invitation_id IS NOT NULL)),
    CHECK ((kind = 'sign_in') = (sign_in_link_id IS NOT NULL)),
    CHECK ((kind IN ('event', 'invitation', 'sign_in')) = (user_id IS NULL)),
    CHECK (kind IN ('alert', 'event', 'invitation', 'sign_in') OR incident_id IS NOT NULL),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, alert_id) REFERENCES alerts (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, subscription_id) REFERENCES subscriptions (org_id, id),
    FOREIGN KEY (org_id, invitation_id) REFERENCES invitations (org_id, id),
    FOREIGN KEY (org_id, sign_in_link_id) REFERENCES sign_in_links (org_id, id)
) STRICT;
INSERT INTO new_deliveries (
    org_id, id, kind, incident_id, alert_id, user_id, subscription_id, invitation_id, layer_position,
    contact_method_id, delay_minutes, details, receiver, attempts, created_at, first_tried_at, due_at)
SELECT
    org_id, id, kind, incident_id, alert_id, user_id, subscription_id, invitation_id, layer_position,
    contact_method_id, delay_minutes, details, receiver, attempts, created_at, first_tried_at, due_at
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_by_due ON deliveries (due_at);
CREATE INDEX deliveries_by_lane ON deliveries (org_id, rank, recipient_id, receiver, due_at);
CREATE INDEX deliveries_by_incident ON deliveries (org_id, incident_id, user_id);
CREATE INDEX deliveries_by_alert ON deliveries (org_id, alert_id) WHERE alert_id IS NOT NULL;
CREATE INDEX deliveries_by_invitation ON deliveries (org_id, invitation_id)
    WHERE invitation_id IS NOT NULL;
CREATE INDEX deliveries_by_sign_in_link ON deliveries (org_id, sign_in_link_id)
    WHERE sign_in_link_id IS NOT NULL;
