"""The strategies, by their ids: to add one, add a file, and a line to the table."""
