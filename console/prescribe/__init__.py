"""An order as it is written: the fields, what they come to, and the folder in which a draft waits for its signatures."""
