-- How often TikTok may be called is counted here, for all processes together. A key is the app, an endpoint of it, or
-- an endpoint for one ad account. Instants are seconds since 1970 by this server's clock: the only one that all share.
CREATE TABLE call_keys (
    key          text PRIMARY KEY,
    calls        bigint NOT NULL DEFAULT 0,
    day          date NOT NULL DEFAULT 'epoch',
    today        bigint NOT NULL DEFAULT 0,
    -- TikTok said "too frequent": nothing starts before, and so many times in a row it said so.
    paused_until double precision NOT NULL DEFAULT 0,
    strikes      integer NOT NULL DEFAULT 0
);

-- The latest starts of each key, as many as its longest window needs to know.
CREATE TABLE call_starts (
    key    text NOT NULL REFERENCES call_keys,
    number bigint NOT NULL,
    at     double precision NOT NULL,
    PRIMARY KEY (key, number)
);

CREATE TYPE call_turn AS (granted boolean, wait double precision);

-- The earliest instant at which a call may start that counts for all of `keys`. If it lies within `horizon` seconds, it
-- is taken: counted at once, whether the call is then made or not. Windows slide: in no stretch of a second or a minute,
-- `margin` longer, do more calls start than allowed; that is right whether TikTok's own windows slide or stand on the
-- clock. Its day is the UTC day. A key without limits counts nothing, and holds a call up only while it is paused.
-- Keys are locked in the order in which they are given: the app's first, so that nobody waits for somebody who waits.
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
        RETURN (false, earliest - instant);
    END IF;
    utc_day := (to_timestamp(earliest) AT TIME ZONE 'UTC')::date;
    FOR i IN 1 .. cardinality(keys) LOOP
        CONTINUE WHEN per_second[i] IS NULL;
        UPDATE call_keys SET calls = calls + 1, day = utc_day, today = CASE day WHEN utc_day THEN today ELSE 0 END + 1
        WHERE key = keys[i] RETURNING * INTO known;
        INSERT INTO call_starts (key, number, at) VALUES (keys[i], known.calls - 1, earliest);
        DELETE FROM call_starts
        WHERE key = keys[i] AND number < known.calls - greatest(per_second[i], per_minute[i]);
    END LOOP;
    RETURN (true, earliest - instant);
END
$$;

-- TikTok said "too frequent" to a call that counts for `paused`: hold that key up, longer each time in a row, and say
-- for how long. Where our own count says that its day is used up, that is until 00:00 UTC.
CREATE FUNCTION pause_calls(
    paused text, first_pause double precision, growth double precision, longest double precision,
    in_a_row_within double precision, per_day bigint, at_instant double precision DEFAULT NULL
) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    known   call_keys;
    instant double precision;
    until   double precision;
BEGIN
    INSERT INTO call_keys (key) VALUES (paused) ON CONFLICT DO NOTHING;
    SELECT * INTO known FROM call_keys WHERE key = paused FOR UPDATE;
    instant := coalesce(at_instant, extract(epoch FROM clock_timestamp()));
    IF known.paused_until > instant THEN
        -- Calls that were under way together are refused together: that is one time, not several in a row.
        RETURN known.paused_until - instant;
    END IF;
    known.strikes := CASE WHEN known.paused_until + in_a_row_within > instant THEN known.strikes + 1 ELSE 1 END;
    until := instant + least(longest, first_pause * growth ^ (known.strikes - 1));
    IF known.day = (to_timestamp(instant) AT TIME ZONE 'UTC')::date AND known.today >= per_day THEN
        until := extract(epoch FROM (known.day + 1)::timestamp AT TIME ZONE 'UTC');
    END IF;
    UPDATE call_keys SET paused_until = until, strikes = known.strikes WHERE key = paused;
    RETURN until - instant;
END
$$;
