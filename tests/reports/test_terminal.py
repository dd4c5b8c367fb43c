import subprocess
import sys

import pytest

from reports import terminal


@pytest.mark.parametrize("name", terminal.__all__)
def test_every_view_is_there(name):
    assert callable(getattr(terminal, name))


def test_the_view_of_a_machine_loads_no_numpy_and_no_matplotlib():
    code = (
        "import sys; from reports.terminal import show_machine; "
        "sys.exit(bool({'numpy', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_view_is_an_attribute_error():
    with pytest.raises(AttributeError, match="show_nothing"):
        terminal.show_nothing  # noqa: B018
