"""A release, or a Business Center, while answers of TikTok are made odd by seed; and what must hold all the same."""
