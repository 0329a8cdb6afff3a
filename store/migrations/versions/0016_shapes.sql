-- In pixels, as TikTok measured them; null: it has not said.
ALTER TABLE media ADD COLUMN width integer, ADD COLUMN height integer;
ALTER TABLE images ADD COLUMN width integer, ADD COLUMN height integer;
