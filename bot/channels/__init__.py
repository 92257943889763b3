"""Where turns come from and replies go."""
