"""The Bicep files use names that Azure knows, and run what the crontab runs. No compiler is here: see scripts/bicep_names.py."""

import json
import re
import subprocess
import sys
from pathlib import Path

import bicep_names
import bicep_types
import pytest
from support import crontab

AZURE = bicep_names.AZURE
NAMES = bicep_names.Names(json.loads(bicep_names.LIST.read_text(encoding="utf-8")))
FILES = sorted(AZURE.rglob("*.bicep"))


def text_of(name: str) -> str:
    return (AZURE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_file_uses_listed_names_only(file: Path) -> None:
    assert bicep_names.faults_of(file.read_text(encoding="utf-8"), NAMES) == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "fault"),
    [
        ("modules/vault.bicep", "  location: location\n", "  locatoin: location\n", "no property 'locatoin'"),
        ("main.bicep", "targetPort: 8000", "targetProt: 8000", "no property 'targetProt'"),
        ("main.bicep", "mountPath: '/var/lib/mlflow'", "mountpath: '/'", "no property 'mountpath'"),
        ("main.bicep", "storageType: 'Secret'", "storagetype: 'Secret'", "no property 'storagetype'"),
        (
            "main.bicep",
            "keyVaultUrl: '${vaultUri}secrets/${secret}'",
            "keyVaultUri: ''",
            "no property 'keyVaultUri'",
        ),
        ("main.bicep", "registry.properties.loginServer", "registry.properties.loginserver", "no property"),
        ("modules/job.bicep", "cronExpression: cron", "cron: cron", "no property 'cron'"),
        ("modules/vault.bicep", "tenantId: subscription", "provisioningStates: subscription", "no property"),
        ("foundation.bicep", "threshold: 80", "treshold: 80", "no property 'treshold'"),
        ("modules/job.bicep", "Microsoft.App/jobs@", "Microsoft.App/job@", "not a listed type"),
        ("modules/job.bicep", "jobs@2025-07-01", "jobs@2025-07-02", "listed is version 2025-07-01"),
        ("modules/job.bicep", "resource job", "resorce job", "cannot be parsed"),
    ],
)
def test_a_wrong_name_is_refused(file: str, right: str, wrong: str, fault: str) -> None:
    text = text_of(file)
    assert right in text
    faults = bicep_names.faults_of(text.replace(right, wrong), NAMES)
    assert any(fault in each for each in faults), faults


def test_the_command_fails_for_a_wrong_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deploy" / "azure").mkdir(parents=True)
    file = tmp_path / "deploy" / "azure" / "vault.bicep"
    file.write_text(text_of("modules/vault.bicep").replace("location: location", "locatoin: location"))
    monkeypatch.setattr(bicep_names, "AZURE", file.parent)
    assert bicep_names.main([]) == 1
    assert (
        "deploy/azure/vault.bicep: resource vault: there is no property 'locatoin'" in capsys.readouterr().out
    )


def test_the_list_says_where_it_comes_from_and_is_small() -> None:
    stored = json.loads(bicep_names.LIST.read_text(encoding="utf-8"))
    required = (bicep_names.AZURE.parents[1] / "requirements" / "azure-names.txt").read_text(encoding="utf-8")
    assert stored["source"] == dict(re.findall(r"^([\w-]+)==([\d.]+)$", required, re.MULTILINE))
    assert bicep_names.LIST.stat().st_size < 1_000_000
    used = {found for file in FILES for found in bicep_names.USED.findall(file.read_text(encoding="utf-8"))}
    assert set(stored["types"]) == used


def test_a_property_that_can_only_be_read_is_not_written() -> None:
    text = text_of("modules/files.bicep").replace("kind: 'StorageV2'", "kind: 'StorageV2'\n  id: 'x'")
    shape = NAMES.types["Microsoft.Storage/storageAccounts@2025-08-01"]
    shapes = {**NAMES.shapes, shape: {**NAMES.shapes[shape], "id": "="}}
    faults = bicep_names.faults_of(text, bicep_names.Names({"types": NAMES.types, "shapes": shapes}))
    assert faults == ["resource account: 'id' can only be read"]


MODEL = """
class _Model: ...
class Sku(_Model):
    name: str = rest_field(visibility=["read", "create"])
class Thing(_Model):
    id: Optional[str] = rest_field(visibility=["read"])
    sku: Optional["_models.Sku"] = rest_field(visibility=["read", "create"])
    by_name: Optional[dict[str, "_models.Sku"]] = rest_field(name="byName", visibility=["read", "create"])
"""
OLDER_MODEL = """
class Sku(_serialization.Model):
    _attribute_map = {"name": {"key": "name", "type": "str"}}
class Thing(_serialization.Model):
    _validation = {"id": {"readonly": True}}
    _attribute_map = {
        "id": {"key": "id", "type": "str"},
        "skus": {"key": "properties.skus", "type": "[Sku]"},
        "by_name": {"key": "properties.byName", "type": "{Sku}"},
    }
"""
OPERATIONS = """
def build_things_create_request(name, **kwargs):
    api_version = kwargs.pop("api_version", "2026-01-01")
    _url = "/subscriptions/{subscriptionId}/providers/Microsoft.Some/things/{name}"
    return HttpRequest(method="PUT", url=_url)
class ThingsOperations:
    def create(self, name: str, body: Union[_models.Thing, IO[bytes]]):
        return build_things_create_request(name=name)
"""


