"""A whole midnight release on this machine, against a pretended TikTok: `python -m demo`."""
