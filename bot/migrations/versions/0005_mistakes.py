"""mistakes.

Revision: 0005, after: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """mistakes."""
    op.create_table('mistakes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('intent', sa.String(), nullable=False),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.Column('ranking', sa.JSON(), nullable=False),
    sa.Column('suggested', sa.String(), nullable=True),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decision', sa.String(length=20), nullable=True),
    sa.Column('label', sa.String(), nullable=True),
    sa.Column('decided_by', sa.String(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mistakes')),
    sa.UniqueConstraint('key', name=op.f('uq_mistakes_key'))
    )
    with op.batch_alter_table('mistakes', schema=None) as batch_op:
        batch_op.create_index('ix_mistakes_open', ['count'], unique=False, sqlite_where=sa.text('decision IS NULL'), postgresql_where=sa.text('decision IS NULL'))

    op.create_table('mistake_reports',
    sa.Column('turn_id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('mistake_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['mistake_id'], ['mistakes.id'], name=op.f('fk_mistake_reports_mistake_id_mistakes'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('turn_id', 'kind', name=op.f('pk_mistake_reports'))
    )
    with op.batch_alter_table('mistake_reports', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mistake_reports_mistake_id'), ['mistake_id'], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table('mistake_reports', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_mistake_reports_mistake_id'))

    op.drop_table('mistake_reports')
    with op.batch_alter_table('mistakes', schema=None) as batch_op:
        batch_op.drop_index('ix_mistakes_open', sqlite_where=sa.text('decision IS NULL'), postgresql_where=sa.text('decision IS NULL'))

    op.drop_table('mistakes')
