"""The wheel: what is in it, and how it lives in somebody else's environment."""
