"""The day's work before the first patient: warm-up, the daily check, and the signed sheets that open or bar treatment."""
