-- A person wants the row's ad gone: whatever is still under way for it is not published, and what was is taken down.
ALTER TABLE targets ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
-- When its ads were switched off, on the way to being deleted.
ALTER TABLE targets ADD COLUMN spend_stopped_at timestamptz;
CREATE INDEX targets_by_named_ad_group ON targets (named_adgroup_id) WHERE named_adgroup_id IS NOT NULL;
