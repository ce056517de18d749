"""An operator at the terminal: one fraction from prescription to end, and what every terminal that holds the desk shares with it."""
