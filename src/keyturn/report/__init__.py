"""The page that people look at. It needs nothing but Python: its parts are built beforehand."""
