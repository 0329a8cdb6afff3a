-- What was found out before the first ad is made, kept while it holds: one question that TikTok does not answer must not
-- mean that hundreds are asked again.
CREATE TABLE rooms (
    campaign_id   text NOT NULL,
    advertiser_id text NOT NULL,
    identity_id   text NOT NULL,
    total         bigint NOT NULL,
    used          bigint NOT NULL,
    available     bigint NOT NULL,
    asked_at      timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, advertiser_id, identity_id)
);
ALTER TABLE targets ADD COLUMN post_seen_at timestamptz;
