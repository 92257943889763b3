"""models.

Revision: 0004, after: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """models."""
    op.create_table('models',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('trained_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('trained_by', sa.String(), nullable=False),
    sa.Column('figures', sa.JSON(), nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('share', sa.Integer(), nullable=True),
    sa.Column('promoted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('promoted_by', sa.String(), nullable=True),
    sa.Column('forced', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('error', sa.String(), nullable=True),
    sa.Column('compared', sa.Integer(), nullable=False),
    sa.Column('dropped', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_models'))
    )
    with op.batch_alter_table('models', schema=None) as batch_op:
        batch_op.create_index('uq_models_state', ['state'], unique=True, sqlite_where=sa.text("state <> 'trained'"), postgresql_where=sa.text("state <> 'trained'"))

    op.create_table('model_disagreements',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('model', sa.String(length=100), nullable=False),
    sa.Column('turn_id', sa.String(length=64), nullable=False),
    sa.Column('live_intent', sa.String(), nullable=False),
    sa.Column('live_confidence', sa.Float(), nullable=False),
    sa.Column('shadow_intent', sa.String(), nullable=False),
    sa.Column('shadow_confidence', sa.Float(), nullable=False),
    sa.Column('values_differ', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_disagreements'))
    )
    with op.batch_alter_table('model_disagreements', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_model_disagreements_model'), ['model'], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table('model_disagreements', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_model_disagreements_model'))

    op.drop_table('model_disagreements')
    with op.batch_alter_table('models', schema=None) as batch_op:
        batch_op.drop_index('uq_models_state', sqlite_where=sa.text("state <> 'trained'"), postgresql_where=sa.text("state <> 'trained'"))

    op.drop_table('models')
