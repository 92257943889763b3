"""forgetting.

Revision: 0006, after: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """forgetting."""
    with op.batch_alter_table('turns', schema=None) as batch_op:
        batch_op.add_column(sa.Column('forget_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_turns_forget', ['forget_at'], unique=False, sqlite_where=sa.text('forget_at IS NOT NULL'), postgresql_where=sa.text('forget_at IS NOT NULL'))

    with op.batch_alter_table('media', schema=None) as batch_op:
        batch_op.create_index('ix_media_kept', ['at'], unique=False, sqlite_where=sa.text("state = 'kept'"), postgresql_where=sa.text("state = 'kept'"))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table('media', schema=None) as batch_op:
        batch_op.drop_index('ix_media_kept', sqlite_where=sa.text("state = 'kept'"), postgresql_where=sa.text("state = 'kept'"))

    with op.batch_alter_table('turns', schema=None) as batch_op:
        batch_op.drop_index('ix_turns_forget', sqlite_where=sa.text('forget_at IS NOT NULL'), postgresql_where=sa.text('forget_at IS NOT NULL'))
        batch_op.drop_column('forget_at')
