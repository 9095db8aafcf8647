"""The environment of Alembic: it runs the steps on the connection and in the transaction of `upgrade`."""

from alembic import context

from londonpump.persistence.database.schema import VERSION_TABLE, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite cannot alter most columns, so Alembic copies the table into a new one
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
