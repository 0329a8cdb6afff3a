-- How many Spark Ads an ad account had when a campaign asked, as `rooms` holds it of identities.
CREATE TABLE ad_account_rooms (
    campaign_id   text NOT NULL,
    advertiser_id text NOT NULL,
    used          bigint NOT NULL,
    asked_at      timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, advertiser_id)
);
