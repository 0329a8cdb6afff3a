-- What a target that is not at its end waits for, where that is something else than its instant or TikTok's review: an ad
-- account that does not answer, one that is penalised, a file that is missing. Empty: nothing of the kind.
ALTER TABLE targets
    ADD COLUMN waits_for text NOT NULL DEFAULT '',
    ADD COLUMN waits_since timestamptz,
    ADD COLUMN waits_told boolean NOT NULL DEFAULT false;

-- A row that is tried again gets another ad group; what its earlier calls made is looked for where they made it.
ALTER TABLE intents ADD COLUMN adgroup_id text;
UPDATE intents i SET adgroup_id = g.adgroup_id FROM targets t JOIN ad_groups g ON g.id = t.ad_group
WHERE t.campaign_id = i.campaign_id AND t.row_id = i.row_id;

-- When TikTok was first seen to have approved the ad. The post of a push is named some time after that, or never.
ALTER TABLE targets ADD COLUMN approved_at timestamptz;
