"""Why is a share left out or changed? The codes of this part of the plan."""

from __future__ import annotations

from migrate.errors import Severity, code

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR
SHARE_AGAIN = "Ask {owner} to share it again in Cells, if it is still needed."

BROKEN = code("S3101", WARNING, "Share {subject} of {owner} cannot be trusted ({reason}); it is not published.", SHARE_AGAIN,
              "The code in brackets is the finding that says what is wrong with it.")
OWNER_LEFT_OUT = code("S3102", WARNING, "Share {subject} belonged to {owner}, who has no account in Cells; it is not published.",
                      "Plan with --revive ownerless --new-owner LOGIN, or let somebody share it again.")
FOR_NAMED_PEOPLE = code("S3103", WARNING, "Link {subject} of {owner} could only be opened by certain people, none of whom has an account; Cells has no such "
                        "links, so it is not published.", "Make accounts for them and share with them by name.")
NOBODY_TO_SIGN_IN = code("S3104", INFO, "The address {subject} of {owner} asked for a sign-in, and nobody was named; it opened nothing.", "Nothing to do.")
EXPIRED = code("S3105", INFO, "Link {subject} of {owner} has expired; it is not published.", "Plan with --revive expired if it should live again.",
               "Cells would block only the page of an expired link, not the files.")
USED_UP = code("S3106", INFO, "Link {subject} of {owner} has no downloads left; it is not published.", "Plan with --revive exhausted to count anew.",
               "What is left is the limit less what the old server counted; in Cells a limit of 0 would mean unlimited.")
TARGET_LEFT_OUT = code("S3107", WARNING, "Share {subject} of {owner} shows {path}, which is not carried; it is not published.",
                       "Carry the workspace or folder it lies in, or share it again.")
NO_DOWNLOAD = code("S3108", INFO, "Link {subject} of {owner} was for looking only; it is left out, as asked (--strict-no-download).", SHARE_AGAIN)
GIVES_NOTHING = code("S3109", INFO, "Share {subject} of {owner} gave nobody anything; it is left out.", "Nothing to do.")
ADDRESS_TAKEN = code("S3110", ERROR, "The address {subject} of a link of {owner} is in use in Cells for something else; the link is not published.",
                     "Remove or rename the link that is there, then plan again; or let {owner} share again under another address.")
LINK_TO_CELL = code("F3111", INFO, "Link {subject} of {owner} could only be opened by certain people; it becomes a cell for those of them who have an account.",
                    "Tell them that they find it after signing in.")
PREVIEW_ONLY = code("F3112", WARNING, "Link {subject} of {owner} was for looking only. Cells only hides the button: whoever asks for the files gets them.",
                    "Leave such links out with --strict-no-download if that matters.",
                    "Visitors of the old link could read the content, too; only saving was made harder.")
NEW_PASSWORD = code("F3113", WARNING, "The password of link {subject} of {owner} is known to nobody; the link gets a new one, which its owner has to pass on.",
                    "Hand {owner} the letter in the work folder; or plan with --link-passwords sql or rpc to keep the old password.")
NEW_ADDRESS = code("F3114", WARNING, "The address {subject} of a link of {owner} cannot be opened in Cells; it becomes {new}.",
                   "Install the redirects that the report has written, or tell the owner.")
MEMBER_LEFT_OUT = code("F3115", WARNING, "Share {subject} of {owner} names {type} {name}, which is not carried; they lose it.", "Add them to the cell by hand.")
ABOVE_CLOSED = code("F3116", WARNING, "{subject} should see the cell {cell} but is shut out of a folder above it.", "Give the right in Cells by hand.",
                    "In Cells a denial holds for everything inside.")
MORE_THROUGH_OTHERS = code("F3117", INFO, "{count} times somebody may do more in a cell than it says, because the same folder is open to the person elsewhere.",
                           "Nothing to do.", "In Cells a right belongs to the folder, whatever workspace or cell shows it.")
LAYOUT_UNKNOWN = code("F3118", INFO, "Link {subject} of {owner} had the layout {layout}, which Cells does not have; it gets {new}.",
                      "Name another one in layouts.csv if you like.")
LINK_CHANGED = code("F3119", INFO, "Link {subject} of {owner} was made by an earlier run and is narrowed to what the old server allows now.", "Nothing to do.")
SHARE_ENDED = code("F3120", INFO, "The share {subject} does not exist on the old server any more; what an earlier run made of it is removed.", "Nothing to do.")
REVIVED = code("F3121", WARNING, "Share {subject} of {owner} was dead ({reason}) and is published again, as asked.", "Check that this is wanted.")
CARRIED_PASSWORD = code("F3122", INFO, "The password of link {subject} of {owner} is kept by the script link-passwords.sql in the work folder.",
                        "Run the script on the database of Cells; until then a new password holds, which the letter to {owner} names.")
KEPT_PASSWORD = code("F3123", INFO, "The password of link {subject} of {owner} is put into Cells as the old server stored it.", "Nothing to do.",
                     "Asked for with --link-passwords; where it does not succeed, a new password holds and the letter to {owner} names it.")
OPENED = code("F3124", WARNING, "Link {subject} of {owner} gives more in Cells than on the old server ({what}): somebody changed it there. It stays.",
              "Ask {owner} whether this is wanted.")
GONE_BUT_CHANGED = code("F3125", WARNING, "The share {subject} does not exist on the old server any more, but was changed in Cells since ({what}). It stays.",
                        "Remove it in Cells if it is not wanted.")
PASSWORD_RENEWED = code("F3127", INFO, "The password of link {subject} of {owner} was changed on the old server since the last run; the one that the link has "
                        "in Cells is replaced, too.", "Nothing to do; a letter to {owner} names a password that was made up.",
                        "Whoever knew the former password was shut out on the old server, and must not get in here.")
PASSWORD_OF_PEOPLE = code("F3128", WARNING, "The password of link {subject} of {owner} was changed on the old server, and in Cells people had given it one "
                          "of their own: that one stays.", "Ask {owner} whether those who know it may still see what the link shows.")
LOCK_STAYS = code("F3129", INFO, "Link {subject} of {owner} asks for no password on the old server any more; in Cells it keeps the one it has.",
                  "{owner} can take it away in Cells.", "A later run never opens anything.")
ENDED_WITH_NOTHING = code("F3126", INFO, "Link {subject} has nothing left to give, downloads of both servers counted; it is removed from Cells.",
                          "Nothing to do.")
