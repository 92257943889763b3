"""The portal: turns in, replies out."""
