"""The kept key: of its owner alone, whole, and nothing that somebody else put there."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from keyturn.domain.errors import KeyturnError
from keyturn.own_machine.adapters.key_cache_file import KeyCacheFile
from keyturn.own_machine.model.access_key import AccessKey
from keyturn.own_machine.ports import CachedKey

SECRET = "wJalrXUtnFEMI/K7MDENG"
KEY = AccessKey(key_id="AKIAIOSFODNN7EXAMPLE", secret=SECRET)
NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)


def test_what_others_could_have_written_is_not_given(tmp_path: Path) -> None:
    cache = KeyCacheFile(tmp_path / "keyturn" / "x.json")
    cache.write(CachedKey(key=KEY, at=NOW))
    path = tmp_path / "keyturn" / "x.json"
    assert cache.read() == CachedKey(key=KEY, at=NOW)

    path.chmod(0o640)
    readable = cache.read()
    path.chmod(0o600)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    linked = cache.read()

    assert (readable, linked) == (None, None)
    cache.write(CachedKey(key=KEY, at=NOW))
    assert cache.read() is not None
    assert not path.is_symlink()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2, "AccessKeyId": "A", "SecretAccessKey": "s", "read_at": "2026-03-02"}',
        '{"version": 1, "AccessKeyId": "A", "SecretAccessKey": "s", "read_at": "2026-03-02"}',
        '{"version": 1, "AccessKeyId": "A", "SecretAccessKey": "s", "read_at": 5}',
        '{"version": 1, "AccessKeyId": "A"}',
    ],
)
def test_what_cannot_be_read_is_as_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    path.chmod(0o600)

    assert KeyCacheFile(path).read() is None


def test_many_at_once_always_read_a_whole_key(tmp_path: Path) -> None:
    cache = KeyCacheFile(tmp_path / "keyturn" / "x.json")
    keys = [AccessKey(key_id=f"AKIA{n:016}", secret=f"{n}" * 40) for n in range(8)]
    cache.write(CachedKey(key=keys[0], at=NOW))

    def at_work(key: AccessKey) -> set[AccessKey]:
        seen = set()
        for _ in range(20):
            cache.write(CachedKey(key=key, at=NOW))
            found = cache.read()
            assert found is not None
            seen.add(found.key)
        return seen

    with ThreadPoolExecutor(8) as threads:
        seen = set.union(*threads.map(at_work, keys))

    assert seen <= set(keys)
    assert [each.name for each in (tmp_path / "keyturn").iterdir()] == ["x.json"]


def test_a_folder_that_others_may_enter_is_theirs_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "keyturn"
    folder.mkdir(mode=0o755)

    KeyCacheFile(folder / "x.json").write(CachedKey(key=KEY, at=NOW))

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_somebody_else_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)

    with pytest.raises(KeyturnError, match="is somebody else's"):
        KeyCacheFile(tmp_path / "x.json").write(CachedKey(key=KEY, at=NOW))

    assert [*tmp_path.iterdir()] == []


def test_without_a_home_nothing_is_kept() -> None:
    assert KeyCacheFile(None).read() is None
    with pytest.raises(KeyturnError, match="has no home folder"):
        KeyCacheFile(None).write(CachedKey(key=KEY, at=NOW))


def test_where_rights_are_not_posixs_a_key_is_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = SimpleNamespace(platform="win32")
    monkeypatch.setattr("keyturn.own_machine.adapters.private_files.sys", windows)
    monkeypatch.delattr("os.geteuid")
    monkeypatch.setattr("keyturn.own_machine.adapters.key_cache_file.NO_LINK", 0)
    cache = KeyCacheFile(tmp_path / "keyturn" / "x.json")

    cache.write(CachedKey(key=KEY, at=NOW))

    assert cache.read() == CachedKey(key=KEY, at=NOW)
