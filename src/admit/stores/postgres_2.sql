-- For people: views to look at and to join, and indexes for what is asked of them. Nothing in Admit reads them.

CREATE FUNCTION admit.json(body bytea) RETURNS json IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    RETURN convert_from(body, 'UTF8')::json;

-- A moment of a body, which has it in Unix seconds.
CREATE FUNCTION admit.moment(body bytea, name text) RETURNS timestamptz IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    RETURN to_timestamp((convert_from(body, 'UTF8')::json ->> name)::double precision);

CREATE VIEW admit.subjects AS
    SELECT substr(id, 2) AS subject,
           (admit.json(body) ->> 'gen')::bigint AS gen,
           coalesce((admit.json(body) ->> 'active')::boolean, true) AS active,
           (admit.json(body) -> 'roles')::jsonb AS roles
    FROM admit.record WHERE kind = 'subject';

CREATE VIEW admit.accounts AS
    SELECT account.id,
           admit.json(account.body) ->> 'email' AS email,
           admit.moment(account.body, 'created_at') AS created,
           coalesce((admit.json(subject.body) ->> 'active')::boolean, true) AS active,
           (admit.json(subject.body) -> 'roles')::jsonb AS roles
    FROM admit.record AS account
    LEFT JOIN admit.record AS subject ON subject.kind = 'subject' AND substr(subject.id, 2) = account.id
    WHERE account.kind = 'account';

CREATE VIEW admit.sessions AS
    SELECT id,
           admit.json(body) ->> 'subject' AS subject,
           admit.moment(body, 'created_at') AS created,
           admit.moment(body, 'seen_at') AS seen,
           admit.moment(body, 'ends_at') AS ends,
           admit.json(body) ->> 'device' AS device
    FROM admit.record WHERE kind = 'session';

CREATE VIEW admit.revocations AS
    SELECT seq, convert_from(entry, 'UTF8') AS entry, to_timestamp(expires_at) AS expires
    FROM admit.log WHERE topic = 'revocations';

CREATE INDEX subject_name ON admit.record (substr(id, 2)) WHERE kind = 'subject';
CREATE INDEX subject_roles ON admit.record USING gin (((admit.json(body) -> 'roles')::jsonb)) WHERE kind = 'subject';
CREATE INDEX account_email ON admit.record ((admit.json(body) ->> 'email')) WHERE kind = 'account';
CREATE INDEX account_created ON admit.record (admit.moment(body, 'created_at')) WHERE kind = 'account';
CREATE INDEX session_subject ON admit.record ((admit.json(body) ->> 'subject')) WHERE kind = 'session';
CREATE INDEX session_seen ON admit.record (admit.moment(body, 'seen_at')) WHERE kind = 'session';
