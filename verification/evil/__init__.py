"""Tests of the tests: the product with a few lines changed for the worse, and the one invariant, law or test that must notice each of them.
The tables say what is changed and who must see it; run.py plays them on copies, and never on the checkout."""
