-- TikTok said that it made the ad, and does not list it. Silence is no evidence then: a person decides.
ALTER TABLE intents ADD COLUMN contradicted boolean NOT NULL DEFAULT false;
CREATE INDEX intents_by_ad ON intents (ad_id) WHERE ad_id IS NOT NULL;
