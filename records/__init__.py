"""What happened, kept: journal, database, and the recorder between them and the ring. Read records/recorder.py first.
No device is known here, and nothing here runs beside the tick."""
