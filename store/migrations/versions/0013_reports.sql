-- Calls to TikTok that a release made, added up by the workers.
CREATE TABLE api_calls (
    campaign_id text NOT NULL,
    endpoint    text NOT NULL,
    ending      text NOT NULL CHECK (ending IN ('done', 'refused', 'throttled', 'lost')),
    calls       bigint NOT NULL,
    PRIMARY KEY (campaign_id, endpoint, ending)
);

-- What TikTok calls people and ad accounts, as it said last: for reading, never for deciding.
CREATE TABLE known_names (
    id   text PRIMARY KEY,
    name text NOT NULL
);
