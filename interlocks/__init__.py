"""May the beam be on? Knows readings, the house's own ages and what was last sent; not states, not wires."""
