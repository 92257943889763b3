"""What went wrong in conversations: collected, masked, and decided on by people, so that the model learns from it.

`collector` finds it, `store` keeps it without personal data, `clusters` sorts it, `review` turns a decision into an
example in `nlu_data`.
"""
