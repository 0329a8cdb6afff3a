-- A video is on record as soon as it is uploaded; its first cover comes when TikTok has transcoded it.
ALTER TABLE media ALTER COLUMN cover_id DROP NOT NULL;

-- A cover is uploaded once per ad account and content, too.
CREATE TABLE images (
    advertiser_id text NOT NULL,
    sha256        text NOT NULL,
    image_id      text NOT NULL,
    uploaded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (advertiser_id, sha256)
);

ALTER TABLE targets ADD COLUMN cover_sha256 text;
ALTER TABLE targets ADD COLUMN cover_size bigint;
-- TikTok's id of the ad group that the row names; ad_group is ours.
ALTER TABLE targets ADD COLUMN named_adgroup_id text;
-- Of a pull, as its post asks for.
ALTER TABLE targets ADD COLUMN ad_format text NOT NULL DEFAULT 'SINGLE_VIDEO';
