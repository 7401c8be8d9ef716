"""`python -m keyturn.cli`: the command line where no script is installed for it."""

from keyturn.cli.start import main

if __name__ == "__main__":
    main()
