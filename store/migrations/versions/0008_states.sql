-- A target changes its state four times on its way. With the state in no index, and room beside the row, that writes
-- one row and no index entry.
DROP INDEX targets_by_shard;
CREATE INDEX targets_by_shard ON targets (campaign_id, wave, shard);
DROP INDEX targets_by_account;
CREATE INDEX targets_by_account ON targets (bc_id, handle);
ALTER TABLE targets SET (fillfactor = 60);
