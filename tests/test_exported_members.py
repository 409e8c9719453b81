"""What the package offers at its front."""

import reelhouse


def test_the_front_offers_the_project_and_nothing_else() -> None:
    assert reelhouse.__all__ == ["Project"]
    assert all(hasattr(reelhouse, name) for name in reelhouse.__all__)
