ALTER TABLE audit
    ADD COLUMN number bigint,
    ADD COLUMN hash   text;

-- The last line of each chain. Without it, nobody could tell that the newest lines were removed.
CREATE TABLE audit_heads (
    bc_id  text PRIMARY KEY,
    number bigint NOT NULL,
    at     timestamptz NOT NULL,
    hash   text NOT NULL
);

-- What the first line is linked to. sparkads/audit.py computes the same.
CREATE FUNCTION audit_start(bc_id text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to('sparkads audit trail of Business Center ' || bc_id, 'UTF8')), 'hex')
$$;

-- Netstrings (`<octets>:<text>,`), because no text in one field can then pass for the start of the next.
-- sparkads/audit.py computes the same.
CREATE FUNCTION audit_hash(previous text, line audit) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(
        string_agg(octet_length(convert_to(field, 'UTF8')) || ':' || field || ',', '' ORDER BY place), 'UTF8'
    )), 'hex')
    FROM unnest(ARRAY[
        previous,
        line.number::text,
        to_char(line.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        line.bc_id, line.actor, line.action, line.subject, line.reason, line.workflow_id, line.run_id
    ]) WITH ORDINALITY AS fields (field, place)
$$;

-- Lines that are there already, in their order.
ALTER TABLE audit DISABLE TRIGGER audit_keeps_rows;
DO $$
DECLARE
    line audit;
    head audit_heads;
BEGIN
    FOR line IN SELECT * FROM audit ORDER BY bc_id, seq LOOP
        IF head.bc_id IS DISTINCT FROM line.bc_id THEN
            IF head.bc_id IS NOT NULL THEN
                INSERT INTO audit_heads VALUES (head.*);
            END IF;
            head := ROW(line.bc_id, 0, line.at, audit_start(line.bc_id));
        END IF;
        line.number := head.number + 1;
        line.hash := audit_hash(head.hash, line);
        UPDATE audit SET number = line.number, hash = line.hash WHERE seq = line.seq;
        head := ROW(line.bc_id, line.number, greatest(head.at, line.at), line.hash);
    END LOOP;
    IF head.bc_id IS NOT NULL THEN
        INSERT INTO audit_heads VALUES (head.*);
    END IF;
END $$;
ALTER TABLE audit ENABLE TRIGGER audit_keeps_rows;

ALTER TABLE audit
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN hash SET NOT NULL,
    ADD CONSTRAINT audit_is_gapless UNIQUE (bc_id, number);

-- Whoever adds a line holds the head of that Business Center's chain until the end of the transaction; other Business
-- Centers go on. The instant is taken after the wait, so that a later line is never older.
CREATE FUNCTION audit_is_chained() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
BEGIN
    INSERT INTO audit_heads VALUES (NEW.bc_id, 0, '-infinity', audit_start(NEW.bc_id)) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM audit_heads WHERE bc_id = NEW.bc_id FOR UPDATE;
    NEW.number := head.number + 1;
    NEW.at := greatest(clock_timestamp(), head.at);
    NEW.hash := audit_hash(head.hash, NEW);
    UPDATE audit_heads SET number = NEW.number, at = NEW.at, hash = NEW.hash WHERE bc_id = NEW.bc_id;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_chains_rows BEFORE INSERT ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_chained();

-- Heads move with new lines, and in no other way.
CREATE TRIGGER audit_heads_follow_lines BEFORE INSERT OR UPDATE ON audit_heads
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_heads_keep_rows BEFORE DELETE ON audit_heads
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_heads_keep_table BEFORE TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
