"""Builds the little world, tells the stories in it, and takes it down again."""

import importlib
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

from world import Failed, World

HERE = pathlib.Path(__file__).parent
# In this order: later stories live in the home that earlier ones made.
STORIES = ["entities", "zone", "names", "unknown_device", "stale_button", "dashboard", "recorder", "deleted", "restarts", "log"]


def main():
    binary, wanted = sys.argv[1], sys.argv[2:] or STORIES
    unknown = [name for name in wanted if name not in STORIES]
    if unknown:
        sys.exit(f"no story {', '.join(unknown)}; there are {', '.join(STORIES)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="porchlight-ha-"))
    os.chmod(folder, 0o755)
    passed = failed = 0
    world = World(folder, binary)
    try:
        begun = time.monotonic()
        world.up()
        print(f"   up in {time.monotonic() - begun:.0f} s", flush=True)
        for name in STORIES:
            if name not in wanted:
                continue
            story = importlib.import_module(f"stories.{name}")
            begun = time.monotonic()
            try:
                story.tell(world)
                passed += 1
                print(f"ok {name} ({time.monotonic() - begun:.0f} s): {story.__doc__.splitlines()[0]}", flush=True)
            except Exception as error:  # one story's end is not the end of the others
                failed += 1
                why = str(error) if isinstance(error, Failed) else traceback.format_exc()
                print(f"FAILED {name} ({time.monotonic() - begun:.0f} s): {story.__doc__.splitlines()[0]}\n  {why}", flush=True)
    except Exception:
        failed += 1
        traceback.print_exc()
    finally:
        world.down()
    if failed or os.environ.get("KEEP"):
        print(f"logs of this run: {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"homeassistant: {passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
