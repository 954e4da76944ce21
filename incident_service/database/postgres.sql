-- The whole database of incident-service on a PostgreSQL server, readable from top to bottom.
--
-- It has the tables, columns, checks, keys and indexes of `schema.sql`, the same on SQLite: that file
-- says what they are for, and its conventions hold here too. A test compares the two. What differs:
--   * Text is STRING: it compares by its bytes, whatever the collation of the database.
--   * Numbers are BIGINT, and so is what is true or false: 1 or 0.
--   * A cast refuses what is not JSON, by an error of its own.
--   * Triggers call functions. None keeps an insert from replacing a row of history: here an insert
--     replaces nothing.
--   * `incident_words` is a table, which the store fills; SQLite has an index of its own kind.

CREATE DOMAIN STRING AS TEXT COLLATE "C";

-- The version of this schema, in its only row: what PRAGMA user_version is there.
CREATE TABLE schema_version (
    number BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO schema_version VALUES (8);

-- What SQLite has and PostgreSQL does not, as the service's statements use it. Functions that checks and
-- generated columns call name nothing of this file: a backup is restored where it is not found by name.

-- The elements of a list, each as text, at the places that they have in it.
CREATE FUNCTION json_each(list TEXT) RETURNS TABLE (key BIGINT, value STRING)
LANGUAGE SQL IMMUTABLE PARALLEL SAFE ROWS 100
AS $$
    SELECT ordinality - 1, element
    FROM json_array_elements_text(list::json) WITH ORDINALITY AS each (element, ordinality)
$$;

-- What is at a path such as `$.name` or `$[0]`, as text.
CREATE FUNCTION json_extract(value TEXT, path TEXT) RETURNS STRING
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
AS $$ SELECT value::json #>> string_to_array(ltrim(rtrim(path, ']'), '$.['), '.') $$;

-- Lists and objects of what the rows of a group have.
CREATE AGGREGATE json_group_array(TEXT) (
    SFUNC = array_append, STYPE = TEXT[], INITCOND = '{}', FINALFUNC = array_to_json);
CREATE AGGREGATE json_group_array(BIGINT) (
    SFUNC = array_append, STYPE = BIGINT[], INITCOND = '{}', FINALFUNC = array_to_json);
CREATE AGGREGATE json_group_array(JSON) (
    SFUNC = array_append, STYPE = JSON[], INITCOND = '{}', FINALFUNC = array_to_json);
CREATE FUNCTION json_with(pairs JSONB, key TEXT, value TEXT) RETURNS JSONB
LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$ SELECT pairs || jsonb_build_object(key, value) $$;
CREATE FUNCTION json_with(pairs JSONB, key TEXT, value BIGINT) RETURNS JSONB
LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$ SELECT pairs || jsonb_build_object(key, value) $$;
CREATE AGGREGATE json_group_object(TEXT, TEXT) (
    SFUNC = json_with, STYPE = JSONB, INITCOND = '{}');
CREATE AGGREGATE json_group_object(TEXT, BIGINT) (
    SFUNC = json_with, STYPE = JSONB, INITCOND = '{}');

-- The greater and the lesser of two; null if one of them is. Each is named once, so that the server puts
-- the function's own words in its place.
CREATE FUNCTION max(a TEXT, b TEXT) RETURNS STRING LANGUAGE SQL IMMUTABLE PARALLEL SAFE
AS $$ SELECT text_larger(a COLLATE "C", b) $$;
CREATE FUNCTION max(a BIGINT, b BIGINT) RETURNS BIGINT LANGUAGE SQL IMMUTABLE PARALLEL SAFE
AS $$ SELECT int8larger(a, b) $$;
CREATE FUNCTION min(a TEXT, b TEXT) RETURNS STRING LANGUAGE SQL IMMUTABLE PARALLEL SAFE
AS $$ SELECT text_smaller(a COLLATE "C", b) $$;
CREATE FUNCTION min(a BIGINT, b BIGINT) RETURNS BIGINT LANGUAGE SQL IMMUTABLE PARALLEL SAFE
AS $$ SELECT int8smaller(a, b) $$;

-- The beginning of a text, however many characters it is to have.
CREATE FUNCTION substr(value TEXT, first BIGINT, number BIGINT) RETURNS TEXT
LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$ SELECT substr(value, first::integer, number::integer) $$;

-- Where in a text a part of it begins, counted from 1; 0 if it is not there.
CREATE FUNCTION instr(value TEXT, part TEXT) RETURNS BIGINT
LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$ SELECT strpos(value, part)::bigint $$;

-- An organization: the owner of everything below. `last_incident_number` is the sequentialId that
-- its latest incident got, `last_incident_at` the latest instant at which one was opened, and
-- `clock_setback_ms` how far behind that instant an incident was ever opened later: writers overtake
-- each other by milliseconds, and clocks are set back. `public_revision` counts the changes to what
-- its status pages may show; triggers below move it. The default escalation policy is for alerts if
-- nothing nearer to them names one. `number` stands for the organization in the index of words.
CREATE TABLE organizations (
    id                           STRING NOT NULL PRIMARY KEY CHECK (id LIKE 'org\_%' ESCAPE '\'),
    number                       BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    name                         STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    timezone                     STRING NOT NULL DEFAULT 'UTC',  -- an IANA name
    default_escalation_policy_id STRING,
    last_incident_number         BIGINT NOT NULL DEFAULT 0,
    last_incident_at             STRING NOT NULL DEFAULT '',
    clock_setback_ms             BIGINT NOT NULL DEFAULT 0,
    public_revision              BIGINT NOT NULL DEFAULT 0,
    created_at                   STRING NOT NULL
);
CREATE UNIQUE INDEX organizations_number ON organizations (number);

-- A person who can own incidents and be on call.
CREATE TABLE users (
    org_id     STRING NOT NULL REFERENCES organizations (id),
    id         STRING NOT NULL CHECK (length(id) BETWEEN 1 AND 255),
    email      STRING NOT NULL CHECK (length(email) BETWEEN 1 AND 255),
    email_key  STRING NOT NULL,  -- the email with letter case folded: what is unique
    first_name STRING CHECK (length(first_name) <= 255),
    last_name  STRING CHECK (length(last_name) <= 255),
    role       STRING NOT NULL CHECK (role IN ('org:admin', 'org:member')),
    created_at STRING NOT NULL,
    updated_at STRING NOT NULL,
    deleted_at STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX users_email ON users (org_id, email_key) WHERE deleted_at IS NULL;
CREATE INDEX users_of_email ON users (email_key, org_id) WHERE deleted_at IS NULL;

-- Somebody who was asked to join the organization and is not a user yet. The row goes once they are, or
-- once it is revoked. Only the SHA-256 of the link's token is kept.
CREATE TABLE invitations (
    org_id     STRING NOT NULL REFERENCES organizations (id),
    id         STRING NOT NULL CHECK (id LIKE 'orginv\_%' ESCAPE '\'),
    email      STRING NOT NULL CHECK (length(email) BETWEEN 1 AND 255),
    email_key  STRING NOT NULL,  -- the email with letter case folded: what is unique
    role       STRING NOT NULL CHECK (role IN ('org:admin', 'org:member')),
    token_hash STRING NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_by STRING NOT NULL,
    created_at STRING NOT NULL,
    expires_at STRING NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, email_key)
);
CREATE INDEX invitations_by_end ON invitations (expires_at);
CREATE INDEX invitations_of_organization ON invitations (org_id, expires_at, id);

-- A secret that lets a script act for a user, or for itself if user_id is null. Only the
-- SHA-256 of the secret is kept. A revoked key stays, so that its use can be told from a typing
-- error.
CREATE TABLE api_keys (
    org_id         STRING NOT NULL REFERENCES organizations (id),
    id             STRING NOT NULL,
    user_id        STRING,
    name           STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    role           STRING NOT NULL CHECK (role IN ('org:admin', 'org:member')),
    key_hash       STRING NOT NULL UNIQUE CHECK (length(key_hash) = 64),
    key_prefix     STRING NOT NULL CHECK (length(key_prefix) = 14),
    created_at     STRING NOT NULL,
    expires_at     STRING,  -- as sent; null: never
    expires_at_utc STRING,
    last_used_at   STRING,  -- to the minute: not every request is a write
    deleted_at     STRING,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);

-- A browser in which a user is signed in to the console. It may do what the user may; one that was
-- started with an API key may no more than the key, and ends with it. The row goes once the session is
-- ended. Only the SHA-256 of the token is kept.
CREATE TABLE sessions (
    org_id       STRING NOT NULL REFERENCES organizations (id),
    id           STRING NOT NULL,
    user_id      STRING NOT NULL,
    api_key_id   STRING,
    token_hash   STRING NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    method       STRING NOT NULL
        CHECK (method IN ('link', 'mail', 'api_key', 'oidc', 'invitation')),
    user_agent   STRING CHECK (length(user_agent) <= 255),
    created_at   STRING NOT NULL,
    last_used_at STRING NOT NULL,  -- to the minute: not every request is a write
    PRIMARY KEY (org_id, id),
    CHECK ((method = 'api_key') = (api_key_id IS NOT NULL)),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, api_key_id) REFERENCES api_keys (org_id, id)
);
CREATE INDEX sessions_of_user ON sessions (org_id, user_id, last_used_at, id);
CREATE INDEX sessions_by_use ON sessions (last_used_at);

-- A link that signs a user in to the console, once. The row goes once it is used, or over.
CREATE TABLE sign_in_links (
    org_id     STRING NOT NULL REFERENCES organizations (id),
    id         STRING NOT NULL,
    user_id    STRING NOT NULL,
    method     STRING NOT NULL CHECK (method IN ('link', 'mail')),
    token_hash STRING NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_at STRING NOT NULL,
    expires_at STRING NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);
CREATE INDEX sign_in_links_of_user ON sign_in_links (org_id, user_id);
CREATE INDEX sign_in_links_by_end ON sign_in_links (expires_at);

-- Somebody asked for such a link by email: whatever the email is, so that nothing tells which emails are
-- users'. The rows of the last hour limit how many are asked for. They belong to no organization.
CREATE TABLE sign_in_requests (
    id         STRING NOT NULL PRIMARY KEY,
    email_hash STRING NOT NULL CHECK (length(email_hash) = 64),
    created_at STRING NOT NULL
);
CREATE INDEX sign_in_requests_of_email ON sign_in_requests (email_hash, created_at);
CREATE INDEX sign_in_requests_by_age ON sign_in_requests (created_at);

-- A part of the customer's product that an incident can affect. `escalation_policy_id` is the default
-- for alerts about it.
CREATE TABLE components (
    org_id               STRING NOT NULL REFERENCES organizations (id),
    id                   STRING NOT NULL,
    name                 STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description          STRING CHECK (length(description) <= 1000),
    group_label          STRING CHECK (length(group_label) <= 100),
    aliases              STRING NOT NULL DEFAULT '[]' CHECK (aliases::json IS NOT NULL),  -- a list of names
    escalation_policy_id STRING,
    created_at           STRING NOT NULL,
    updated_at           STRING NOT NULL,
    deleted_at           STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX components_name ON components (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX components_by_policy ON components (org_id, escalation_policy_id)
    WHERE escalation_policy_id IS NOT NULL;

-- A name or an alias of a component that is not deleted, without its letter case: alerts name it so.
CREATE TABLE component_names (
    org_id       STRING NOT NULL,
    name_key     STRING NOT NULL CHECK (length(name_key) <= 765),  -- of 255 characters, folded
    component_id STRING NOT NULL,
    PRIMARY KEY (org_id, name_key, component_id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
);
CREATE INDEX component_names_by_component ON component_names (org_id, component_id);

-- An on-call schedule: layers of rotations in one time zone.
CREATE TABLE schedules (
    org_id      STRING NOT NULL REFERENCES organizations (id),
    id          STRING NOT NULL,
    name        STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description STRING,
    timezone    STRING NOT NULL,  -- an IANA name
    created_by  STRING NOT NULL,
    created_at  STRING NOT NULL,
    updated_at  STRING NOT NULL,
    deleted_at  STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX schedules_name ON schedules (org_id, name) WHERE deleted_at IS NULL;

-- The time zone that a schedule was in until it got another; it tells what was night then.
CREATE TABLE schedule_zones (
    org_id      STRING NOT NULL,
    schedule_id STRING NOT NULL,
    valid_until STRING NOT NULL,
    timezone    STRING NOT NULL,
    PRIMARY KEY (org_id, schedule_id, valid_until),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
);

-- A rotation within a schedule, as it stands since its last edit. The lowest position comes first: it
-- owns the schedule while it is active. Positions may have gaps; clients see them counted from 0.
CREATE TABLE schedule_layers (
    org_id               STRING NOT NULL REFERENCES organizations (id),
    id                   STRING NOT NULL,
    schedule_id          STRING NOT NULL,
    name                 STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    position             BIGINT NOT NULL CHECK (position >= 0),
    rotation_type        STRING NOT NULL CHECK (rotation_type IN ('daily', 'weekly', 'custom')),
    rotation_length_days BIGINT NOT NULL CHECK (rotation_length_days BETWEEN 1 AND 3650),
    handoff_time         STRING NOT NULL CHECK (handoff_time ~ '^[0-2][0-9]:[0-5][0-9]$'),
    effective_from       STRING NOT NULL,  -- as sent
    effective_until      STRING,           -- as sent
    created_at           STRING NOT NULL,
    updated_at           STRING NOT NULL,
    valid_from           STRING,           -- when the last edit took effect; null: it always counted
    turns_from           STRING,           -- no turn begins before; null: as the rotation has it
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, schedule_id, position),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
);

-- A participant of a layer's rotation, at its place in the order.
CREATE TABLE schedule_layer_participants (
    org_id   STRING NOT NULL,
    layer_id STRING NOT NULL,
    ordinal  BIGINT NOT NULL CHECK (ordinal >= 0),
    user_id  STRING NOT NULL,
    PRIMARY KEY (org_id, layer_id, ordinal),
    FOREIGN KEY (org_id, layer_id) REFERENCES schedule_layers (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);
CREATE INDEX schedule_layer_participants_by_user ON schedule_layer_participants (org_id, user_id);

-- What a layer was until an edit, a reordering or its deletion; it tells who was on call then.
-- `participant_ids` is a list of users in order.
CREATE TABLE schedule_layer_versions (
    org_id               STRING NOT NULL REFERENCES organizations (id),
    schedule_id          STRING NOT NULL,
    layer_id             STRING NOT NULL,
    position             BIGINT NOT NULL,
    timezone             STRING NOT NULL,
    rotation_length_days BIGINT NOT NULL,
    handoff_time         STRING NOT NULL,
    effective_from       STRING NOT NULL,
    effective_until      STRING,
    participant_ids      STRING NOT NULL CHECK (participant_ids::json IS NOT NULL),
    valid_from           STRING,
    valid_until          STRING NOT NULL,
    turns_from           STRING,
    PRIMARY KEY (org_id, layer_id, valid_until),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
);
CREATE INDEX schedule_layer_versions_by_end
    ON schedule_layer_versions (org_id, schedule_id, valid_until);

-- Somebody who stands in for a schedule's first active layer for a while. If an override is changed
-- or deleted after it began, the part that was over stays, in a row of its own: its `past_of` names
-- the override. `starts_at_utc` and `ends_at_utc` are the time for which it counts.
CREATE TABLE schedule_overrides (
    org_id        STRING NOT NULL REFERENCES organizations (id),
    id            STRING NOT NULL,
    schedule_id   STRING NOT NULL,
    user_id       STRING NOT NULL,
    starts_at     STRING NOT NULL,  -- as sent
    ends_at       STRING NOT NULL,  -- as sent
    starts_at_utc STRING NOT NULL,
    ends_at_utc   STRING NOT NULL,
    reason        STRING CHECK (length(reason) <= 255),
    created_by    STRING NOT NULL,
    created_at    STRING NOT NULL,
    past_of       STRING,
    PRIMARY KEY (org_id, id),
    CHECK (starts_at_utc < ends_at_utc),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);
CREATE INDEX schedule_overrides_by_end
    ON schedule_overrides (org_id, schedule_id, ends_at_utc, starts_at_utc);
CREATE INDEX schedule_overrides_by_end_as_they_are
    ON schedule_overrides (org_id, schedule_id, ends_at_utc, starts_at_utc) WHERE past_of IS NULL;
CREATE INDEX schedule_overrides_by_user ON schedule_overrides (org_id, user_id, ends_at_utc);

-- An address at which a calendar program reads shifts, without a key. Only the SHA-256 of its token is
-- kept. It ends with its user.
CREATE TABLE calendar_feeds (
    org_id      STRING NOT NULL REFERENCES organizations (id),
    user_id     STRING NOT NULL,
    id          STRING NOT NULL,
    schedule_id STRING,  -- null: the user's own shifts, of all schedules
    token_hash  STRING NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_at  STRING NOT NULL,
    PRIMARY KEY (org_id, user_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
);

-- The hours of the week in which somebody works, in one time zone. `windows` is a list of
-- {"days": [1...7], "start": "HH:MM", "end": "HH:MM"}.
CREATE TABLE working_hours (
    org_id     STRING NOT NULL REFERENCES organizations (id),
    id         STRING NOT NULL,
    name       STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    timezone   STRING NOT NULL,  -- an IANA name
    windows    STRING NOT NULL CHECK (windows::json IS NOT NULL),
    created_at STRING NOT NULL,
    updated_at STRING NOT NULL,
    deleted_at STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX working_hours_name ON working_hours (org_id, name) WHERE deleted_at IS NULL;

-- Whom to page, in which order, until somebody acknowledges. `repeat` is how many times it starts again
-- once its layers are used up.
CREATE TABLE escalation_policies (
    org_id      STRING NOT NULL REFERENCES organizations (id),
    id          STRING NOT NULL,
    name        STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description STRING,
    repeat      BIGINT NOT NULL DEFAULT 0 CHECK (repeat BETWEEN 0 AND 9),
    created_by  STRING NOT NULL,
    created_at  STRING NOT NULL,
    updated_at  STRING NOT NULL,
    deleted_at  STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX escalation_policies_name
    ON escalation_policies (org_id, name) WHERE deleted_at IS NULL;
ALTER TABLE organizations ADD FOREIGN KEY (id, default_escalation_policy_id)
    REFERENCES escalation_policies (org_id, id);
ALTER TABLE components ADD FOREIGN KEY (org_id, escalation_policy_id)
    REFERENCES escalation_policies (org_id, id);

-- One step of a policy: a schedule, or the users in escalation_layer_users. With working hours, it
-- takes part only during or outside them.
CREATE TABLE escalation_layers (
    org_id                 STRING NOT NULL REFERENCES organizations (id),
    id                     STRING NOT NULL,
    policy_id              STRING NOT NULL,
    position               BIGINT NOT NULL CHECK (position >= 1),
    escalate_after_seconds BIGINT NOT NULL CHECK (escalate_after_seconds BETWEEN 60 AND 604800),
    target_type            STRING NOT NULL CHECK (target_type IN ('schedule', 'users')),
    schedule_id            STRING,
    working_hours_id       STRING,
    working_hours_when     STRING CHECK (working_hours_when IN ('during', 'outside')),
    created_at             STRING NOT NULL,
    updated_at             STRING NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, policy_id, position),
    CHECK ((target_type = 'schedule') = (schedule_id IS NOT NULL)),
    CHECK ((working_hours_id IS NULL) = (working_hours_when IS NULL)),
    FOREIGN KEY (org_id, working_hours_id) REFERENCES working_hours (org_id, id),
    FOREIGN KEY (org_id, policy_id) REFERENCES escalation_policies (org_id, id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id)
);
CREATE INDEX escalation_layers_by_schedule ON escalation_layers (org_id, schedule_id, position)
    WHERE schedule_id IS NOT NULL;

-- A user whom a policy's layer names directly, at their place in the order.
CREATE TABLE escalation_layer_users (
    org_id   STRING NOT NULL,
    layer_id STRING NOT NULL,
    ordinal  BIGINT NOT NULL CHECK (ordinal >= 0),
    user_id  STRING NOT NULL,
    PRIMARY KEY (org_id, layer_id, ordinal),
    FOREIGN KEY (org_id, layer_id) REFERENCES escalation_layers (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);

-- What becomes of alerts, by their severity. Every organization has one default policy.
CREATE TABLE routing_policies (
    org_id      STRING NOT NULL REFERENCES organizations (id),
    id          STRING NOT NULL,
    name        STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description STRING,
    is_default  BIGINT NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at  STRING NOT NULL,
    updated_at  STRING NOT NULL,
    deleted_at  STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX routing_policies_name ON routing_policies (org_id, name)
    WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX routing_policies_default ON routing_policies (org_id) WHERE is_default = 1;

-- What becomes of the alerts of one severity, at its place in the order sent. The escalation policy is
-- kept if the outcome does not use it, too.
CREATE TABLE routing_rules (
    org_id               STRING NOT NULL,
    routing_policy_id    STRING NOT NULL,
    ordinal              BIGINT NOT NULL CHECK (ordinal BETWEEN 0 AND 3),
    severity             STRING NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    outcome              STRING NOT NULL
        CHECK (outcome IN ('incident', 'provisional_page', 'notification', 'drop')),
    escalation_policy_id STRING,
    PRIMARY KEY (org_id, routing_policy_id, severity),
    FOREIGN KEY (org_id, routing_policy_id) REFERENCES routing_policies (org_id, id),
    FOREIGN KEY (org_id, escalation_policy_id) REFERENCES escalation_policies (org_id, id)
);
CREATE INDEX routing_rules_by_escalation_policy ON routing_rules (org_id, escalation_policy_id)
    WHERE escalation_policy_id IS NOT NULL;

-- A tool that sends alerts, and how they are read. Only the SHA-256 of its token is kept. `severity_map`
-- is an object from the tool's words to severities, `mapping` one from an alert's fields to JMESPath
-- expressions. `receipts` counts the requests that ever came.
CREATE TABLE integrations (
    org_id                STRING NOT NULL REFERENCES organizations (id),
    id                    STRING NOT NULL,
    name                  STRING NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    kind                  STRING NOT NULL CHECK (kind IN (
        'alertmanager', 'grafana', 'pagerduty', 'opsgenie', 'uptime_kuma', 'healthchecks',
        'generic', 'heartbeat')),
    component_id          STRING,
    routing_policy_id     STRING,  -- null: the default one
    default_severity      STRING NOT NULL
        CHECK (default_severity IN ('critical', 'high', 'medium', 'low')),
    severity_map          STRING NOT NULL DEFAULT '{}' CHECK (severity_map::json IS NOT NULL),
    auto_resolve          BIGINT NOT NULL CHECK (auto_resolve IN (0, 1)),
    resolve_after_seconds BIGINT NOT NULL CHECK (resolve_after_seconds BETWEEN 0 AND 3600),
    mapping               STRING CHECK (mapping IS NULL OR mapping::json IS NOT NULL),
    every_seconds         BIGINT CHECK (every_seconds BETWEEN 60 AND 2592000),
    grace_seconds         BIGINT CHECK (grace_seconds BETWEEN 0 AND 86400),
    token_hash            STRING NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    receipts              BIGINT NOT NULL DEFAULT 0,
    last_received_at      STRING,
    created_at            STRING NOT NULL,
    updated_at            STRING NOT NULL,
    deleted_at            STRING,
    PRIMARY KEY (org_id, id),
    CHECK ((kind = 'heartbeat') = (every_seconds IS NOT NULL)),
    CHECK ((kind = 'heartbeat') = (grace_seconds IS NOT NULL)),
    CHECK (mapping IS NULL OR kind = 'generic'),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id),
    FOREIGN KEY (org_id, routing_policy_id) REFERENCES routing_policies (org_id, id)
);
CREATE UNIQUE INDEX integrations_name ON integrations (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX integrations_by_component ON integrations (org_id, component_id)
    WHERE component_id IS NOT NULL;
CREATE INDEX integrations_by_routing_policy ON integrations (org_id, routing_policy_id)
    WHERE routing_policy_id IS NOT NULL;

-- A routing policy for those alerts of an integration whose attributes match, at its place in the order
-- in which they are tried. `matchers` is a list of {"key": "...", "value": "..."}.
CREATE TABLE integration_selectors (
    org_id            STRING NOT NULL,
    integration_id    STRING NOT NULL,
    ordinal           BIGINT NOT NULL CHECK (ordinal >= 0),
    matchers          STRING NOT NULL CHECK (matchers::json IS NOT NULL),
    routing_policy_id STRING NOT NULL,
    PRIMARY KEY (org_id, integration_id, ordinal),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id),
    FOREIGN KEY (org_id, routing_policy_id) REFERENCES routing_policies (org_id, id)
);
CREATE INDEX integration_selectors_by_routing_policy
    ON integration_selectors (org_id, routing_policy_id);

-- One of the latest requests that came for an integration: the beginning of its body without secrets,
-- how it was answered, and what became of it. The 51st takes the place of the first.
CREATE TABLE receipts (
    org_id         STRING NOT NULL,
    integration_id STRING NOT NULL,
    slot           BIGINT NOT NULL CHECK (slot BETWEEN 0 AND 49),
    id             STRING NOT NULL,
    received_at    STRING NOT NULL,
    status         BIGINT NOT NULL,  -- the HTTP status of the answer
    body           STRING NOT NULL CHECK (length(body) <= 8192),
    result         STRING NOT NULL CHECK (result::json IS NOT NULL),
    PRIMARY KEY (org_id, integration_id, slot),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id)
);
CREATE INDEX receipts_by_age ON receipts (received_at);

-- Something that went wrong, and who looks after it. Status pages show it only if `is_public`, under
-- `public_title` if that is set; `public_updated_at` is when what they show of it last changed.
-- `is_paged` says whether a page to anybody was made since it opened or was reopened, since
-- `handed_off_at`, or since a snooze was over; `repeats` how many times its policy has started again
-- since it opened or was reopened. `snoozed_until` is when an acknowledgement ends by itself;
-- `first_acknowledged_at` and `first_acknowledged_by` stay whatever happens later. Alerts of
-- `integration_id` opened it, unless that is null: `is_storm` says that it takes in all kinds of them,
-- `is_provisional` that no person has acted on it yet, and `is_left_to_people` that a person did so much
-- that it is not resolved with its alerts. `trail_deleted_at` is when retention began to delete its trail
-- and its alerts.
CREATE TABLE incidents (
    org_id                STRING NOT NULL REFERENCES organizations (id),
    id                    STRING NOT NULL,
    sequential_id         BIGINT NOT NULL CHECK (sequential_id >= 1),
    title                 STRING NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
    description           STRING CHECK (length(description) <= 10000),
    severity              STRING NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    status                STRING NOT NULL
        CHECK (status IN ('investigating', 'identified', 'monitoring', 'resolved')),
    owner_id              STRING,
    owner_schedule_id     STRING,
    escalation_policy_id  STRING,
    acknowledged_at       STRING,
    acknowledged_by       STRING,
    first_acknowledged_at STRING,
    first_acknowledged_by STRING,
    snoozed_until         STRING,
    handed_off_at         STRING,
    is_paged              BIGINT NOT NULL DEFAULT 0 CHECK (is_paged IN (0, 1)),
    repeats               BIGINT NOT NULL DEFAULT 0 CHECK (repeats >= 0),
    resolved_at           STRING,
    is_public             BIGINT NOT NULL DEFAULT 1 CHECK (is_public IN (0, 1)),
    public_title          STRING CHECK (length(public_title) BETWEEN 1 AND 100),
    is_provisional        BIGINT NOT NULL DEFAULT 0 CHECK (is_provisional IN (0, 1)),
    is_storm              BIGINT NOT NULL DEFAULT 0 CHECK (is_storm IN (0, 1)),
    is_left_to_people     BIGINT NOT NULL DEFAULT 0 CHECK (is_left_to_people IN (0, 1)),
    integration_id        STRING,
    created_by            STRING NOT NULL,  -- a user's id, an integration's, or a key's without a user
    created_at            STRING NOT NULL,
    latest_at             STRING NOT NULL,  -- the latest created_at up to here: it never falls
    updated_at            STRING NOT NULL,
    public_updated_at     STRING NOT NULL,
    trail_deleted_at      STRING,
    acknowledge_ms        BIGINT,  -- from created_at to first_acknowledged_at; a trigger keeps it
    resolve_ms            BIGINT,  -- from created_at to resolved_at; as well
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, sequential_id),
    FOREIGN KEY (org_id, owner_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, owner_schedule_id) REFERENCES schedules (org_id, id),
    FOREIGN KEY (org_id, escalation_policy_id) REFERENCES escalation_policies (org_id, id),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id)
);

CREATE INDEX incidents_by_status ON incidents (org_id, status, sequential_id);
CREATE INDEX incidents_open ON incidents (org_id, sequential_id) WHERE status <> 'resolved';
CREATE INDEX incidents_open_by_severity ON incidents (org_id, severity, sequential_id)
    WHERE status <> 'resolved';
CREATE INDEX incidents_waiting ON incidents (org_id, owner_id, sequential_id)
    WHERE status <> 'resolved' AND acknowledged_at IS NULL;
CREATE INDEX incidents_by_severity ON incidents (org_id, severity, sequential_id);
CREATE INDEX incidents_by_owner ON incidents (org_id, owner_id, sequential_id)
    WHERE owner_id IS NOT NULL;
CREATE INDEX incidents_by_resolution ON incidents (org_id, resolved_at)
    WHERE resolved_at IS NOT NULL;
CREATE INDEX incidents_by_integration ON incidents (org_id, integration_id, sequential_id)
    WHERE integration_id IS NOT NULL;
CREATE INDEX incidents_by_opening ON incidents (
    org_id, created_at, is_provisional, severity, owner_schedule_id, acknowledge_ms,
    first_acknowledged_by, resolve_ms, sequential_id);  -- all that reports read
CREATE INDEX incidents_storms ON incidents (org_id, integration_id, sequential_id)
    WHERE is_storm = 1;
CREATE INDEX incidents_provisional ON incidents (org_id, id) WHERE is_provisional = 1;
CREATE FUNCTION milliseconds_between(earlier TEXT, later TEXT) RETURNS BIGINT
LANGUAGE SQL STABLE AS $$
    SELECT round(1000 * extract(epoch FROM CAST(later AS TIMESTAMPTZ) - CAST(earlier AS TIMESTAMPTZ)))
$$;
CREATE FUNCTION time_incident() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE incidents SET
        acknowledge_ms = milliseconds_between(created_at, first_acknowledged_at),
        resolve_ms = milliseconds_between(created_at, resolved_at)
    WHERE org_id = NEW.org_id AND id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER incidents_come_timed AFTER INSERT ON incidents
FOR EACH ROW WHEN (NEW.first_acknowledged_at IS NOT NULL OR NEW.resolved_at IS NOT NULL)
EXECUTE FUNCTION time_incident();
CREATE TRIGGER incidents_are_timed
AFTER UPDATE OF created_at, first_acknowledged_at, resolved_at ON incidents
FOR EACH ROW EXECUTE FUNCTION time_incident();

-- Which words are in an incident's title and description, for search. No text is kept.
-- `database/word_index.py` says what is in a word.
CREATE TABLE incident_words (
    org_id        STRING NOT NULL REFERENCES organizations (id),
    sequential_id BIGINT NOT NULL,  -- the incident's
    words         TSVECTOR NOT NULL,
    PRIMARY KEY (org_id, sequential_id)
);
CREATE INDEX incident_words_by_word ON incident_words USING gin (words);

-- A component that an incident affects, at its place in the order sent.
CREATE TABLE incident_components (
    org_id        STRING NOT NULL,
    incident_id   STRING NOT NULL,
    component_id  STRING NOT NULL,
    ordinal       BIGINT NOT NULL CHECK (ordinal >= 0),
    sequential_id BIGINT NOT NULL,  -- the incident's
    PRIMARY KEY (org_id, incident_id, component_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
);
CREATE INDEX incident_components_by_component
    ON incident_components (org_id, component_id, sequential_id);

-- Somebody who was asked to help with an incident; its owner stays the owner.
CREATE TABLE incident_responders (
    org_id      STRING NOT NULL,
    incident_id STRING NOT NULL,
    user_id     STRING NOT NULL,
    added_at    STRING NOT NULL,
    added_by    STRING NOT NULL,
    PRIMARY KEY (org_id, incident_id, user_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);
CREATE INDEX incident_responders_by_user ON incident_responders (org_id, user_id, incident_id);

-- A status that an incident reached; the first row is its opening.
CREATE TABLE status_history (
    org_id          STRING NOT NULL,
    incident_id     STRING NOT NULL,
    number          BIGINT NOT NULL,  -- 1, 2, 3 ... of each incident
    id              STRING NOT NULL,
    status          STRING NOT NULL
        CHECK (status IN ('investigating', 'identified', 'monitoring', 'resolved')),
    changed_at      STRING NOT NULL,
    changed_by      STRING NOT NULL,
    resolution_note STRING CHECK (length(resolution_note) <= 10000),
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);

-- Something that happened to an incident, and who did it (null: the service itself). A page is one
-- message a contact method: if it is the first of these that was sent, `paged_user_id` says for reports
-- who was paged, and `paged_schedule_id` is the incident's `owner_schedule_id`.
CREATE TABLE audit_events (
    org_id      STRING NOT NULL,
    incident_id STRING NOT NULL,
    number      BIGINT NOT NULL,  -- 1, 2, 3 ... of each incident
    id          STRING NOT NULL,
    event       STRING NOT NULL CHECK (event IN (
        'incident_opened', 'incident_edited', 'status_changed', 'components_changed',
        'page_sent', 'page_failed', 'incident_acknowledged', 'incident_handed_off',
        'layer_escalated', 'layer_skipped', 'escalation_exhausted', 'last_resort_paged',
        'update_posted', 'update_redacted', 'incident_confirmed', 'alert_attached',
        'alert_resolved', 'incident_unacknowledged', 'incident_snoozed', 'incident_reopened',
        'responder_added', 'responder_removed')),
    at          STRING NOT NULL,
    actor_id    STRING,
    details     STRING NOT NULL CHECK (details::json IS NOT NULL),
    paged_user_id     STRING CHECK (paged_user_id IS NULL OR event = 'page_sent'),
    paged_schedule_id STRING,
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);
CREATE INDEX audit_events_pages
    ON audit_events (org_id, paged_user_id, at, paged_schedule_id, incident_id)
    WHERE paged_user_id IS NOT NULL;

-- A change to anything but an incident, and who made it (null: a command, or the service itself): the
-- audit log. `before` is null if the thing is new, `after` if it is gone; of a thing that stays they
-- have what changed. They never hold a secret.
CREATE TABLE changes (
    org_id        STRING NOT NULL REFERENCES organizations (id),
    number        BIGINT NOT NULL,  -- 1, 2, 3 ... of each organization
    id            STRING NOT NULL,
    at            STRING NOT NULL,     -- never falls from one number to the next
    actor_id      STRING,
    action        STRING NOT NULL
        CHECK (action IN ('created', 'changed', 'deleted', 'token_rotated')),
    resource_type STRING NOT NULL CHECK (resource_type IN (
        'organization', 'user', 'invitation', 'api_key', 'session', 'contact_method',
        'notification_rules', 'calendar_feed', 'component', 'schedule', 'schedule_layer',
        'schedule_override', 'working_hours', 'escalation_policy', 'escalation_layer',
        'routing_policy', 'integration', 'alert', 'maintenance_window', 'status_page',
        'subscription', 'postmortem', 'postmortem_template')),
    resource_id   STRING NOT NULL,
    before        STRING CHECK (before IS NULL OR before::json IS NOT NULL),
    after         STRING CHECK (after IS NULL OR after::json IS NOT NULL),
    PRIMARY KEY (org_id, number)
);
CREATE INDEX changes_by_time ON changes (org_id, at, number);
CREATE INDEX changes_by_resource_type ON changes (org_id, resource_type, number);
CREATE INDEX changes_by_resource ON changes (org_id, resource_id, number);
CREATE INDEX changes_by_actor ON changes (org_id, actor_id, number) WHERE actor_id IS NOT NULL;

-- What a tool said is wrong. While it fires, it is the only one of its integration that has this
-- `dedup_key`; alerts that share a `group_key` share an incident. `attributes` is an object of texts,
-- `links` a list of {"text": "...", "href": "..."}, and `count` the number of deliveries in which it
-- fired. `outcome` is `suppressed` if maintenance kept it from being routed. `notified_at` is when a
-- message about it was due; it says that there are many if `is_storm`.
CREATE TABLE alerts (
    org_id         STRING NOT NULL REFERENCES organizations (id),
    id             STRING NOT NULL,
    integration_id STRING NOT NULL,
    dedup_key      STRING NOT NULL CHECK (length(dedup_key) BETWEEN 1 AND 512),
    group_key      STRING NOT NULL CHECK (length(group_key) BETWEEN 1 AND 512),
    status         STRING NOT NULL CHECK (status IN ('firing', 'resolved')),
    severity       STRING NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    title          STRING NOT NULL CHECK (length(title) BETWEEN 1 AND 1024),
    description    STRING CHECK (length(description) <= 10000),
    attributes     STRING NOT NULL CHECK (attributes::json IS NOT NULL),
    links          STRING NOT NULL CHECK (links::json IS NOT NULL),
    component_id   STRING,
    incident_id    STRING,
    outcome        STRING NOT NULL CHECK (outcome IN (
        'incident', 'provisional_page', 'notification', 'drop', 'suppressed')),
    count          BIGINT NOT NULL CHECK (count >= 1),
    first_at       STRING NOT NULL,
    last_at        STRING NOT NULL,
    resolved_at    STRING,
    notified_at    STRING,
    is_storm       BIGINT NOT NULL DEFAULT 0 CHECK (is_storm IN (0, 1)),
    PRIMARY KEY (org_id, id),
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);
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

-- The unresolved incident that a group's alerts join. The row goes when the incident is resolved.
CREATE TABLE open_groups (
    org_id         STRING NOT NULL,
    integration_id STRING NOT NULL,
    group_key      STRING NOT NULL,
    incident_id    STRING NOT NULL,
    PRIMARY KEY (org_id, integration_id, group_key),
    FOREIGN KEY (org_id, integration_id) REFERENCES integrations (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);
CREATE INDEX open_groups_by_incident ON open_groups (org_id, incident_id);

-- A time in which work on components is planned. Status pages show it if `is_public`; meanwhile alerts
-- about the components open nothing if `suppresses_alerts`. `ends_at` is null until somebody ends it.
CREATE TABLE maintenance_windows (
    org_id            STRING NOT NULL REFERENCES organizations (id),
    id                STRING NOT NULL,
    title             STRING NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
    description       STRING CHECK (length(description) <= 10000),
    starts_at         STRING NOT NULL,  -- as sent
    ends_at           STRING,           -- as sent
    starts_at_utc     STRING NOT NULL,
    ends_at_utc       STRING,
    is_public         BIGINT NOT NULL CHECK (is_public IN (0, 1)),
    suppresses_alerts BIGINT NOT NULL CHECK (suppresses_alerts IN (0, 1)),
    created_by        STRING NOT NULL,
    created_at        STRING NOT NULL,
    updated_at        STRING NOT NULL,
    deleted_at        STRING,
    PRIMARY KEY (org_id, id),
    CHECK (starts_at_utc < ends_at_utc),
    CHECK ((ends_at IS NULL) = (ends_at_utc IS NULL))
);
CREATE INDEX maintenance_windows_by_end ON maintenance_windows (org_id, ends_at_utc, starts_at_utc)
    WHERE deleted_at IS NULL;

-- A component that a maintenance window is about, at its place in the order sent.
CREATE TABLE maintenance_window_components (
    org_id                STRING NOT NULL,
    maintenance_window_id STRING NOT NULL,
    component_id          STRING NOT NULL,
    ordinal               BIGINT NOT NULL CHECK (ordinal >= 0),
    PRIMARY KEY (org_id, maintenance_window_id, component_id),
    FOREIGN KEY (org_id, maintenance_window_id) REFERENCES maintenance_windows (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
);
CREATE INDEX maintenance_window_components_by_component
    ON maintenance_window_components (org_id, component_id);

-- Something that the service does by itself at an instant, and for what: it sends the message about an
-- alert, resolves an incident whose alerts are over, notices that a heartbeat is missing, routes what a
-- maintenance window suppressed, resolves the alerts of a deleted integration, or looks whether a
-- watched schedule's owner has changed. The row goes once that is done.
CREATE TABLE tasks (
    org_id     STRING NOT NULL REFERENCES organizations (id),
    kind       STRING NOT NULL CHECK (kind IN (
        'notify', 'resolve_incident', 'miss_heartbeat', 'end_maintenance', 'resolve_alerts',
        'watch_schedule')),
    subject_id STRING NOT NULL,
    due_at     STRING NOT NULL,
    PRIMARY KEY (org_id, kind, subject_id)
);
CREATE INDEX tasks_by_due ON tasks (due_at);
CREATE INDEX tasks_by_organization ON tasks (org_id, due_at);

-- The latest instant at which a paging process was seen at work, and since when one has been at work
-- all the time. A heartbeat that did not come while none was at work means nothing.
CREATE TABLE paging_presence (
    number        BIGINT NOT NULL PRIMARY KEY CHECK (number = 1),
    seen_at       STRING,
    present_since STRING
);
INSERT INTO paging_presence VALUES (1, NULL, NULL);

-- What was told about an incident: to the organization alone (internal), or to everybody (public).
-- `posted_by` is a user's id, or that of a key that acts for itself, and `posted_by_name` the name it
-- had then; so are `redacted_by` and its name. Redacting takes the text out of the row for good.
CREATE TABLE incident_updates (
    org_id           STRING NOT NULL,
    incident_id      STRING NOT NULL,
    number           BIGINT NOT NULL,  -- 1, 2, 3 ... of each incident
    id               STRING NOT NULL,
    visibility       STRING NOT NULL CHECK (visibility IN ('internal', 'public')),
    body             STRING CHECK (length(body) <= 10000),
    status_change    STRING CHECK (status_change IN ('identified', 'monitoring', 'resolved')),
    posted_by        STRING NOT NULL,
    posted_by_name   STRING NOT NULL,
    posted_at        STRING NOT NULL,
    redacted_at      STRING,
    redacted_by      STRING,
    redacted_by_name STRING,
    PRIMARY KEY (org_id, incident_id, number),
    CHECK ((redacted_at IS NULL) = (redacted_by IS NULL)),
    CHECK (redacted_at IS NULL OR body IS NULL),
    CHECK (redacted_at IS NOT NULL OR body IS NOT NULL OR status_change IS NOT NULL),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);

-- A page on which everybody can see how some components are.
CREATE TABLE status_pages (
    org_id     STRING NOT NULL REFERENCES organizations (id),
    id         STRING NOT NULL,
    slug       STRING NOT NULL
        CHECK (length(slug) BETWEEN 3 AND 63 AND slug !~ '[^a-z0-9-]'),
    title      STRING NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    published  BIGINT NOT NULL CHECK (published IN (0, 1)),
    created_at STRING NOT NULL,
    updated_at STRING NOT NULL,
    deleted_at STRING,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX status_pages_slug ON status_pages (slug) WHERE deleted_at IS NULL;
CREATE INDEX status_pages_title ON status_pages (org_id, title, slug) WHERE deleted_at IS NULL;

-- A component that a status page shows, at its place in the order sent. `status`: set by hand, for
-- this page only.
CREATE TABLE status_page_components (
    org_id         STRING NOT NULL,
    status_page_id STRING NOT NULL,
    ordinal        BIGINT NOT NULL CHECK (ordinal >= 0),
    component_id   STRING NOT NULL,
    status         STRING CHECK (status IN (
        'operational', 'maintenance', 'degraded', 'partial_outage', 'major_outage')),
    PRIMARY KEY (org_id, status_page_id, component_id),
    FOREIGN KEY (org_id, status_page_id) REFERENCES status_pages (org_id, id),
    FOREIGN KEY (org_id, component_id) REFERENCES components (org_id, id)
);
CREATE INDEX status_page_components_by_component
    ON status_page_components (org_id, component_id);

-- A version of what was learned from an incident, as somebody saved it; the latest one is its post-mortem.
-- `body` is Markdown, `author_ids` a list of users in the order sent.
CREATE TABLE postmortem_versions (
    org_id        STRING NOT NULL,
    incident_id   STRING NOT NULL,
    number        BIGINT NOT NULL,  -- 1, 2, 3 ... of each incident
    id            STRING NOT NULL,
    body          STRING NOT NULL CHECK (length(body) <= 100000),
    status        STRING NOT NULL CHECK (status IN ('draft', 'published')),
    author_ids    STRING NOT NULL CHECK (author_ids::json IS NOT NULL),
    saved_by      STRING NOT NULL,  -- a user's id, or a key's without a user
    saved_by_name STRING NOT NULL,
    saved_at      STRING NOT NULL,
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);

-- What an organization's new post-mortems start from, if it is not what comes with the service. Markdown.
CREATE TABLE postmortem_templates (
    org_id     STRING NOT NULL PRIMARY KEY REFERENCES organizations (id),
    body       STRING NOT NULL CHECK (length(body) BETWEEN 1 AND 20000),
    updated_by STRING NOT NULL,
    updated_at STRING NOT NULL
);

-- How far back an organization's history is kept, if a retention is set: what happened before `kept_from`
-- may be deleted; '' until then. The trails of incidents that were resolved before `trails_from` are gone
-- already. `due_at` is when the next part of it is looked at. After the first time, `kept_from` moves on
-- by a day at most, so that a clock that is wrong by years does not cost everything.
CREATE TABLE retention (
    org_id      STRING NOT NULL PRIMARY KEY REFERENCES organizations (id),
    kept_from   STRING NOT NULL DEFAULT '',
    trails_from STRING NOT NULL DEFAULT '',
    due_at      STRING NOT NULL DEFAULT '',
    CHECK (trails_from <= kept_from)
);
CREATE INDEX retention_by_due ON retention (due_at);
CREATE FUNCTION make_retention() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO retention (org_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_have_retention AFTER INSERT ON organizations
FOR EACH ROW EXECUTE FUNCTION make_retention();
CREATE FUNCTION refuse_retention() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'retention moves on, by a day at most'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION a_day_after(instant TEXT) RETURNS TEXT LANGUAGE SQL IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_char(instant::timestamp + INTERVAL '1 day', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
CREATE TRIGGER retention_moves_by_a_day BEFORE UPDATE OF org_id, kept_from ON retention
FOR EACH ROW WHEN (
    NEW.org_id <> OLD.org_id
    OR OLD.kept_from <> ''
      AND NOT NEW.kept_from BETWEEN OLD.kept_from AND a_day_after(OLD.kept_from))
EXECUTE FUNCTION refuse_retention();
CREATE TRIGGER retention_keeps_rows BEFORE DELETE ON retention
FOR EACH ROW EXECUTE FUNCTION refuse_retention();
CREATE TRIGGER retention_is_not_emptied BEFORE TRUNCATE ON retention
FOR EACH STATEMENT EXECUTE FUNCTION refuse_retention();

-- History is append-only, but for what retention lets go.
CREATE FUNCTION refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER status_history_keeps_rows BEFORE DELETE ON status_history
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER status_history_keeps_values BEFORE UPDATE ON status_history
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER status_history_is_not_emptied BEFORE TRUNCATE ON status_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION keep_trail() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention
               JOIN incidents ON incidents.org_id = retention.org_id
               WHERE retention.org_id = OLD.org_id AND incidents.id = OLD.incident_id
                 AND incidents.resolved_at < retention.kept_from) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_events_keeps_rows BEFORE DELETE ON audit_events
FOR EACH ROW EXECUTE FUNCTION keep_trail();
CREATE TRIGGER audit_events_keeps_values BEFORE UPDATE ON audit_events
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_is_not_emptied BEFORE TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION keep_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention WHERE org_id = OLD.org_id AND OLD.at < kept_from) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'changes is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER changes_keeps_rows BEFORE DELETE ON changes
FOR EACH ROW EXECUTE FUNCTION keep_change();
CREATE TRIGGER changes_keeps_values BEFORE UPDATE ON changes
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER changes_is_not_emptied BEFORE TRUNCATE ON changes
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER postmortem_versions_keeps_rows BEFORE DELETE ON postmortem_versions
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER postmortem_versions_keeps_values BEFORE UPDATE ON postmortem_versions
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER postmortem_versions_is_not_emptied BEFORE TRUNCATE ON postmortem_versions
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An update never changes, except that it can be redacted once.
CREATE TRIGGER incident_updates_keeps_rows BEFORE DELETE ON incident_updates
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER incident_updates_keeps_values BEFORE UPDATE ON incident_updates
FOR EACH ROW WHEN (
    OLD.redacted_at IS NOT NULL OR NEW.redacted_at IS NULL
    OR (OLD.org_id, OLD.incident_id, OLD.number, OLD.id, OLD.visibility, OLD.status_change,
        OLD.posted_by, OLD.posted_by_name, OLD.posted_at)
       IS DISTINCT FROM
       (NEW.org_id, NEW.incident_id, NEW.number, NEW.id, NEW.visibility, NEW.status_change,
        NEW.posted_by, NEW.posted_by_name, NEW.posted_at))
EXECUTE FUNCTION refuse_change();
CREATE TRIGGER incident_updates_is_not_emptied BEFORE TRUNCATE ON incident_updates
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every change to what a status page may show moves the organization's public_revision, so a status
-- page that was rendered at this revision is still right.
CREATE FUNCTION move_public_revision() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organizations SET public_revision = public_revision + 1
    WHERE id = coalesce(NEW.org_id, OLD.org_id);
    RETURN NULL;
END $$;
CREATE TRIGGER incidents_are_public
AFTER UPDATE OF
    title, severity, status, is_public, is_provisional, public_title, public_updated_at
ON incidents
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER incident_components_are_public AFTER INSERT ON incident_components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER incident_components_no_longer_public AFTER DELETE ON incident_components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER incident_updates_are_public AFTER INSERT ON incident_updates
FOR EACH ROW WHEN (NEW.visibility = 'public') EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER redacted_updates_no_longer_public AFTER UPDATE ON incident_updates
FOR EACH ROW WHEN (NEW.visibility = 'public') EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER components_are_public AFTER UPDATE ON components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER status_pages_are_public AFTER UPDATE ON status_pages
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER status_page_components_are_public AFTER INSERT ON status_page_components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER status_page_components_no_longer_public AFTER DELETE ON status_page_components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER maintenance_windows_are_public AFTER UPDATE ON maintenance_windows
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER maintenance_window_components_are_public
AFTER INSERT ON maintenance_window_components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();
CREATE TRIGGER maintenance_window_components_no_longer_public
AFTER DELETE ON maintenance_window_components
FOR EACH ROW EXECUTE FUNCTION move_public_revision();

-- A way to reach a user: an Apprise URL, or an https:// URL for this service's own webhook. The URL
-- holds secrets: it is never shown whole, and never logged. `works_since` is when a message arrived by
-- it after none had, or after one had failed for good; null: the last one failed so, or none was sent.
CREATE TABLE contact_methods (
    org_id      STRING NOT NULL,
    user_id     STRING NOT NULL,
    id          STRING NOT NULL,
    label       STRING NOT NULL CHECK (length(label) BETWEEN 1 AND 255),
    url         STRING NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    created_at  STRING NOT NULL,
    works_since STRING,
    PRIMARY KEY (org_id, user_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);

-- A user who has rules of their own for how they are paged, and whether they want to be told that an
-- incident is resolved. A user without a row is paged by every contact method, and by email, at once.
CREATE TABLE notification_settings (
    org_id          STRING NOT NULL,
    user_id         STRING NOT NULL,
    resolved_notice BIGINT NOT NULL CHECK (resolved_notice IN (0, 1)),
    updated_at      STRING NOT NULL,
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);

-- A rule of such a user, at its place in the order sent: by this contact method they are paged about
-- incidents of these severities, so many minutes later. `severities` is a list.
CREATE TABLE notification_rules (
    org_id            STRING NOT NULL,
    user_id           STRING NOT NULL,
    ordinal           BIGINT NOT NULL CHECK (ordinal >= 0),
    contact_method_id STRING,  -- null: the user's email address
    severities        STRING NOT NULL CHECK (severities::json IS NOT NULL),
    delay_minutes     BIGINT NOT NULL CHECK (delay_minutes BETWEEN 0 AND 60),
    PRIMARY KEY (org_id, user_id, ordinal),
    FOREIGN KEY (org_id, user_id) REFERENCES notification_settings (org_id, user_id),
    FOREIGN KEY (org_id, user_id, contact_method_id)
        REFERENCES contact_methods (org_id, user_id, id)
);

-- A chat or another tool that is told what happens. `events` is a list; so are the others, or null: all
-- severities, schedules or components. The URL is as a contact method's.
CREATE TABLE subscriptions (
    org_id        STRING NOT NULL REFERENCES organizations (id),
    id            STRING NOT NULL,
    label         STRING NOT NULL CHECK (length(label) BETWEEN 1 AND 255),
    url           STRING NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    events        STRING NOT NULL CHECK (events::json IS NOT NULL),
    severities    STRING CHECK (severities IS NULL OR severities::json IS NOT NULL),
    schedule_ids  STRING CHECK (schedule_ids IS NULL OR schedule_ids::json IS NOT NULL),
    component_ids STRING CHECK (component_ids IS NULL OR component_ids::json IS NOT NULL),
    created_by    STRING NOT NULL,
    created_at    STRING NOT NULL,
    updated_at    STRING NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- A schedule whose changes of shift somebody subscribes to, and its owner as subscribers know it.
CREATE TABLE watched_schedules (
    org_id      STRING NOT NULL,
    schedule_id STRING NOT NULL,
    owner_id    STRING,  -- null: nobody
    PRIMARY KEY (org_id, schedule_id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules (org_id, id),
    FOREIGN KEY (org_id, owner_id) REFERENCES users (org_id, id)
);

-- The link that a user's pages about an incident carry: it acknowledges the incident without a key.
-- There is one for each user who was paged, and each page makes it good for longer.
CREATE TABLE acknowledge_links (
    token       STRING NOT NULL PRIMARY KEY CHECK (length(token) BETWEEN 20 AND 24),
    org_id      STRING NOT NULL,
    incident_id STRING NOT NULL,
    user_id     STRING NOT NULL,
    expires_at  STRING NOT NULL,
    UNIQUE (org_id, incident_id, user_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id)
);

-- What falls due for an incident, and when: paging its owner, firing its policy's next layer, the end of
-- a snooze, telling its owner that somebody else has acknowledged it (notice), or telling those who
-- were paged that it is resolved. `wait_seconds` is the time-out of the layer that fired last, 0 before
-- the first. A layer's timer that an acknowledgement has stopped has no due_at; one that has used up
-- the layers has no row.
CREATE TABLE incident_timers (
    org_id       STRING NOT NULL,
    incident_id  STRING NOT NULL,
    kind         STRING NOT NULL
        CHECK (kind IN ('owner', 'layer', 'snooze', 'notice', 'resolved')),
    wait_seconds BIGINT CHECK (wait_seconds >= 0),
    due_at       STRING,
    PRIMARY KEY (org_id, incident_id, kind),
    CHECK ((kind = 'layer') = (wait_seconds IS NOT NULL)),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);
CREATE INDEX incident_timers_by_due ON incident_timers (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incident_timers_by_organization ON incident_timers (org_id, due_at)
    WHERE due_at IS NOT NULL;

-- How often a target of an unresolved incident's policy is done: has fired, or was passed over. The
-- target is text such as `schedule:<id>` or `users:["ada","ben"]`.
CREATE TABLE escalation_progress (
    org_id      STRING NOT NULL,
    incident_id STRING NOT NULL,
    target      STRING NOT NULL,
    done        BIGINT NOT NULL CHECK (done >= 1),
    PRIMARY KEY (org_id, incident_id, target),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
);

-- A message on its way: a page by one contact method, a page that asks a responder to help, the notice
-- that an incident was acknowledged or resolved, a message about an alert, an event for a subscription,
-- an invitation, or a link to sign in. The row goes once it is delivered, given up or called off, and an
-- incident's trail says which became of a page. `receiver` stands for the host or service that it goes
-- to. A paging process that takes it on moves `due_at` to the instant from which another one may.
-- `details` is what an event's message is about, without any text that could be redacted.
CREATE TABLE deliveries (
    org_id            STRING NOT NULL,
    id                STRING NOT NULL,
    kind              STRING NOT NULL DEFAULT 'page' CHECK (kind IN (
        'page', 'help', 'acknowledged', 'resolved', 'alert', 'event', 'invitation', 'sign_in')),
    incident_id       STRING,
    alert_id          STRING,
    user_id           STRING,
    subscription_id   STRING,
    invitation_id     STRING,
    sign_in_link_id   STRING,
    layer_position    BIGINT,  -- null: not by a layer
    contact_method_id STRING,     -- null: the user's email address
    delay_minutes     BIGINT NOT NULL DEFAULT 0 CHECK (delay_minutes BETWEEN 0 AND 60),
    details           STRING CHECK (details IS NULL OR details::json IS NOT NULL),
    receiver          STRING NOT NULL,
    attempts          BIGINT NOT NULL DEFAULT 0,
    created_at        STRING NOT NULL,
    first_tried_at    STRING,
    due_at            STRING NOT NULL,
    recipient_id      STRING NOT NULL
        GENERATED ALWAYS AS (coalesce(user_id, subscription_id, invitation_id, sign_in_link_id))
        STORED,
    rank              BIGINT NOT NULL GENERATED ALWAYS AS (
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
);
CREATE INDEX deliveries_by_due ON deliveries (due_at);
CREATE INDEX deliveries_by_lane ON deliveries (org_id, rank, recipient_id, receiver, due_at);
CREATE INDEX deliveries_by_incident ON deliveries (org_id, incident_id, user_id);
CREATE INDEX deliveries_by_alert ON deliveries (org_id, alert_id) WHERE alert_id IS NOT NULL;
CREATE INDEX deliveries_by_invitation ON deliveries (org_id, invitation_id)
    WHERE invitation_id IS NOT NULL;
CREATE INDEX deliveries_by_sign_in_link ON deliveries (org_id, sign_in_link_id)
    WHERE sign_in_link_id IS NOT NULL;

-- How many tries to deliver a page or another message, of all organizations, had this outcome.
CREATE TABLE page_outcomes (
    outcome STRING NOT NULL PRIMARY KEY CHECK (outcome IN ('sent', 'failed')),
    number  BIGINT NOT NULL
);
INSERT INTO page_outcomes VALUES ('sent', 0), ('failed', 0);

-- The service's own keys, made at random with the file: `acknowledge` signs links of pages, `invitation`
-- and `sign_in` make the tokens of invitations and of links to sign in, `console` signs cookies.
CREATE TABLE secrets (
    name  STRING NOT NULL PRIMARY KEY,
    value STRING NOT NULL CHECK (length(value) = 64)
);
INSERT INTO secrets
SELECT name, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
FROM unnest(ARRAY['acknowledge', 'invitation', 'sign_in', 'console']) AS name;

-- The first answer to a request that carried an Idempotency-Key, kept for 24 hours.
CREATE TABLE idempotency_keys (
    org_id       STRING NOT NULL REFERENCES organizations (id),
    key          STRING NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash STRING NOT NULL CHECK (length(request_hash) = 64),  -- SHA-256 of the parsed body
    answer       STRING NOT NULL CHECK (answer::json IS NOT NULL),         -- the incident as it was opened
    created_at   STRING NOT NULL,
    PRIMARY KEY (org_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
