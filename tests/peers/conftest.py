"""The one option of this benchmark."""


def pytest_addoption(parser):
    parser.addoption(
        "--enforce", action="store_true", help="fail if a ratio that is aimed at is missed"
    )
