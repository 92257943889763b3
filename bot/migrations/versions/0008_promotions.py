"""promotions: which model went live when, by whom and why.

Revision: 0008, after: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None
MOVED = ('promoted_by', 'forced', 'reason')


def upgrade() -> None:
    """promotions."""
    op.create_table(
        'promotions',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('model', sa.String(length=100), nullable=False),
        sa.Column('instead_of', sa.String(), nullable=True),
        sa.Column('by', sa.String(), nullable=False),
        sa.Column('forced', sa.Boolean(), nullable=False),
        sa.Column('reason', sa.String(), nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['model'], ['models.name'], name=op.f('fk_promotions_model_models')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_promotions')),
    )
    op.create_index(op.f('ix_promotions_model'), 'promotions', ['model'], unique=False)
    op.execute(
        'INSERT INTO promotions (model, "by", forced, reason, at) '
        'SELECT name, promoted_by, forced, reason, promoted_at FROM models '
        'WHERE promoted_at IS NOT NULL AND promoted_by IS NOT NULL ORDER BY promoted_at'
    )
    for name in MOVED:
        op.drop_column('models', name)


def downgrade() -> None:
    """Take it back; of each model its last promotion is kept."""
    op.add_column('models', sa.Column('promoted_by', sa.String(), nullable=True))
    op.add_column('models', sa.Column('forced', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('models', sa.Column('reason', sa.String(), nullable=True))
    newest = 'SELECT max(id) FROM promotions WHERE model = models.name'
    for name, column in (('promoted_by', '"by"'), ('forced', 'forced'), ('reason', 'reason')):
        op.execute(
            f'UPDATE models SET {name} = (SELECT {column} FROM promotions WHERE id = ({newest})) '
            'WHERE name IN (SELECT model FROM promotions)'
        )
    op.drop_index(op.f('ix_promotions_model'), table_name='promotions')
    op.drop_table('promotions')
