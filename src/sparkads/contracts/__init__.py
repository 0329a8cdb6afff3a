"""The messages of sparkads: one frozen pydantic model in, one out, for every workflow, update, signal and query."""
