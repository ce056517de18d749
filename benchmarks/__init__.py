"""Measurements of the product beside the best that others offer, in the same run on the same machine.
Nothing imports it, and no test compares its figures: they are a machine's, not the program's."""
