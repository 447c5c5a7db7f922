"""What can be wrong with a ledger."""

from __future__ import annotations

from migrate.errors import ExitStatus, MigrationError


class LedgerDamaged(MigrationError):
    """The ledger is not readable any more (torn, corrupted, or not a ledger). It is never restarted in silence."""

    code = "E6002"
    title = "The ledger {path} is damaged: {detail}."
    remedy = ("Keep the file. Restore the whole work folder from a copy, or plan anew in another --work folder: what is already in Cells is found "
              "there, but cannot be undone from it. If you changed the ledger yourself and want it as it is, remove ledger.mark beside it.")
    exit_status = ExitStatus.LOCAL


class SecretsDamaged(MigrationError):
    """The secrets file is not as it was written. Going on would hand out other passwords than those that Cells has."""

    code = "E6008"
    title = "The secrets file {path} is damaged in line {line}."
    remedy = ("Put back a good copy. If there is none, remove that line: what it held is made anew, and who got it already needs a new password "
              "in Cells.")
    exit_status = ExitStatus.LOCAL


class LedgerFull(MigrationError):
    """The disk of the work folder is full or not writable. What was done is recorded; what was not recorded is looked up again."""

    code = "E6003"
    title = "The ledger {path} could not be written: {detail}."
    remedy = "Free room on that disk (or make the folder writable) and run the same command again: it goes on where it stopped."
    exit_status = ExitStatus.LOCAL
    retryable = True


class DiskFailed(MigrationError):
    """A file in the work folder (or the temporary folder) could not be written: no room, read-only, or broken."""

    code = "E6007"
    title = "A file could not be written: {detail}."
    remedy = "Free room on that disk (or make the folder writable) and run the same command again: it goes on where it stopped."
    exit_status = ExitStatus.LOCAL
    retryable = True


class LedgerMissing(MigrationError):
    """The command needs a work folder in which `plan` (or `assess`) has run."""

    code = "E6004"
    title = "There is no ledger in {work}."
    remedy = "Run `plan` first, or name the right folder with --work."
    exit_status = ExitStatus.USAGE
