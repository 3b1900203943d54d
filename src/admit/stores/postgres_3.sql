-- For people: the audit log, to look at and to join. Nothing in Admit reads the view.

CREATE VIEW admit.audit AS
    SELECT id,
           admit.moment(body, 'at') AS at,
           admit.json(body) ->> 'act' AS act,
           admit.json(body) ->> 'subject' AS subject,
           admit.json(body) ->> 'what' AS what,
           admit.json(body) ->> 'failed' AS failed,
           coalesce((admit.json(body) ->> 'times')::integer, 1) AS times,
           admit.json(body) ->> 'actor' AS actor,
           admit.json(body) ->> 'credential' AS credential,
           admit.json(body) ->> 'credential_id' AS credential_id,
           admit.json(body) ->> 'address' AS address,
           admit.json(body) ->> 'device' AS device,
           admit.json(body) ->> 'agent' AS agent
    FROM admit.record WHERE kind = 'audit';

CREATE INDEX audit_at ON admit.record (admit.moment(body, 'at')) WHERE kind = 'audit';
CREATE INDEX audit_subject ON admit.record ((admit.json(body) ->> 'subject')) WHERE kind = 'audit';
