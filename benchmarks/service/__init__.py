"""The service under load, on SQLite and on PostgreSQL: client and server are two processes of one machine."""
