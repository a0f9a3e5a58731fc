"""What people write: experiments/*.yaml, configs/** and guideline files, read into domain values."""
