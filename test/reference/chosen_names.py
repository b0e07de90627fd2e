"""Names of checkpoints that were asked for, for the scripts that take such."""

import sys


def chosen_names(asked: list[str], known: list[str], where: str = "") -> list[str]:
    """The names that were asked for, or all where none were. Ends the program for one that is not known."""
    unknown = [name for name in asked if name not in known]
    if unknown:
        sys.exit(f"There is no checkpoint {', '.join(unknown)}{where}. There are: {', '.join(known)}.")
    return list(dict.fromkeys(asked)) or known
