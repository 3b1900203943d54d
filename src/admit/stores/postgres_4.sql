-- For people: the audit log again. To whom something happened stands in the tags, and when in the id; both are taken out
-- by what PostgreSQL has built in. A function of ours would be planned anew for each entry that is written, and to read
-- the JSON for both indexes cost as much as all else that an entry takes.

DROP VIEW admit.audit;
DROP INDEX admit.audit_at;
DROP INDEX admit.audit_subject;

DO $$
DECLARE
    digits  text := '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
    counted text;
    moment  text;
    -- One tag is that of all in the home; the other, if there is one, the subject's behind its home, as it can be kept.
    subject text := $q$replace(substr(
        CASE WHEN tags[1] = substr(id, 1, 1) || '*' THEN tags[2] ELSE tags[1] END, 2), '\\', '\')$q$;
BEGIN
    -- Behind the home: 52 bits of time in 1,024ths of a millisecond, counting down, in digits of six bits.
    SELECT string_agg(format('(strpos(%L, substr(id, %s, 1)) - 1)::bigint * %s', digits, place, 1::bigint << (58 - 6 * place)), ' + ')
        INTO counted FROM generate_series(2, 9) AS place;
    moment := format(
        'to_timestamp((4503599627370495 - (%s + (strpos(%L, substr(id, 10, 1)) - 1) / 4))::double precision / 1024000)',
        counted, digits
    );

    EXECUTE format('CREATE INDEX audit_at ON admit.record ((%s)) WHERE kind = ''audit''', moment);
    EXECUTE format('CREATE INDEX audit_subject ON admit.record ((%s)) WHERE kind = ''audit''', subject);
    EXECUTE format('
        CREATE VIEW admit.audit AS
            SELECT id,
                   %s AS at,
                   admit.json(body) ->> ''act'' AS act,
                   %s AS subject,
                   admit.json(body) ->> ''what'' AS what,
                   admit.json(body) ->> ''failed'' AS failed,
                   coalesce((admit.json(body) ->> ''times'')::integer, 1) AS times,
                   admit.json(body) ->> ''actor'' AS actor,
                   admit.json(body) ->> ''credential'' AS credential,
                   admit.json(body) ->> ''credential_id'' AS credential_id,
                   admit.json(body) ->> ''address'' AS address,
                   admit.json(body) ->> ''device'' AS device,
                   admit.json(body) ->> ''agent'' AS agent
            FROM admit.record WHERE kind = ''audit''', moment, subject);
END $$;