@pytest.mark.parametrize(
    ("model", "thing"),
    [
        (MODEL, {"id": "=", "sku": "some.Sku", "byName": "{some.Sku}"}),
        (OLDER_MODEL, {"id": "=", "properties": "some.Thing.properties"}),
    ],
    ids=["of today", "older"],
)
def test_names_are_read_from_a_package(model: str, thing: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "azure" / "mgmt" / "some"
    for folder in ("models", "operations", "aio/operations"):
        (package / folder).mkdir(parents=True)
    (package / "_version.py").write_text('VERSION = "7.0.0"')
    (package / "models" / "_models.py").write_text(model)
    (package / "operations" / "_operations.py").write_text(OPERATIONS)
    origin, catalogue = bicep_types.read(tmp_path, [])
    assert origin == {"azure-mgmt-some": "7.0.0"}
    found = catalogue.reachable(["Microsoft.Some/things@2026-01-01"])
    assert found["shapes"][found["types"]["Microsoft.Some/things@2026-01-01"]] == thing
    assert found["shapes"]["some.Sku"] == {"name": ""}


def test_names_are_read_from_a_checkout(tmp_path: Path) -> None:
    folder = tmp_path / "generated" / "some" / "2026-01-01"
    folder.mkdir(parents=True)
    key = "Microsoft.Some/things@2026-01-01"
    index = {"resources": {key: {"$ref": "some/2026-01-01/types.json#/0"}}}
    (tmp_path / "generated" / "index.json").write_text(json.dumps(index))
    types = [
        {"$type": "ResourceType", "name": key, "body": {"$ref": "#/1"}},
        {
            "$type": "ObjectType",
            "properties": {
                "id": {"type": {"$ref": "#/2"}, "flags": 2},
                "skus": {"type": {"$ref": "#/3"}, "flags": 0},
                "tags": {"type": {"$ref": "#/5"}, "flags": 0},
            },
        },
        {"$type": "StringType"},
        {"$type": "ArrayType", "itemType": {"$ref": "#/4"}},
        {"$type": "ObjectType", "properties": {"name": {"type": {"$ref": "#/2"}, "flags": 1}}},
        {"$type": "ObjectType", "properties": {}, "additionalProperties": {"$ref": "#/2"}},
    ]
    (folder / "types.json").write_text(json.dumps(types))
    origin, catalogue = bicep_types.read(tmp_path, [key])
    assert origin == {"repository": "Azure/bicep-types-az", "revision": "unknown"}
    sku = "some/2026-01-01#4"
    assert catalogue.reachable([key]) == {
        "types": {key: "some/2026-01-01#1"},
        "shapes": {"some/2026-01-01#1": {"id": "=", "skus": sku, "tags": "{}"}, sku: {"name": ""}},
    }


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no checkout of Azure/bicep-types-az"):
        bicep_types.read(tmp_path, [])


def test_jobs_run_what_the_crontab_runs() -> None:
    jobs = re.findall(r"cron: '([^']+)'.*?script: '([^']+)'", text_of("main.bicep"), re.DOTALL)
    assert jobs == [(line.cron, line.command) for line in crontab.lines()]


@pytest.mark.parametrize("file", sorted(AZURE.glob("*.bicepparam")), ids=lambda path: path.name)
def test_a_parameter_file_gives_what_its_template_requires(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    template = text_of(re.findall(r"^using '([\w.]+)'", text, re.MULTILINE)[0])
    taken = dict(re.findall(r"^param (\w+) \w+( =.*)?$", template, re.MULTILINE))
    given = set(re.findall(r"^param (\w+) =", text, re.MULTILINE))
    assert given <= set(taken)
    assert {name for name, default in taken.items() if not default} <= given


def test_a_module_gets_what_it_requires() -> None:
    for file in FILES:
        for path, params in re.findall(
            r"^module \w+ '([\w./-]+)' = .*?^  params: \{\n(.*?)^  \}",
            file.read_text(),
            re.DOTALL | re.MULTILINE,
        ):
            taken = dict(
                re.findall(r"^param (\w+) \w+( =.*)?$", (file.parent / path).read_text(), re.MULTILINE)
            )
            given = set(re.findall(r"^    (\w+): ", params, re.MULTILINE))
            assert given == set(taken), (file.name, path)


def test_scripts_that_the_jobs_run_exist() -> None:
    loaded = re.findall(r"loadTextContent\('([^']+)'\)", text_of("main.bicep"))
    assert loaded
    assert [path for path in loaded if not (AZURE / path).is_file()] == []


@pytest.mark.parametrize("printed", [True, False], ids=["printed once", "from a secret"])
def test_the_first_admin_gets_a_password(printed: bool, tmp_path: Path) -> None:
    (tmp_path / "londonpump").write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "if sys.argv[1:3] == ['users', 'create']:\n"
        f"    pathlib.Path({str(tmp_path / 'got')!r}).write_text(sys.stdin.readline().strip())\n"
        "elif sys.argv[1] == 'models':\n"
        "    print('Model 1 is active.')\n"
    )
    (tmp_path / "londonpump").chmod(0o700)
    (tmp_path / "secret").write_text("chosen by an operator")
    environment = {
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "LONDONPUMP_HOME": str(tmp_path),
    }
    if not printed:
        environment["ADMIN_PASSWORD_FILE"] = str(tmp_path / "secret")
    script = AZURE.parent / "init.sh"
    done = subprocess.run(["sh", str(script)], env=environment, capture_output=True, text=True, check=True)
    got = (tmp_path / "got").read_text()
    assert got
    assert (got in done.stdout) == printed
    assert (got == "chosen by an operator") != printed
