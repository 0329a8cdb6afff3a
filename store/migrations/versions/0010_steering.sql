-- Tiers go out one after the other; nothing goes out before it is approved.
ALTER TABLE targets ADD COLUMN tier integer NOT NULL DEFAULT 1;
ALTER TABLE campaigns
    ADD COLUMN open_tier integer NOT NULL DEFAULT 1,
    ADD COLUMN approved boolean NOT NULL DEFAULT true,
    ADD COLUMN plan_hash text;

-- What each approver said last of each plan.
CREATE TABLE approvals (
    campaign_id text NOT NULL REFERENCES campaigns,
    plan_hash   text NOT NULL,
    stage       text NOT NULL,
    actor       text NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    reason      text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, plan_hash, stage, actor)
);

-- An earlier instant that one admin has asked for and a second has not.
CREATE TABLE retimings (
    campaign_id text NOT NULL REFERENCES campaigns,
    asked       text NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, asked)
);
