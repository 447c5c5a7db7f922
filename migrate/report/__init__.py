"""What happened: for a person (HTML), a program (JSON), a spreadsheet (CSV)."""
