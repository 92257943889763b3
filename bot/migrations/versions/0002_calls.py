"""calls.

Revision: 0002, after: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """calls."""
    op.create_table('calls',
    sa.Column('sid', sa.String(length=34), nullable=False),
    sa.Column('conversation_id', sa.String(length=64), nullable=False),
    sa.Column('number', sa.String(length=16), nullable=True),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('state', sa.JSON(), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_calls_conversation_id_conversations')),
    sa.PrimaryKeyConstraint('sid', name=op.f('pk_calls'))
    )
    with op.batch_alter_table('calls', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_calls_conversation_id'), ['conversation_id'], unique=False)
        batch_op.create_index('ix_calls_open', ['began_at'], unique=False, sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))

    op.create_table('call_steps',
    sa.Column('sid', sa.String(length=34), nullable=False),
    sa.Column('step', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('twiml', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['sid'], ['calls.sid'], name=op.f('fk_call_steps_sid_calls')),
    sa.PrimaryKeyConstraint('sid', 'step', name=op.f('pk_call_steps'))
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table('call_steps')
    with op.batch_alter_table('calls', schema=None) as batch_op:
        batch_op.drop_index('ix_calls_open', sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))
        batch_op.drop_index(batch_op.f('ix_calls_conversation_id'))

    op.drop_table('calls')
