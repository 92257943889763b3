"""messengers.

Revision: 0003, after: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """messengers."""
    op.create_table('consents',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=False),
    sa.Column('given', sa.Boolean(), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('provider_id', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_consents_contact_id_contacts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consents')),
    sa.UniqueConstraint('contact_id', 'provider_id', name=op.f('uq_consents_contact_id_provider_id'))
    )
    op.create_table('media',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('turn_id', sa.String(length=64), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('why', sa.String(length=20), nullable=False),
    sa.Column('media_type', sa.String(length=40), nullable=False),
    sa.Column('bytes', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('file', sa.String(length=80), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['turn_id'], ['turns.id'], name=op.f('fk_media_turn_id_turns')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_media')),
    sa.UniqueConstraint('turn_id', 'position', name=op.f('uq_media_turn_id_position'))
    )
    op.create_table('deliveries',
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('conversation_id', sa.String(length=64), nullable=False),
    sa.Column('reply_id', sa.Integer(), nullable=True),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('form', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('provider_id', sa.String(length=200), nullable=True),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('why', sa.String(length=200), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_deliveries_conversation_id_conversations')),
    sa.ForeignKeyConstraint(['reply_id'], ['replies.id'], name=op.f('fk_deliveries_reply_id_replies')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('id', name=op.f('uq_deliveries_id'))
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_conversation', ['conversation_id', 'number'], unique=False)
        batch_op.create_index('ix_deliveries_open', ['state', 'next_at'], unique=False, sqlite_where=sa.text("state IN ('queued', 'sending', 'unclear', 'held', 'failed')"), postgresql_where=sa.text("state IN ('queued', 'sending', 'unclear', 'held', 'failed')"))
        batch_op.create_index('ix_deliveries_provider', ['channel', 'provider_id'], unique=False)

    with op.batch_alter_table('contacts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('last_turn_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('replies', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('location', sa.JSON(), nullable=True))
        batch_op.alter_column('turn_id',
               existing_type=sa.VARCHAR(length=64),
               nullable=True)

    with op.batch_alter_table('turns', schema=None) as batch_op:
        batch_op.add_column(sa.Column('attachments', sa.JSON(), nullable=False, server_default='[]'))



def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table('turns', schema=None) as batch_op:
        batch_op.drop_column('attachments')

    with op.batch_alter_table('replies', schema=None) as batch_op:
        batch_op.alter_column('turn_id',
               existing_type=sa.VARCHAR(length=64),
               nullable=False)
        batch_op.drop_column('location')
        batch_op.drop_column('link')

    with op.batch_alter_table('contacts', schema=None) as batch_op:
        batch_op.drop_column('last_turn_at')

    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_provider')
        batch_op.drop_index('ix_deliveries_open', sqlite_where=sa.text("state IN ('queued', 'sending', 'unclear', 'held', 'failed')"), postgresql_where=sa.text("state IN ('queued', 'sending', 'unclear', 'held', 'failed')"))
        batch_op.drop_index('ix_deliveries_conversation')

    op.drop_table('deliveries')
    op.drop_table('media')
    op.drop_table('consents')
