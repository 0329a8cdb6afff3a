-- Whether an intent is open or has succeeded does not change when it is called for, nor when its ad is found. With that,
-- instead of the state, in the index, and room beside the row, to call writes one row and no index entry.
ALTER TABLE intents
    SET (fillfactor = 60),
    ADD COLUMN live boolean NOT NULL GENERATED ALWAYS AS (state IN ('intended', 'called', 'published')) STORED;
DROP INDEX one_live_intent;
CREATE UNIQUE INDEX one_live_intent ON intents (campaign_id, row_id) WHERE live;

-- A takedown looks for the intents of each of its rows, decided ones included. By batch, nobody looks for them.
CREATE INDEX intents_by_row ON intents (campaign_id, row_id);
DROP INDEX intents_by_batch;
