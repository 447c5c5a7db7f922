"""One function per command: ties the rooms together through the ledger. Knows every room, decides nothing of theirs."""
