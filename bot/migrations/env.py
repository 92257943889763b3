"""Alembic's entry for the portal's tables; its version table is its own, the shop has another."""

from alembic import context
from sqlalchemy import text

from bot.database import connect, database_url
from bot.tables import Base

VERSION_TABLE = "alembic_version_portal"


def run() -> None:
    """Run the migrations on the database that the caller or the environment names, all of them or none.

    SQLite's driver begins no transaction by itself before tables change.
    """
    url = context.config.attributes.get("url") or database_url()
    with connect(url).begin() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table=VERSION_TABLE,
            include_name=lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables,
            render_as_batch=True,
        )
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        moves = context.get_context().get_current_revision() != context.get_revision_argument()
        if moves and connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.run_migrations()


run()
