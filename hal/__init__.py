"""What the machine is: its words first, then its wires. Knows no rule, no state and no dose."""
