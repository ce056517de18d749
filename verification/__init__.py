"""The machine room of trust: the shipped loop joined to the simulators, in virtual time and over real wires, and the scenarios that try to break it."""
