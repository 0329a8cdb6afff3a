-- What TikTok says of an account beside that it is listed: its uses (POST, LIVE) and why it can't be advertised.
ALTER TABLE accounts
    ADD COLUMN uses    text[] NOT NULL DEFAULT '{}',
    ADD COLUMN problem text   NOT NULL DEFAULT '';

-- One report of a scan is kept once, also if its activity runs again after its worker died.
ALTER TABLE scans ADD COLUMN source text UNIQUE;

-- What the workflow of a request needs to be started again if somebody terminates it.
ALTER TABLE access_requests
    ADD COLUMN remind_every_hours double precision,
    ADD COLUMN reminders_sent     integer NOT NULL DEFAULT 0;

-- Where TikTok lets a code serve one owner only, each request has its own; otherwise request_name is empty (R8).
ALTER TABLE qr_codes ADD COLUMN request_name text NOT NULL DEFAULT '';
ALTER TABLE qr_codes DROP CONSTRAINT qr_codes_pkey, ADD PRIMARY KEY (bc_id, scope, request_name);

-- While a command changes who may use an account, TikTok and our record may differ without anybody's doing.
ALTER TABLE authorizations ADD COLUMN sharing_since timestamptz;

-- A grant may remove itself; an authorization never does (R10).
ALTER TABLE grants ADD COLUMN until timestamptz;
CREATE INDEX grants_by_end ON grants (authorization_id, until) WHERE ended_at IS NULL AND until IS NOT NULL;
CREATE INDEX grants_by_member ON grants (user_id) WHERE ended_at IS NULL;

ALTER TABLE links ADD COLUMN problem text NOT NULL DEFAULT '';
CREATE INDEX links_by_ad_account ON links (advertiser_id) WHERE ended_at IS NULL;

-- Sharing with a partner: its people share their ad account with us by hand, then we link the account to it.
CREATE TABLE partner_steps (
    authorization_id text NOT NULL REFERENCES authorizations,
    partner_id       text NOT NULL,
    advertiser_id    text NOT NULL,
    state            text NOT NULL CHECK (state IN ('waiting', 'done', 'withdrawn')),
    asked_by         text NOT NULL,
    asked_at         timestamptz NOT NULL DEFAULT now(),
    decided_at       timestamptz,
    PRIMARY KEY (authorization_id, advertiser_id)
);

-- What we recorded and what TikTok says, where the two differed.
CREATE TABLE differences (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bc_id      text NOT NULL,
    kind       text NOT NULL,
    subject    text NOT NULL,
    recorded   text NOT NULL,
    found      text NOT NULL,
    handling   text NOT NULL CHECK (handling IN ('adopted', 'flagged')),
    found_at   timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
CREATE UNIQUE INDEX one_open_difference ON differences (bc_id, kind, subject) WHERE settled_at IS NULL;

-- Answers of commands that ran: Temporal knows a command's id only until its workflow continues as new.
CREATE TABLE handled_commands (
    owner      text NOT NULL,
    command_id text NOT NULL,
    answer     jsonb NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, command_id)
);
CREATE INDEX handled_commands_by_age ON handled_commands (owner, handled_at);
