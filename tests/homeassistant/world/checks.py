"""How stories wait, compare, and fail."""
import subprocess
import time


class Failed(Exception):
    """A story saw something else than it should."""


def need(true, why):
    if not true:
        raise Failed(why)


def until(seconds, what, look, pause=0.2):
    """Waits until `look` says something true. How long that took."""
    start, last = time.monotonic(), None
    while True:
        try:
            last = look()
            if last:
                return time.monotonic() - start
        except (Failed, OSError, KeyError, ValueError, IndexError, TypeError) as fault:
            last = fault
        if time.monotonic() - start > seconds:
            raise Failed(f"not within {seconds} s: {what} (last: {str(last)[:500]})")
        time.sleep(pause)


def found(seconds, what, look):
    """Waits as `until` does, and gives what `look` said."""
    said = []
    until(seconds, what, lambda: said.append(look()) or said[-1])
    return said[-1]


def always(seconds, what, look, pause=0.5):
    """`look` must stay true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        need(look(), f"no longer: {what}")
        time.sleep(pause)


def same(before, after, what):
    """Two tables must be equal; tells only where they are not."""
    other = {key: (before.get(key), after.get(key)) for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)}
    need(not other, f"{what}, before and after: {str(other)[:4000]}")
    return True


def sh(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    need(done.returncode == 0, f"{' '.join(words)[:200]}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout
