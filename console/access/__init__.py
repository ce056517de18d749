"""Who may ask the console for what: users, sessions, the table of roles, the audit. No page and no socket lives here; STOP is asked of nobody in this room."""
