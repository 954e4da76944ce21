INSERT INTO organizations (id, number, name, timezone, default_escalation_policy_id, last_incident_number, last_incident_at, clock_setback_ms, public_revision, created_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 1, 'Quickstart', 'UTC', NULL, 3, '2026-11-24T06:58:03.779Z', 0, 37, '2026-11-24T06:58:03.743Z');
INSERT INTO users (org_id, id, email, email_key, first_name, last_name, role, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'admin@example.com', 'admin@example.com', 'Ada', 'Admin', 'org:admin', '2026-11-24T06:58:03.743Z', '2026-11-24T06:58:03.743Z', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'ben', 'ben@example.com', 'ben@example.com', 'Ben', NULL, 'org:member', '2026-11-24T06:58:03.752Z', '2026-11-24T06:58:03.752Z', NULL);
INSERT INTO invitations (org_id, id, email, email_key, role, token_hash, created_by, created_at, expires_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'orginv_01a20c58eb9b70008000000000000001', 'eve@example.com', 'eve@example.com', 'org:member', '2222222222222222222222222222222222222222222222222222222222222222', 'ben', '2026-11-24T07:00:00.000Z', '2026-12-01T07:00:00.000Z');
INSERT INTO api_keys (org_id, id, user_id, name, role, key_hash, key_prefix, created_at, expires_at, expires_at_utc, last_used_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb60-77b1-b69e-b0ab96394735', 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'quickstart', 'org:admin', '0ac22989b4facf72fdcd5e4e0b209d912bd0a18214fce97525fb0b13f1f19754', 'scl_live_v1v1v', '2026-11-24T06:58:03.743Z', NULL, NULL, '2026-11-24T06:58:03.751Z', NULL);
INSERT INTO sessions (org_id, id, user_id, api_key_id, token_hash, method, user_agent, created_at, last_used_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb9b-7000-8000-0000000000a1', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '01a20c58-eb60-77b1-b69e-b0ab96394735', '3333333333333333333333333333333333333333333333333333333333333333', 'api_key', 'curl/8.5', '2026-11-27T07:00:00.000Z', '2026-11-27T07:00:00.000Z');
INSERT INTO sign_in_links (org_id, id, user_id, method, token_hash, created_at, expires_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb9b-7000-8000-0000000000a2', 'ben', 'mail', '4444444444444444444444444444444444444444444444444444444444444444', '2026-11-27T07:00:00.000Z', '2026-11-27T07:15:00.000Z');
INSERT INTO sign_in_requests (id, email_hash, created_at) VALUES
    ('01a20c58-eb9b-7000-8000-0000000000a3', '5555555555555555555555555555555555555555555555555555555555555555', '2026-11-27T07:00:00.000Z');
INSERT INTO components (org_id, id, name, description, group_label, aliases, escalation_policy_id, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb62-7524-8116-95059976773d', 'Payments API', NULL, NULL, '[]', NULL, '2026-11-24T06:58:03.743Z', '2026-11-24T06:58:03.743Z', NULL);
INSERT INTO component_names (org_id, name_key, component_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'payments api', '01a20c58-eb62-7524-8116-95059976773d');
INSERT INTO schedules (org_id, id, name, description, timezone, created_by, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-446315e90e54', 'Primary on-call', NULL, 'UTC', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.743Z', '2026-11-24T06:58:03.743Z', NULL);
INSERT INTO schedule_layers (org_id, id, schedule_id, name, position, rotation_type, rotation_length_days, handoff_time, effective_from, effective_until, created_at, updated_at, valid_from, turns_from) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-44642c3ceb49', '01a20c58-eb61-7437-b043-446315e90e54', 'Weekly', 0, 'weekly', 7, '09:00', '2026-11-24T06:58:03.743Z', NULL, '2026-11-24T06:58:03.743Z', '2026-11-24T06:58:03.743Z', NULL, NULL);
INSERT INTO schedule_layer_participants (org_id, layer_id, ordinal, user_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-44642c3ceb49', 0, 'user_01a20c58eb6077b1b69eb0aa97b37da5');
INSERT INTO schedule_layer_versions (org_id, schedule_id, layer_id, position, timezone, rotation_length_days, handoff_time, effective_from, effective_until, participant_ids, valid_from, valid_until, turns_from) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-446315e90e54', '01a20c58-eb61-7437-b043-44642c3ceb49', 0, 'UTC', 7, '09:00', '2026-01-05T09:00:00Z', NULL, '["ben"]', NULL, '2026-11-24T07:00:00.000000Z', NULL);
INSERT INTO schedule_overrides (org_id, id, schedule_id, user_id, starts_at, ends_at, starts_at_utc, ends_at_utc, reason, created_by, created_at, past_of) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb76-7512-b52d-7f8dcc8f5aae', '01a20c58-eb61-7437-b043-446315e90e54', 'ben', '2025-01-01T00:00:00Z', '2099-01-01T00:00:00Z', '2025-01-01T00:00:00.000000Z', '2099-01-01T00:00:00.000000Z', 'He asked for it', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.766Z', NULL);
INSERT INTO calendar_feeds (org_id, user_id, id, schedule_id, token_hash, created_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'ben', '01a20c58-eb99-7000-8000-000000000001', '01a20c58-eb61-7437-b043-446315e90e54', '1111111111111111111111111111111111111111111111111111111111111111', '2026-11-24T07:00:00.000Z');
INSERT INTO working_hours (org_id, id, name, timezone, windows, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb72-717c-a58e-1630986722d8', 'Office', 'Europe/Berlin', '[{"days": [1, 2], "start": "09:00", "end": "17:00"}]', '2026-11-24T06:58:03.762Z', '2026-11-24T06:58:03.762Z', NULL);
INSERT INTO escalation_policies (org_id, id, name, description, repeat, created_by, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-4465cb4091a3', 'Page the primary on-call', NULL, 0, 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.743Z', '2026-11-24T06:58:03.743Z', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb74-77d4-9d42-517bf0fa82ec', 'Both', NULL, 0, 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.764Z', '2026-11-24T06:58:03.764Z', NULL);
INSERT INTO escalation_layers (org_id, id, policy_id, position, escalate_after_seconds, target_type, schedule_id, working_hours_id, working_hours_when, created_at, updated_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-44669b8cf31a', '01a20c58-eb61-7437-b043-4465cb4091a3', 1, 300, 'schedule', '01a20c58-eb61-7437-b043-446315e90e54', NULL, NULL, '2026-11-24T06:58:03.743Z', '2026-11-24T06:58:03.743Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb74-77d4-9d42-517c74480856', '01a20c58-eb74-77d4-9d42-517bf0fa82ec', 1, 600, 'users', NULL, '01a20c58-eb72-717c-a58e-1630986722d8', 'during', '2026-11-24T06:58:03.764Z', '2026-11-24T06:58:03.764Z');
INSERT INTO escalation_layer_users (org_id, layer_id, ordinal, user_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb74-77d4-9d42-517c74480856', 0, 'ben'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb74-77d4-9d42-517c74480856', 1, 'user_01a20c58eb6077b1b69eb0aa97b37da5');
INSERT INTO routing_policies (org_id, id, name, description, is_default, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb94-7000-8000-000000000001', 'Default', NULL, 1, '2026-11-24T07:00:00.000Z', '2026-11-24T07:00:00.000Z', NULL);
INSERT INTO routing_rules (org_id, routing_policy_id, ordinal, severity, outcome, escalation_policy_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb94-7000-8000-000000000001', 0, 'critical', 'incident', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb94-7000-8000-000000000001', 1, 'high', 'incident', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb94-7000-8000-000000000001', 3, 'low', 'notification', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb94-7000-8000-000000000001', 2, 'medium', 'notification', NULL);
INSERT INTO integrations (org_id, id, name, kind, component_id, routing_policy_id, default_severity, severity_map, auto_resolve, resolve_after_seconds, mapping, every_seconds, grace_seconds, token_hash, receipts, last_received_at, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb95-7000-8000-000000000001', 'Prometheus', 'alertmanager', NULL, NULL, 'high', '{"page": "critical"}', 1, 60, NULL, NULL, NULL, '0000000000000000000000000000000000000000000000000000000000000000', 1, '2026-11-24T07:00:00.000Z', '2026-11-24T07:00:00.000Z', '2026-11-24T07:00:00.000Z', NULL);
INSERT INTO integration_selectors (org_id, integration_id, ordinal, matchers, routing_policy_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb95-7000-8000-000000000001', 0, '[{"key": "team", "value": "payments"}]', '01a20c58-eb94-7000-8000-000000000001');
INSERT INTO receipts (org_id, integration_id, slot, id, received_at, status, body, result) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb95-7000-8000-000000000001', 0, '01a20c58-eb98-7000-8000-000000000001', '2026-11-24T07:00:00.000Z', 202, '{"version": "4"}', '{"alerts": [], "more": 0, "remarks": [], "error": null}');
INSERT INTO incidents (org_id, id, sequential_id, title, description, severity, status, owner_id, owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, first_acknowledged_at, snoozed_until, handed_off_at, is_paged, repeats, resolved_at, is_public, public_title, is_provisional, is_storm, is_left_to_people, integration_id, created_by, created_at, latest_at, updated_at, public_updated_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 1, 'Payment service elevated error rate', 'It’s 🔥', 'critical', 'investigating', 'ben', '01a20c58-eb61-7437-b043-446315e90e54', '01a20c58-eb61-7437-b043-4465cb4091a3', NULL, NULL, NULL, NULL, NULL, 1, 0, NULL, 1, NULL, 0, 0, 0, NULL, 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.768Z', '2026-11-24T06:58:03.768Z', '2026-11-24T06:58:03.768Z', '2026-11-24T06:58:03.768Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 2, 'Second', 'The payment processing service is returning 5xx errors.', 'critical', 'resolved', 'ben', '01a20c58-eb61-7437-b043-446315e90e54', '01a20c58-eb61-7437-b043-4465cb4091a3', '2026-11-24T06:58:03.772Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.772Z', NULL, NULL, 0, 0, '2026-11-24T06:58:03.777Z', 1, NULL, 0, 0, 0, NULL, 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.770Z', '2026-11-24T06:58:03.770Z', '2026-11-24T06:58:03.777Z', '2026-11-24T06:58:03.777Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 3, 'Third', 'The payment processing service is returning 5xx errors.', 'critical', 'investigating', 'ben', '01a20c58-eb61-7437-b043-446315e90e54', '01a20c58-eb61-7437-b043-4465cb4091a3', NULL, NULL, NULL, NULL, NULL, 1, 0, NULL, 1, NULL, 0, 0, 0, NULL, 'user_01a20c58eb6077b1b69eb0aa97b37da5', '2026-11-24T06:58:03.779Z', '2026-11-24T06:58:03.779Z', '2026-11-24T06:58:03.779Z', '2026-11-24T06:58:03.779Z');
INSERT INTO incident_components (org_id, incident_id, component_id, ordinal, sequential_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', '01a20c58-eb62-7524-8116-95059976773d', 0, 1),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', '01a20c58-eb62-7524-8116-95059976773d', 0, 2),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', '01a20c58-eb62-7524-8116-95059976773d', 0, 3);
INSERT INTO incident_responders (org_id, incident_id, user_id, added_at, added_by) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 'ben', '2026-11-24T07:00:00.000Z', 'ben');
INSERT INTO status_history (org_id, incident_id, number, id, status, changed_at, changed_by, resolution_note) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 1, '01a20c58-eb78-761a-a231-b7f9fc17ab5c', 'investigating', '2026-11-24T06:58:03.768Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 1, '01a20c58-eb7b-77aa-871e-f6b1b69d6ed1', 'investigating', '2026-11-24T06:58:03.770Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 2, '01a20c58-eb7e-73a5-8e7a-c3fb6212bd9a', 'identified', '2026-11-24T06:58:03.774Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 3, '01a20c58-eb80-7595-9c37-d20d0f99db8e', 'monitoring', '2026-11-24T06:58:03.776Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 4, '01a20c58-eb81-71f3-8b8e-e453f4c4e21a', 'resolved', '2026-11-24T06:58:03.777Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'Rolled back'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 1, '01a20c58-eb83-726e-b24c-de437c4cbfa8', 'investigating', '2026-11-24T06:58:03.779Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', NULL);
INSERT INTO audit_events (org_id, incident_id, number, id, event, at, actor_id, details) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 1, '01a20c58-eb78-761a-a231-b7fa427299df', 'incident_opened', '2026-11-24T06:58:03.768Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{"severity": "critical", "ownerId": "ben", "ownerScheduleId": "01a20c58-eb61-7437-b043-446315e90e54", "escalationPolicyId": "01a20c58-eb61-7437-b043-4465cb4091a3", "componentIds": ["01a20c58-eb62-7524-8116-95059976773d"]}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 2, '01a20c58-eb85-74a8-9581-d09913585836', 'layer_escalated', '2026-11-24T06:58:03.780Z', NULL, '{"position": 1, "userIds": ["ben"]}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 1, '01a20c58-eb7b-77aa-871e-f6b27d4b0560', 'incident_opened', '2026-11-24T06:58:03.770Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{"severity": "critical", "ownerId": "ben", "ownerScheduleId": "01a20c58-eb61-7437-b043-446315e90e54", "escalationPolicyId": "01a20c58-eb61-7437-b043-4465cb4091a3", "componentIds": ["01a20c58-eb62-7524-8116-95059976773d"]}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 2, '01a20c58-eb7c-7107-9863-ff80cf3083dd', 'incident_acknowledged', '2026-11-24T06:58:03.772Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 3, '01a20c58-eb7e-73a5-8e7a-c3fc7b610535', 'status_changed', '2026-11-24T06:58:03.774Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{"before": "investigating", "after": "identified"}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 4, '01a20c58-eb80-7595-9c37-d20e08508d0b', 'status_changed', '2026-11-24T06:58:03.776Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{"before": "identified", "after": "monitoring"}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 5, '01a20c58-eb82-731c-8c51-92a145c12c3a', 'status_changed', '2026-11-24T06:58:03.777Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{"before": "monitoring", "after": "resolved"}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb7b-77aa-871e-f6b036ee0096', 6, '01a20c58-eb9b-7000-8000-0000000000a4', 'page_sent', '2026-11-27T07:00:00.000Z', NULL, '{"userId": "ben", "layer": 1, "contactMethodId": null, "attempt": 1}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 1, '01a20c58-eb83-726e-b24c-de447c890c60', 'incident_opened', '2026-11-24T06:58:03.779Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', '{"severity": "critical", "ownerId": "ben", "ownerScheduleId": "01a20c58-eb61-7437-b043-446315e90e54", "escalationPolicyId": "01a20c58-eb61-7437-b043-4465cb4091a3", "componentIds": ["01a20c58-eb62-7524-8116-95059976773d"]}'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 2, '01a20c58-eb85-74a8-9581-d09bb5c2d8e3', 'layer_escalated', '2026-11-24T06:58:03.781Z', NULL, '{"position": 1, "userIds": ["ben"]}');
INSERT INTO changes (org_id, number, id, at, actor_id, action, resource_type, resource_id, before, after) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 1, '01a20c58-eb9a-7000-8000-000000000001', '2026-11-24T07:00:00.000Z', 'ben', 'created', 'component', '01a20c58-eb62-7524-8116-95059976773d', NULL, '{"name": "Payments API"}');
INSERT INTO alerts (org_id, id, integration_id, dedup_key, group_key, status, severity, title, description, attributes, links, component_id, incident_id, outcome, count, first_at, last_at, resolved_at, notified_at, is_storm) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb96-7000-8000-000000000001', '01a20c58-eb95-7000-8000-000000000001', 'f1', 'g1', 'firing', 'critical', 'Disk full', NULL, '{"service": "Payments API"}', '[]', '01a20c58-eb62-7524-8116-95059976773d', '01a20c58-eb83-726e-b24c-de42fc999148', 'incident', 2, '2026-11-24T07:00:00.000Z', '2026-11-24T07:00:00.000Z', NULL, NULL, 0);
INSERT INTO open_groups (org_id, integration_id, group_key, incident_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb95-7000-8000-000000000001', 'g1', '01a20c58-eb83-726e-b24c-de42fc999148');
INSERT INTO maintenance_windows (org_id, id, title, description, starts_at, ends_at, starts_at_utc, ends_at_utc, is_public, suppresses_alerts, created_by, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb97-7000-8000-000000000001', 'Upgrade', NULL, '2026-11-24T08:00:00+01:00', NULL, '2026-11-24T07:00:00.000000Z', NULL, 1, 1, 'ben', '2026-11-24T07:00:00.000Z', '2026-11-24T07:00:00.000Z', NULL);
INSERT INTO maintenance_window_components (org_id, maintenance_window_id, component_id, ordinal) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb97-7000-8000-000000000001', '01a20c58-eb62-7524-8116-95059976773d', 0);
INSERT INTO tasks (org_id, kind, subject_id, due_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'notify', '01a20c58-eb96-7000-8000-000000000001', '2026-11-24T07:00:00.000Z');
DELETE FROM paging_presence;
INSERT INTO paging_presence (number, seen_at, present_since) VALUES
    (1, NULL, NULL);
INSERT INTO incident_updates (org_id, incident_id, number, id, visibility, body, status_change, posted_by, posted_by_name, posted_at, redacted_at, redacted_by, redacted_by_name) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 1, '01a20c58-eb90-7000-8000-000000000001', 'internal', 'Looking into it.', NULL, 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'Ada', '2026-11-24T06:59:00.000Z', NULL, NULL, NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 2, '01a20c58-eb90-7000-8000-000000000002', 'public', 'Some payments fail.', 'identified', 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'Ada', '2026-11-24T06:59:01.000Z', NULL, NULL, NULL),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 3, '01a20c58-eb90-7000-8000-000000000003', 'public', NULL, NULL, 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'Ada', '2026-11-24T06:59:02.000Z', '2026-11-24T07:00:00.000Z', 'user_01a20c58eb6077b1b69eb0aa97b37da5', 'Ada Admin');
INSERT INTO status_pages (org_id, id, slug, title, published, created_at, updated_at, deleted_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb91-7000-8000-000000000001', 'payments', 'Payments', 1, '2026-11-24T06:59:00.000Z', '2026-11-24T06:59:00.000Z', NULL);
INSERT INTO status_page_components (org_id, status_page_id, ordinal, component_id, status) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb91-7000-8000-000000000001', 0, '01a20c58-eb62-7524-8116-95059976773d', 'maintenance');
INSERT INTO contact_methods (org_id, user_id, id, label, url, created_at, works_since) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'ben', '01a20c58-eb6b-74b4-9111-71dfda0fc4db', 'Bot', 'https://example.com/page', '2026-11-24T06:58:03.755Z', NULL);
INSERT INTO notification_settings (org_id, user_id, resolved_notice, updated_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'ben', 1, '2026-11-24T07:00:00.000Z');
INSERT INTO notification_rules (org_id, user_id, ordinal, contact_method_id, severities, delay_minutes) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'ben', 0, NULL, '["critical", "high", "medium", "low"]', 5);
INSERT INTO subscriptions (org_id, id, label, url, events, severities, schedule_ids, component_ids, created_by, created_at, updated_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb9c-7000-8000-000000000001', 'Chat', 'https://example.com/hook', '["incident_opened"]', NULL, NULL, NULL, 'ben', '2026-11-24T07:00:00.000Z', '2026-11-24T07:00:00.000Z');
INSERT INTO watched_schedules (org_id, schedule_id, owner_id) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb61-7437-b043-446315e90e54', 'ben');
INSERT INTO acknowledge_links (token, org_id, incident_id, user_id, expires_at) VALUES
    ('0123456789abcdefghijkl', 'org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 'ben', '2099-01-01T00:00:00.000Z');
INSERT INTO incident_timers (org_id, incident_id, kind, wait_seconds, due_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 'layer', 300, '2026-11-24T07:03:03.768Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 'layer', 300, '2026-11-24T07:03:03.779Z');
INSERT INTO escalation_progress (org_id, incident_id, target, done) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb78-761a-a231-b7f81473498a', 'schedule:01a20c58-eb61-7437-b043-446315e90e54', 1),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb83-726e-b24c-de42fc999148', 'schedule:01a20c58-eb61-7437-b043-446315e90e54', 1);
INSERT INTO deliveries (org_id, id, kind, incident_id, alert_id, user_id, subscription_id, invitation_id, sign_in_link_id, layer_position, contact_method_id, delay_minutes, details, receiver, attempts, created_at, first_tried_at, due_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb84-70bc-a4ed-3dad7ad28e65', 'page', '01a20c58-eb78-761a-a231-b7f81473498a', NULL, 'ben', NULL, NULL, NULL, NULL, '01a20c58-eb6b-74b4-9111-71dfda0fc4db', 0, NULL, '01a20c58-eb6b-74b4-9111-71dfda0fc4db', 0, '2026-11-24T06:58:03.780Z', NULL, '2026-11-24T06:58:03.780Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb85-74a8-9581-d09a04404242', 'page', '01a20c58-eb83-726e-b24c-de42fc999148', NULL, 'ben', NULL, NULL, NULL, NULL, '01a20c58-eb6b-74b4-9111-71dfda0fc4db', 0, NULL, '01a20c58-eb6b-74b4-9111-71dfda0fc4db', 0, '2026-11-24T06:58:03.781Z', NULL, '2026-11-24T06:58:03.781Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb9d-7000-8000-000000000001', 'event', NULL, NULL, NULL, '01a20c58-eb9c-7000-8000-000000000001', NULL, NULL, NULL, NULL, 0, '{"event": "incident_opened", "at": "2026-11-24T07:00:00.000Z"}', 'example.com', 0, '2026-11-24T07:00:00.000Z', NULL, '2026-11-24T07:00:00.000Z'),
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', '01a20c58-eb9d-7000-8000-000000000002', 'invitation', NULL, NULL, NULL, NULL, 'orginv_01a20c58eb9b70008000000000000001', NULL, NULL, NULL, 0, NULL, 'mail', 0, '2026-11-24T07:00:00.000Z', NULL, '2026-11-24T07:00:00.000Z');
DELETE FROM page_outcomes;
INSERT INTO page_outcomes (outcome, number) VALUES
    ('failed', 0),
    ('sent', 0);
DELETE FROM secrets;
INSERT INTO secrets (name, value) VALUES
    ('acknowledge', '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'),
    ('invitation', 'fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210'),
    ('sign_in', '99cc2b24024b060b36eb619422b0d690d3277e13640041a80a3dd40a4ce4db83'),
    ('console', '8f93e21f5518622d88b4df98647abbb684d914d3842d73bb737c8381df58a0d1');
INSERT INTO idempotency_keys (org_id, key, request_hash, answer, created_at) VALUES
    ('org_01a20c58eb6077b1b69eb0a9d475ec3b', 'deploy-4711', '05307e8c8e552dae2a658207bd6bf7658af4a4d6e3afbe7d1fb15cf9682903d2', '{"org_id": "org_01a20c58eb6077b1b69eb0a9d475ec3b", "id": "01a20c58-eb78-761a-a231-b7f81473498a", "sequential_id": 1, "title": "Payment service elevated error rate", "description": "It’s 🔥", "severity": "critical", "status": "investigating", "owner_id": "ben", "owner_schedule_id": "01a20c58-eb61-7437-b043-446315e90e54", "escalation_policy_id": "01a20c58-eb61-7437-b043-4465cb4091a3", "acknowledged_at": null, "acknowledged_by": null, "resolved_at": null, "created_by": "user_01a20c58eb6077b1b69eb0aa97b37da5", "created_at": "2026-11-24T06:58:03.768Z", "latest_at": "2026-11-24T06:58:03.768Z", "updated_at": "2026-11-24T06:58:03.768Z", "affected_components": [{"id": "01a20c58-eb62-7524-8116-95059976773d", "name": "Payments API"}]}', '2026-11-24T06:58:03.768Z');
