"""What the doctor looks at: a file for each group of checks, a class for each check."""
