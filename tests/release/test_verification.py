import json
import shutil

import pytest

from cli_tuner.errors import ReleaseError, SignatureError
from cli_tuner.release.manifest import as_bytes, parse, read_bytes
from cli_tuner.release.signing import keygen
from cli_tuner.release.verification import verified
from cli_tuner.settings import Paths


def own_copy(folder, tmp_path):
    """Not hard links: a change here must change nothing else."""
    return shutil.copytree(folder, tmp_path / "copy", dirs_exist_ok=True)


def test_one_changed_byte_anywhere_is_refused(built, paths, tmp_path):
    folder = own_copy(built("1.0.0"), tmp_path)
    verified(folder, paths)
    tried = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for place in {0, len(whole) // 3, len(whole) // 2, len(whole) - 2}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(SignatureError) as refused:
                verified(folder, paths)
            assert "\n" not in str(refused.value)
            tried += 1
        path.write_bytes(whole)
    assert tried >= 5 * 3
    verified(folder, paths)


def test_every_byte_of_the_manifest_counts(built, paths, tmp_path):
    folder = own_copy(built("1.0.0"), tmp_path)
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(SignatureError):
            verified(folder, paths)


def test_a_file_more_or_less_or_a_link_is_refused(built, paths, tmp_path):
    folder = own_copy(built("1.0.0"), tmp_path)
    (folder / "more").write_text("x")
    with pytest.raises(SignatureError, match="not part of"):
        verified(folder, paths)
    (folder / "more").unlink()
    (folder / "more").symlink_to(tmp_path)
    with pytest.raises(SignatureError, match="not part of"):
        verified(folder, paths)
    (folder / "more").unlink()
    bill = folder / "bom.json"
    bill.rename(tmp_path / "bom.json")
    with pytest.raises(SignatureError, match="missing"):
        verified(folder, paths)
    bill.symlink_to(tmp_path / "bom.json")
    with pytest.raises(SignatureError, match="missing"):
        verified(folder, paths)


def test_a_public_key_is_enough_and_another_one_is_not(built, paths, tmp_path):
    folder = built("1.0.0")
    elsewhere = Paths.of({"CLI_TUNER_HOME": str(tmp_path / "elsewhere")})
    with pytest.raises(SignatureError, match="no Ed25519 public key"):
        verified(folder, elsewhere)
    elsewhere.config.mkdir(parents=True)
    public = elsewhere.config / "release.pub"
    shutil.copy(paths.config / "release.pub", public)
    assert verified(folder, elsewhere).key == verified(folder, paths).key
    public.unlink()
    keygen(elsewhere)
    with pytest.raises(SignatureError, match="not trusted"):
        verified(folder, elsewhere)
    own = public.read_bytes()
    public.write_bytes(own + (paths.config / "release.pub").read_bytes())
    verified(folder, elsewhere)  # several keys may be trusted: that is how one is replaced


def test_a_signature_of_another_key_under_a_trusted_name_is_refused(built, paths, tmp_path):
    folder = own_copy(built("1.0.0"), tmp_path)
    other = Paths.of({"CLI_TUNER_HOME": str(tmp_path / "other")})
    keygen(other)
    from cli_tuner.release.signing import sign

    manifest = parse(read_bytes(folder), folder)
    raw = as_bytes(manifest.model_copy(update={"version": "9.9.9"}))
    forged = json.loads(sign(raw, other.config / "release.key"))
    forged["key"] = json.loads((folder / "manifest.sig").read_text())["key"]
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sig").write_text(json.dumps(forged))
    with pytest.raises(SignatureError, match="does not fit"):
        verified(folder, paths)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"algorithm": 1}', "\x00\xff"])
def test_a_signature_that_is_none_is_refused(built, paths, tmp_path, text):
    folder = own_copy(built("1.0.0"), tmp_path)
    (folder / "manifest.sig").write_text(text, encoding="latin-1")
    with pytest.raises(SignatureError, match="not readable"):
        verified(folder, paths)


def test_no_release_is_said_to_be_none(paths, tmp_path):
    with pytest.raises(ReleaseError, match="holds no release"):
        verified(tmp_path, paths)


def test_a_key_is_not_made_twice(paths):
    with pytest.raises(ReleaseError, match="exists"):
        keygen(paths)
    assert (paths.config / "release.key").stat().st_mode & 0o777 == 0o600
