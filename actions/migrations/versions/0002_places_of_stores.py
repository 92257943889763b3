"""places of stores.

Revision: 0002, after: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """places of stores."""
    op.add_column('stores', sa.Column('latitude', sa.Float(), nullable=True))
    op.add_column('stores', sa.Column('longitude', sa.Float(), nullable=True))


def downgrade() -> None:
    """Take it back, in place: other tables refer to this one."""
    op.drop_column('stores', 'longitude')
    op.drop_column('stores', 'latitude')
