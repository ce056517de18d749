"""The console's pages and their interface: a process of its own beside `kerma run`."""
