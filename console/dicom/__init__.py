"""Records as DICOM instances, and the outbox from which they are sent."""
