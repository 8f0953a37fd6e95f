"""Tables, sessions, and the queries that have names. SQLite by default, PostgreSQL by URL."""
