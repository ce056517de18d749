"""The incidents of docs/hazards.md as things done to the whole machine in virtual time: each stands as a play in the file that says what kind of thing went
wrong, and in table.py by its name. A play judges by the world's truth, by the records and by the invariants; of the program it asks what a person at the desk
is told."""
