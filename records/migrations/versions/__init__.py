"""One file for each revision, four digits in order: what it adds to the one before, and the number that it leaves in `meta`.
They import nothing of the program, which goes on while they stand still."""
