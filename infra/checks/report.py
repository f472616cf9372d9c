"""What was checked, and what of it does not hold."""

failed = []
_said = set()
_quiet = False


def check(what, holds, seen=""):
    """One line for one rule; `seen` is the value that decided it. What holds for each variant is said once."""
    line = f"{'ok  ' if holds else 'FAIL'} {what}" + (f": {seen}" if seen != "" else "")
    if not holds:
        failed.append(line)
    if not _quiet and (not holds or line not in _said):
        print(line)
    _said.add(line)


def judge(rules, template):
    """Applies all rules. One that a template is too broken for has failed, and does not keep the others from their say."""
    for rule in rules:
        try:
            rule(template)
        except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
            check(f"{rule.__name__} could be applied", False, f"{type(error).__name__} {error}")


def failures(rules, template):
    """The same without a word: the lines of what does not hold."""
    global _quiet, failed
    before, failed, _quiet = failed, [], True
    try:
        judge(rules, template)
        return failed
    finally:
        failed, _quiet = before, False
