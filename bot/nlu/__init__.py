"""Our Rasa components and the kits they use; nothing here imports the rest of the portal."""
