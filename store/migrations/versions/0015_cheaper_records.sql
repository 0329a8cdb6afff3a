-- What a call made is recorded without a new entry in every index of intents: nobody but a person's verdict asks which
-- row an ad is of, and finds it by its ad group.
DROP INDEX intents_by_ad;

-- As before (0003), but that a chain which has begun is not begun again for each of its lines.
CREATE OR REPLACE FUNCTION audit_is_chained() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
BEGIN
    SELECT * INTO head FROM audit_heads WHERE bc_id = NEW.bc_id FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads VALUES (NEW.bc_id, 0, '-infinity', audit_start(NEW.bc_id)) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT head FROM audit_heads WHERE bc_id = NEW.bc_id FOR UPDATE;
    END IF;
    NEW.number := head.number + 1;
    NEW.at := greatest(clock_timestamp(), head.at);
    NEW.hash := audit_hash(head.hash, NEW);
    UPDATE audit_heads SET number = NEW.number, at = NEW.at, hash = NEW.hash WHERE bc_id = NEW.bc_id;
    RETURN NEW;
END $$;
