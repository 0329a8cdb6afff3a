"""What happens in which order. Deterministic, no I/O: everything that touches the world is an activity."""
