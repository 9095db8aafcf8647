"""The environment of Alembic: it runs the steps on the connection and in the transaction of `upgrade`."""

from alembic import context
from sqlalchemy import inspect

from londonpump.persistence.database.engine import upsert
from londonpump.persistence.database.schema import VERSION_TABLE, metadata, schema_readable_from
from londonpump.persistence.database.schema_version import lowest_reader

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
    if inspect(connection).has_table(schema_readable_from.name):
        version = context.get_context().get_current_revision()
        row = {"id": 1, "version": lowest_reader(context.script, version)}
        upsert(connection, schema_readable_from, [row])
