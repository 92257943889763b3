"""The fault run: thousands of messages, faulty providers, and processes that are killed; nothing may be lost."""
