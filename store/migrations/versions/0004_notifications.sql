-- What people are told. A row is written with the change that it tells of, and leaves for the webhook afterwards.
CREATE TABLE notifications (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bc_id         text NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    kind          text NOT NULL,
    subject       text NOT NULL,
    text          text NOT NULL,
    data          jsonb NOT NULL,
    workflow_id   text NOT NULL,
    run_id        text NOT NULL,
    logged_at     timestamptz,
    -- Whoever counted the last attempt has the row to itself until then.
    claimed_until timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    last_error    text NOT NULL DEFAULT '',
    delivered_at  timestamptz
);
CREATE INDEX notifications_by_center ON notifications (bc_id, id);
CREATE INDEX notifications_undelivered ON notifications (bc_id, id) WHERE delivered_at IS NULL;
CREATE INDEX notifications_unlogged ON notifications (bc_id) WHERE logged_at IS NULL;
