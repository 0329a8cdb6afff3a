-- A call that starts later than its turn, because its process was busy, says so: what is counted is when calls start.
-- Until now it took a second turn and let the first go by, and what was late after that came too close to the next.
DROP FUNCTION take_call_turn;
DROP TYPE call_turn;

CREATE TYPE call_turn AS (granted boolean, wait double precision, numbers bigint[]);

-- The earliest instant at which a call may start that counts for all of `keys`. If it lies within `horizon` seconds, it
-- is taken: counted at once, whether the call is then made or not. Windows slide: in no stretch of a second or a minute,
-- `margin` longer, do more calls start than allowed; that is right whether TikTok's own windows slide or stand on the
-- clock. Its day is the UTC day. A key without limits counts nothing, and holds a call up only while it is paused.
-- Keys are locked in the order in which they are given: the app's first, so that nobody waits for somebody who waits.
-- `numbers` says which start of each key it is.
CREATE FUNCTION take_call_turn(
    keys text[], per_second integer[], per_minute integer[], per_day bigint[],
    margin double precision, horizon double precision, at_instant double precision DEFAULT NULL
) RETURNS call_turn LANGUAGE plpgsql AS $$
DECLARE
    known   call_keys;
    earliest double precision := 0;
    start   double precision;
    instant double precision;
    utc_day date;
    numbers bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(keys)]);
BEGIN
    -- A crash of the server may forget the last moments: it takes longer than they lasted.
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR i IN 1 .. cardinality(keys) LOOP
        SELECT * INTO known FROM call_keys WHERE key = keys[i] FOR UPDATE;
        IF NOT FOUND AND per_second[i] IS NOT NULL THEN
            INSERT INTO call_keys (key) VALUES (keys[i]) ON CONFLICT DO NOTHING;
            SELECT * INTO known FROM call_keys WHERE key = keys[i] FOR UPDATE;
        END IF;
        -- Read after the first lock, behind which this call may have waited.
        instant := coalesce(instant, at_instant, extract(epoch FROM clock_timestamp()));
        earliest := greatest(earliest, instant);
        CONTINUE WHEN known.key IS NULL;
        earliest := greatest(earliest, known.paused_until);
        CONTINUE WHEN per_second[i] IS NULL;
        SELECT max(at + greatest(CASE WHEN known.calls - number = per_second[i] THEN 1 + margin ELSE 0 END,
                                 CASE WHEN known.calls - number = per_minute[i] THEN 60 + margin ELSE 0 END))
        INTO start FROM call_starts
        WHERE key = keys[i] AND number IN (known.calls - 1, known.calls - per_second[i], known.calls - per_minute[i]);
        earliest := greatest(earliest, start);
        utc_day := (to_timestamp(earliest) AT TIME ZONE 'UTC')::date;
        IF known.day = utc_day AND known.today >= per_day[i] THEN
            earliest := extract(epoch FROM (utc_day + 1)::timestamp AT TIME ZONE 'UTC') + margin;
        END IF;
    END LOOP;
    IF earliest - instant > horizon THEN
        RETURN (false, earliest - instant, numbers);
    END IF;
    utc_day := (to_timestamp(earliest) AT TIME ZONE 'UTC')::date;
    FOR i IN 1 .. cardinality(keys) LOOP
        CONTINUE WHEN per_second[i] IS NULL;
        UPDATE call_keys SET calls = calls + 1, day = utc_day, today = CASE day WHEN utc_day THEN today ELSE 0 END + 1
        WHERE key = keys[i] RETURNING * INTO known;
        numbers[i] := known.calls - 1;
        INSERT INTO call_starts (key, number, at) VALUES (keys[i], numbers[i], earliest);
        DELETE FROM call_starts
        WHERE key = keys[i] AND number < known.calls - greatest(per_second[i], per_minute[i]);
    END LOOP;
    RETURN (true, earliest - instant, numbers);
END
$$;

-- Count starts that were taken as `numbers` from now instead. False, and nothing is changed, if others have been counted
-- by the old instant already. In no window are then more calls than allowed: among more than `per_second` starts two
-- have numbers that differ by a multiple of it, and each of those was given a full window after the one before it.
CREATE FUNCTION move_call_turn(
    keys text[], numbers bigint[], per_second integer[], at_instant double precision DEFAULT NULL
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    known   call_keys;
    instant double precision;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR i IN 1 .. cardinality(keys) LOOP
        CONTINUE WHEN numbers[i] IS NULL;
        SELECT * INTO known FROM call_keys WHERE key = keys[i] FOR UPDATE;
        IF known.calls - numbers[i] > per_second[i] THEN
            RETURN false;
        END IF;
    END LOOP;
    instant := coalesce(at_instant, extract(epoch FROM clock_timestamp()));
    FOR i IN 1 .. cardinality(keys) LOOP
        UPDATE call_starts SET at = greatest(at, instant) WHERE key = keys[i] AND number = numbers[i];
    END LOOP;
    RETURN true;
END
$$;
