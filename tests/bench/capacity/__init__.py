"""How long callers wait on a number of devices: a simulation with measured service times, and runs that check it."""
