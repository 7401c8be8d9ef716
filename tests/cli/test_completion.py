"""The Tab key, in each shell that is installed."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

BIN = Path(sys.executable).parent
# What a shell does when somebody types these words and presses Tab; it prints what is offered.
PRESS = {
    "bash": """
        source <(_KEYTURN_COMPLETE=source_bash keyturn)
        press() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            $(complete -p keyturn | sed 's/.*-F \\([^ ]*\\).*/\\1/') keyturn
            # With none of ours, readline offers files, where the script has said so.
            [ ${#COMPREPLY[@]} -gt 0 ] || [[ $(complete -p keyturn) != *"-o default"* ]] ||
                COMPREPLY=($(compgen -f -- "${!#}"))
            echo "${COMPREPLY[*]}"
        }
    """,
    "zsh": """
        autoload -Uz compinit; compinit -u -D
        eval "$(_KEYTURN_COMPLETE=source_zsh keyturn)"
        _arguments() { print -r -- "$@" | grep -o '("[^"]*"\\|"[^"]*":"' | tr -d '(:"' | xargs; }
        _files() { print -r -- ${words[CURRENT]}*; }
        press() { words=("$@") CURRENT=$#; ${_comps[keyturn]}; }
    """,
    "fish": """
        _KEYTURN_COMPLETE=source_fish keyturn | source
        function press; complete -C "$argv" | string replace -r '\\t.*' '' | string join ' '; end
    """,
}


@pytest.mark.parametrize("shell", PRESS)
def test_the_tab_key_completes_commands_options_and_choices(shell: str, tmp_path: Path) -> None:
    if which(shell) is None:
        pytest.skip(f"no {shell} is installed")
    script = f"""{PRESS[shell]}
        press keyturn exemptions re
        press keyturn audit --unt
        press keyturn plan --format ex
        press keyturn plan --output pla
        true
    """
    (tmp_path / "plan.json").touch()

    done = subprocess.run(
        [shell, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )

    assert done.stdout.splitlines() == ["review", "--until", "excel", "plan.json"], done.stderr
    assert done.stderr == ""


def test_it_is_installed_once_and_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("alias ll='ls -l'\n")
    for _ in range(2):
        subprocess.run(
            ["bash", "-c", "keyturn --install-completion; exit $?"],  # noqa: S607 -- whichever is installed
            check=True,
            capture_output=True,
            env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        )

    written = (tmp_path / ".bashrc").read_text()
    assert written.startswith("alias ll='ls -l'\n")
    assert written.count("keyturn") == 1
