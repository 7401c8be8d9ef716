"""What a rehearsal makes, what it may write to, and what it found."""
