"""Alembic's entry for the shop's tables; its version table is its own, the portal has another."""

from alembic import context

from actions.db import connect, database_url
from actions.models import Base

VERSION_TABLE = "alembic_version_shop"


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
        moves = context.get_context().get_current_revision() != context.get_revision_argument()
        if moves and connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.run_migrations()


run()
