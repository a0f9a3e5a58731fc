"""``python -m smo_pipelines`` is ``smo``."""

from smo_pipelines.cli.main import main

if __name__ == "__main__":  # training processes import this module again, and must not run the command again
    main()
