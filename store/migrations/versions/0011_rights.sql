-- Rights by row: nothing is published outside of them, and an ad group ends with them.
ALTER TABLE targets
    ADD COLUMN rights_from timestamptz,
    ADD COLUMN rights_until timestamptz;
ALTER TABLE ad_groups ADD COLUMN ends_at timestamptz;
