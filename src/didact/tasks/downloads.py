"""Files of public repositories, fetched once over https and kept in the cache: from there on they are a folder like any other.

The cache is `DIDACT_CACHE`, else `~/.cache/didact`; in it a file lies below the host and the path of its address.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from didact.base.errors import DataError, UnreachableError
from didact.base.files import atomic_path

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What a hub id looks like: `owner/name`."""
_TIMEOUT_S = 60


def base_address(path: str) -> str:
    """Returns the address below which named files of a path lie; nothing for a path on the disk.

    >>> base_address("owner/name"), base_address("./owner/name")
    ('https://huggingface.co/datasets/owner/name/resolve/main', '')
    """
    if path.startswith("https://"):
        return path.rstrip("/")
    if HUB_ID.fullmatch(path) and not Path(path).exists():
        return f"https://huggingface.co/datasets/{path}/resolve/main"
    return ""


def cache_folder(path: str) -> Path:
    """Returns the folder of the cache in which the files of an address lie."""
    root = Path(os.environ.get("DIDACT_CACHE") or Path.home() / ".cache" / "didact")
    return root / "files" / base_address(path).partition("://")[2]


def fetch(path: str, files: Sequence[str]) -> Path:
    """Returns the cache's folder with these files of a hub repository or an address in it; those that are there are not fetched again.

    Raises:
        UnreachableError: Nothing answers there.
        DataError: A name is a glob or leads out of the folder, or there is no such file.
    """
    folder, base = cache_folder(path), base_address(path)
    for name in files:
        if set(name) & set("*?[") or ".." in name.split("/") or name.startswith("/"):
            what = f"'{name}' cannot be fetched from {path}"
            raise DataError(what, expected="files by their whole names, below it", remedy="write each name out: `files`, or fetch a copy")
        if not (folder / name).is_file():
            _download(f"{base}/{quote(name)}", folder / name)
    return folder


def _download(address: str, file: Path) -> None:
    try:
        with urlopen(Request(address, headers={"User-Agent": "didact"}), timeout=_TIMEOUT_S) as answer, atomic_path(file) as temporary:  # noqa: S310
            with temporary.open("wb") as handle:
                shutil.copyfileobj(answer, handle)
            size = answer.headers.get("Content-Length")
            if size and not answer.headers.get("Content-Encoding") and int(size) != temporary.stat().st_size:
                raise URLError(f"cut off after {temporary.stat().st_size:,} of {int(size):,} bytes")
    except (OSError, ValueError) as error:
        # OSError: no network, no such host, no such file (URLError and HTTPError are OSErrors), a disk that is full.
        silent = isinstance(error, URLError) and not isinstance(error, HTTPError) and isinstance(error.reason, OSError)
        raise (UnreachableError if silent else DataError)(
            f"cannot be fetched: {error}",
            where=address,
            expected="a network, and a file at that address",
            remedy="look at the address, or fetch a copy by hand and give its `path`",
        ) from error
