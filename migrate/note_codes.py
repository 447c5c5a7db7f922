"""Reasons and findings about what people noted: fields, values, comments, watches, bookmarks, locks, quotas, pictures."""

from __future__ import annotations

from migrate.errors import Severity, code

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

NODE_GONE = code("S2701", INFO, "{subject}: the file or folder is not there any more on the old server.", "Nothing to do.")
NODE_LEFT = code("S2702", WARNING, "{subject}: the file or folder is not carried.",
                 "See why its workspace, person or file is left out; what was noted about it comes with it.")
FIELD_UNKNOWN = code("S2703", WARNING, "{subject}: {number} values of a field that no workspace defines (for example {example}).",
                     "Write `keep` into its line of fields.csv to carry them as text.",
                     "People could not see such values any more: the field was removed from the workspace and its values stayed behind.")
FIELD_SKIPPED = code("S2704", INFO, "{subject}: fields.csv says to leave this field out.", "Change its line in fields.csv to carry it.")
PRIVATE = code("S2705", WARNING, "{subject}: {number} values that only one person saw (for example {example}).",
               "Write `show` into the column `private` of its line in fields.csv, if everybody who sees the file may see them.",
               "Cells keeps one value for all. What one person noted privately would become visible to others, so it is left out.")
WRONG_TYPE = code("S2706", WARNING, "{subject}: {number} values that are not of the type of the field ({example}).", "Set them by hand where they are needed.")
TOO_LONG = code("S2707", WARNING, "{subject}: {number} values are longer than the 65535 bytes that Cells stores ({example}).",
                "Keep their text in a file beside, or shorten it on the old server.")
EMPTY = code("S2708", INFO, "{subject}: the values are empty.", "Nothing to do.")
OTHER_VALUE = code("S2709", WARNING, "{subject}: {number} values for which the file has another one already (for example {example}).",
                   "Look at both; Cells keeps one value for each file and field.")
PERSON_LEFT = code("S2710", INFO, "{subject}: this account is not carried.", "See why the account is left out.")
NO_SESSION = code("S2711", WARNING, "{subject}: nobody but the person can set a bookmark, and the password is not known.",
                  "Hand the list bookmarks.csv to the people concerned.",
                  "Cells lets everybody set bookmarks for themselves only. The tool signs in with the temporary password of accounts it made, "
                  "and for others it lists the bookmarks.")
NOT_SEEN = code("S2712", WARNING, "{subject}: the person does not see this file or folder in Cells.", "Nothing to do; give the right first, if it is missing.")
LOCK_OF_OTHER = code("S2713", WARNING, "{subject}: somebody else has locked the file.", "Let that person unlock it in Cells.")
NO_EQUIVALENT = code("S2714", INFO, "{subject}: Cells has no such personal setting.", "Nothing to do; people set their preferences again.")
COMMENT_ARCHIVED = code("S2715", INFO, "Comments are kept in the archive file comments.csv only.", "Plan with --comments field to show them in Cells too.")
PICTURE_KEPT = code("S2716", INFO, "{subject}: the account was in Cells before and keeps its own picture.", "Nothing to do.")
PICTURE_ODD = code("S2717", WARNING, "{subject}: the picture is none that Cells takes ({reason}).", "Let the person choose a picture again.")
NOTHING_TO_LIMIT = code("S2718", INFO, "{subject}: the workspace or person of this quota is not carried.", "Nothing to do.")
PERSONAL_ONLY = code("S2719", WARNING, "{subject}: a quota for everybody's own folder is set for people, not for {name}.",
                     "Set it in Cells for each person concerned, where it is needed.")
START_LEFT = code("S2720", INFO, "{subject}: the workspace shown at sign-in is not carried; Cells shows its own start page.", "Nothing to do.")
ACCOUNT_KEPT = code("S2721", INFO, "{subject}: the account was in Cells before and keeps its own settings.", "Nothing to do.")
NOT_WATCHED = code("S2722", WARNING, "{subject}: on version 5 people can set watches for themselves only, and the password is not known.",
                   "Let the person watch the file or folder again.")

SETTINGS_LEFT = code("F2713", INFO, "{subject}: {number} settings of roles and people are not carried (for example {example}): Cells has no such settings.",
                     "Look through them and set in Cells what matters; `inventory` lists them with the roles.",
                     "Roles of the old server could state any option of any plugin. Names, addresses, languages, pictures, start workspaces, locks and quotas "
                     "are carried; the rest has no equivalent that works the same, mails about changes included.")
BOOKMARKS_BY_JOB = code("F2712", WARNING, "Bookmarks of people who cannot be signed in are set by an internal job of Cells, which asks nobody.",
                        "Nothing to do; plan with --bookmarks-by session to have them listed instead.",
                        "The job writes what it is asked into the log of tasks: node ids and logins, no secrets. A bookmark on something the person does "
                        "not see is not shown.")
CHOICE_UNKNOWN = code("F2701", WARNING,
                      "{subject}: {number} values are not among the choices of the field (for example {example}); they are carried as written.",
                      "Add the choice in Cells, or choose another value there.")
CONTROLS = code("F2702", INFO, "{subject}: control characters were taken out of {number} values (for example {example}).", "Nothing to do.")
CLASH = code("F2703", WARNING, "The field {subject} means different things in different workspaces: {what}. Each becomes a field of its own: {names}.",
             "Change names, types or labels in fields.csv, if you want it otherwise.",
             "Fields of Cells are the same for all workspaces; on the old server each workspace had its own.")
FIELD_THERE = code("F2704", WARNING, "Cells has a field {subject} already, which is another one ({what}); the old field becomes {name}.",
                   "Nothing to do, or give another name in fields.csv.")
CHOICES_MISSING = code("F2705", WARNING, "The field {subject} of Cells lacks choices of the old one: {what}. It is not changed.",
                       "Write `update` into its line of fields.csv to add them.")
MARKUP = code("F2706", INFO, "{subject}: {number} values hold markup (for example {example}); it is carried as text and never interpreted.", "Nothing to do.")
NOT_DATA = code("F2707", INFO, "EXIF and IPTC data, file hashes, previews and usage counters of the old server are not carried: they lie in the "
                "files themselves or are computed anew by Cells.", "Nothing to do.")
READABLE = code("F2708", WARNING, "Cells answers everybody who is signed in with the values of fields (comments included), also of files that "
                "person cannot see, when asked through its interface by the id of the file.",
                "Leave fields out in fields.csv whose values must stay among few people.",
                "The web client shows values with files only. The interface filters values by the policies of the field, not by the rights on the "
                "file (seen on 4.1).")
COMMENTS_CUT = code("F2709", WARNING,
                    "{subject}: the comments are longer than a field of Cells holds; the newest are shown, all are in the archive.", "Nothing to do.")
VALUE_KEPT = code("F2710", INFO,
                  "{subject}: {number} values were changed in Cells since they were carried (for example {example}); they stay as they are there.",
                  "Nothing to do.")
VALUE_GONE = code("F2719", INFO,
                  "{subject}: {number} values were removed in Cells since they were carried (for example {example}); they are not written again.",
                  "Nothing to do. To write them again: plan with --source-wins.")
LABELS = code("F2711", INFO, "The field {subject} has several labels in the old workspaces; Cells shows '{name}'.", "Change it in fields.csv.")
