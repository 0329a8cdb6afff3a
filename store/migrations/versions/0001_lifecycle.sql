-- Access tokens. Read by activities alone; never in a history, a log or a report.
CREATE TABLE credentials (
    bc_id        text PRIMARY KEY,
    bc_name      text NOT NULL,
    access_token text NOT NULL,
    connected_at timestamptz NOT NULL DEFAULT now()
);

-- One code per Business Center and scope (R8).
CREATE TABLE qr_codes (
    bc_id     text NOT NULL,
    scope     text NOT NULL,
    code      jsonb NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (bc_id, scope)
);

-- What TikTok lists, as the last sweep saw it.
CREATE TABLE accounts (
    bc_id      text NOT NULL,
    asset_id   text NOT NULL,
    handle     text NOT NULL,
    name       text NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bc_id, asset_id)
);

-- What a member may use, as TikTok said at fetched_at.
CREATE TABLE member_access (
    bc_id       text NOT NULL,
    user_id     text NOT NULL,
    role        text,
    ad_accounts jsonb NOT NULL,
    accounts    jsonb NOT NULL,
    admins      jsonb NOT NULL,
    fetched_at  timestamptz NOT NULL,
    PRIMARY KEY (bc_id, user_id)
);

CREATE TABLE access_requests (
    id           text PRIMARY KEY,
    bc_id        text NOT NULL,
    name         text NOT NULL,
    handle       text,
    scope        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('pending', 'approved', 'declined', 'cancelled', 'timed_out')),
    requested_by text NOT NULL,
    opened_at    timestamptz NOT NULL,
    deadline     timestamptz,
    closed_at    timestamptz,
    asset_id     text,
    reason       text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX one_pending_request ON access_requests (bc_id, name) WHERE state = 'pending';
CREATE INDEX requests_by_handle ON access_requests (bc_id, handle, opened_at DESC);

-- Every scan has an outcome, also the ones that changed nothing (R9).
CREATE TABLE scans (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    bc_id        text NOT NULL,
    request_name text,
    handle       text,
    asset_id     text,
    outcome      text NOT NULL,
    reported_by  text NOT NULL,
    detail       text NOT NULL DEFAULT ''
);

CREATE TABLE authorizations (
    id           text PRIMARY KEY,
    bc_id        text NOT NULL,
    asset_id     text NOT NULL,
    request_name text,
    stage        text NOT NULL CHECK (stage IN ('active', 'revoked_by_owner', 'removed_by_admin')),
    since        timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_by     text,
    reason       text NOT NULL DEFAULT '',
    CHECK ((stage = 'active') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX one_active_authorization ON authorizations (bc_id, asset_id) WHERE stage = 'active';

-- A grant hangs on its authorization: approving again gives no old grant back.
CREATE TABLE grants (
    authorization_id text NOT NULL REFERENCES authorizations,
    user_id          text NOT NULL,
    permissions      text[] NOT NULL,
    granted_by       text NOT NULL,
    granted_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    PRIMARY KEY (authorization_id, user_id)
);

CREATE TABLE links (
    authorization_id text NOT NULL REFERENCES authorizations,
    advertiser_id    text NOT NULL,
    identity_id      text NOT NULL,
    can_push         boolean NOT NULL,
    can_pull         boolean NOT NULL,
    ads_only         boolean NOT NULL,
    linked_by        text NOT NULL,
    linked_at        timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    PRIMARY KEY (authorization_id, advertiser_id)
);

CREATE TABLE campaigns (
    campaign_id     text PRIMARY KEY,
    bc_id           text NOT NULL,
    started_by      text NOT NULL,
    operator        text NOT NULL,
    manifest_sha256 text NOT NULL,
    started_at      timestamptz NOT NULL,
    paused          boolean NOT NULL DEFAULT false,
    cancelled       boolean NOT NULL DEFAULT false,
    finished_at     timestamptz
);

CREATE TABLE tiktok_campaigns (
    campaign_id        text NOT NULL REFERENCES campaigns,
    advertiser_id      text NOT NULL,
    tiktok_campaign_id text NOT NULL,
    PRIMARY KEY (campaign_id, advertiser_id)
);

CREATE TABLE ad_groups (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id   text NOT NULL REFERENCES campaigns,
    advertiser_id text NOT NULL,
    location_id   text NOT NULL,
    daily_budget  numeric NOT NULL,
    number        integer NOT NULL,
    name          text NOT NULL,
    starts_at     timestamptz NOT NULL,
    adgroup_id    text,
    UNIQUE (campaign_id, advertiser_id, name)
);

-- A video is uploaded once per ad account and content.
CREATE TABLE media (
    advertiser_id text NOT NULL,
    sha256        text NOT NULL,
    video_id      text NOT NULL,
    cover_id      text NOT NULL,
    uploaded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (advertiser_id, sha256)
);

CREATE TABLE targets (
    campaign_id    text NOT NULL REFERENCES campaigns,
    row_number     integer NOT NULL,
    row_id         text NOT NULL,
    mode           text NOT NULL CHECK (mode IN ('push', 'pull')),
    bc_id          text NOT NULL,
    handle         text NOT NULL,
    asset_id       text,
    advertiser_id  text NOT NULL,
    territory      text NOT NULL,
    location_id    text NOT NULL,
    time_zone      text NOT NULL,
    due_at         timestamptz NOT NULL,
    asap           boolean NOT NULL,
    visibility     text,
    video_sha256   text,
    video_size     bigint,
    pull_item_id   text,
    caption        text NOT NULL,
    landing_url    text NOT NULL,
    call_to_action text NOT NULL,
    daily_budget   numeric NOT NULL,
    state          text NOT NULL,
    reason         text NOT NULL DEFAULT '',
    wave           integer NOT NULL,
    shard          integer NOT NULL,
    ad_group       bigint REFERENCES ad_groups,
    ad_id          text,
    item_id        text,
    submitted_at   timestamptz,
    confirmed_at   timestamptz,
    PRIMARY KEY (campaign_id, row_id)
);
CREATE INDEX targets_by_shard ON targets (campaign_id, wave, shard, state);
CREATE INDEX targets_by_account ON targets (bc_id, handle, state);

-- Written before a call that cannot be repeated. At most one intent of a target may be open or have succeeded, whoever
-- tries: two workers, or an old and a new one after a network split.
CREATE TABLE intents (
    token       text PRIMARY KEY,
    campaign_id text NOT NULL,
    row_id      text NOT NULL,
    batch       text NOT NULL,
    state       text NOT NULL CHECK (state IN ('intended', 'called', 'published', 'refused', 'absent')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    called_at   timestamptz,
    decided_at  timestamptz,
    ad_id       text,
    detail      text NOT NULL DEFAULT '',
    FOREIGN KEY (campaign_id, row_id) REFERENCES targets
);
CREATE UNIQUE INDEX one_live_intent ON intents (campaign_id, row_id) WHERE state IN ('intended', 'called', 'published');
CREATE INDEX intents_by_batch ON intents (batch);

CREATE TABLE audit (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    bc_id       text NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,
    reason      text NOT NULL DEFAULT '',
    workflow_id text NOT NULL,
    run_id      text NOT NULL
);
CREATE INDEX audit_by_subject ON audit (bc_id, subject, seq);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_keeps_table BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
