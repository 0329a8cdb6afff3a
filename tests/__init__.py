"""Tests on the real things. Shared helpers are in `tests.conftest`; folders below have none of their own `__init__`."""
