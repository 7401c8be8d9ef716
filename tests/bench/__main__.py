"""What a day takes, under load and on a large scale: `make bench`; PAGES=1 the pages alone."""

from os import environ

from tests.bench.under_load import notices_and_reports, pages

if __name__ == "__main__":
    if "PAGES" not in environ:
        notices_and_reports()
    pages()
