"""
Postgres: the record that people query. SQL by area, one function for one question or one change.

Every function takes a connection or a pool, so that a caller decides what is one transaction. A change and its line in
the audit trail always are.
"""
