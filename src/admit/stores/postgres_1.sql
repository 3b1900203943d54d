-- What Admit keeps in PostgreSQL, first of all. Everything lies in the schema "admit"; look at it, join it, and leave the
-- writing to Admit.

CREATE SCHEMA admit;

CREATE TABLE admit.version (version integer NOT NULL);
INSERT INTO admit.version VALUES (0);

-- Bodies are kept as the bytes that they are, which is JSON; the views show them as such.
CREATE TABLE admit.record (
    kind       text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    expires_at double precision,
    tags       text[] NOT NULL,
    body       bytea NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX record_expires_at ON admit.record (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE admit.tag (
    kind text COLLATE "C" NOT NULL,
    tag  text COLLATE "C" NOT NULL,
    id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, tag, id)
);

CREATE TABLE admit.log (
    topic      text COLLATE "C" NOT NULL,
    seq        bigint NOT NULL,
    nonce      bytea NOT NULL,
    expires_at double precision NOT NULL,
    entry      bytea NOT NULL,
    PRIMARY KEY (topic, seq)
);
CREATE INDEX log_expires_at ON admit.log (expires_at);

-- What a throttle counts may be lost in a crash, and is not worth the wait for a disk.
CREATE UNLOGGED TABLE admit.counter (
    key      text COLLATE "C" NOT NULL,
    "window" double precision NOT NULL,
    number   bigint NOT NULL,
    hits     bigint NOT NULL,
    ends_at  double precision NOT NULL,
    PRIMARY KEY (key, "window", number)
);
CREATE INDEX counter_ends_at ON admit.counter (ends_at);

-- All of the changes, or none; whether it was all. One round trip, and a transaction of its own.
-- Change n is of the kind substr(changes, n, 1): (i)nsert, (r)eplace, (d)elete, (c)heck, (a)ppend. They come sorted by
-- key, so that two commits never wait for each other, and appends last.
CREATE FUNCTION admit.commit(
    changes text, kinds text[], ids text[], was bigint[], versions bigint[], expire double precision[],
    tagged jsonb, bodies bytea[], nonces bytea[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    n       integer;
    before  text[];
    after   text[];
    ordered boolean := false;
BEGIN
    -- Each row that a condition looks at is locked by it, so that it holds until the commit. A record that is replaced and
    -- nothing else, as a session is again and again, is its own condition.
    IF changes <> 'r' THEN
        FOR n IN 1 .. length(changes) LOOP
            CASE substr(changes, n, 1)
            WHEN 'i' THEN
                IF EXISTS (SELECT FROM admit.record WHERE kind = kinds[n] AND id = ids[n]) THEN RETURN false; END IF;
            WHEN 'c' THEN
                PERFORM FROM admit.record WHERE kind = kinds[n] AND id = ids[n] AND version = was[n] FOR SHARE;
                IF NOT FOUND THEN RETURN false; END IF;
            WHEN 'r', 'd' THEN
                IF was[n] IS NOT NULL THEN
                    PERFORM FROM admit.record WHERE kind = kinds[n] AND id = ids[n] AND version = was[n] FOR UPDATE;
                    IF NOT FOUND THEN RETURN false; END IF;
                END IF;
            ELSE
            END CASE;
        END LOOP;
    END IF;

    FOR n IN 1 .. length(changes) LOOP
        CASE substr(changes, n, 1)
        WHEN 'i' THEN
            after := ARRAY(SELECT jsonb_array_elements_text(tagged -> n - 1));
            -- Somebody may insert it at this moment: then this waits for him, and fails as a whole.
            INSERT INTO admit.record VALUES (kinds[n], ids[n], versions[n], expire[n], after, bodies[n]);
            INSERT INTO admit.tag SELECT kinds[n], tag, ids[n] FROM unnest(after) AS tag;
        WHEN 'r' THEN
            after := ARRAY(SELECT jsonb_array_elements_text(tagged -> n - 1));
            UPDATE admit.record SET version = versions[n], expires_at = expire[n], body = bodies[n]
                WHERE kind = kinds[n] AND id = ids[n] AND version = was[n] AND tags = after;
            IF NOT FOUND THEN
                SELECT tags INTO before FROM admit.record
                    WHERE kind = kinds[n] AND id = ids[n] AND version = was[n] FOR UPDATE;
                IF NOT FOUND THEN RETURN false; END IF;
                UPDATE admit.record SET version = versions[n], expires_at = expire[n], tags = after, body = bodies[n]
                    WHERE kind = kinds[n] AND id = ids[n];
                DELETE FROM admit.tag WHERE kind = kinds[n] AND id = ids[n] AND tag = ANY (before) AND tag <> ALL (after);
                INSERT INTO admit.tag SELECT kinds[n], tag, ids[n] FROM unnest(after) AS tag WHERE tag <> ALL (before);
            END IF;
        WHEN 'd' THEN
            DELETE FROM admit.record WHERE kind = kinds[n] AND id = ids[n] RETURNING tags INTO before;
            DELETE FROM admit.tag WHERE kind = kinds[n] AND id = ids[n] AND tag = ANY (before);
        WHEN 'a' THEN
            -- Taken last and held until the commit is seen by others, so that who reads the log in its order misses
            -- nothing; the number is drawn after it.
            IF NOT ordered THEN
                PERFORM pg_advisory_xact_lock(hashtext('admit.log'));
                ordered := true;
            END IF;
            INSERT INTO admit.log
                SELECT kinds[n], coalesce(max(seq), 0) + 1, nonces[n], expire[n], bodies[n]
                FROM admit.log WHERE topic = kinds[n];
        ELSE
        END CASE;
    END LOOP;
    IF ordered THEN PERFORM pg_notify('admit_log', ''); END IF;
    RETURN true;
END $$;
