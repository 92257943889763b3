"""learning consents.

Revision: 0007, after: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """learning consents."""
    op.create_table(
        'learning_consents',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('contact_id', sa.Integer(), nullable=True),
        sa.Column('customer', sa.String(), nullable=True),
        sa.Column('given', sa.Boolean(), nullable=False),
        sa.Column('source', sa.String(length=20), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_learning_consents_contact_id_contacts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_learning_consents')),
    )
    op.create_index(op.f('ix_learning_consents_contact_id'), 'learning_consents', ['contact_id'], unique=False)
    op.create_index(op.f('ix_learning_consents_customer'), 'learning_consents', ['customer'], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f('ix_learning_consents_customer'), table_name='learning_consents')
    op.drop_index(op.f('ix_learning_consents_contact_id'), table_name='learning_consents')
    op.drop_table('learning_consents')
