"""The terminal of service and physics: guided procedures, the hands that expose and read for them, the draft, and what is asked of a certificate."""
