"""Tables of operators: what an operator does to the axes of what it reads, which every row says, and rows that are the
same."""

from enum import Enum
from typing import TypeVar

Row = TypeVar("Row")


class Layout(Enum):
    """What an operator does to axes. A row has no default for it, so that an operator without a layout cannot be
    written. Keras' layers on images say in their settings which axis has the channels."""

    KEEPS = "its results have the axes of its operands, in the same order"
    KEEPS_FIRST = "its results have the axes of its first operand, in the same order"
    LISTED = "as KEEPS_FIRST, where the elements to take stand in a stored list"
    ROWS = "its results have the axes of its first operand but for the last, in the same order"
    RESHAPED = "its results have the same elements in the same order, in another shape"
    TURNED = "its results have the same elements, their axes in another order"
    PART = "its results have the elements of one position of an axis, without that axis"
    WINDOWED = "a window moves over images: the channels are the second axis of its first operand"
    WINDOWED_LAST = "as WINDOWED; the channels are the last axis, unless its attribute channels_last says otherwise"
    IMAGES = "it works on images: the channels are the second axis of its first operand"
    IMAGES_LAST = "as IMAGES; the channels are the last axis, unless its attribute channels_last says otherwise"
    SEQUENCES = "it reads sequences step by step: the steps are the first axis of its first operand"
    INNER = "what the layers inside it do"
    NONE = "its results have other axes, or none of its operands' order"

    @property
    def of_images(self) -> bool:
        """Whether the operator reads images, which have channels beside their spatial axes."""
        return self in (Layout.WINDOWED, Layout.WINDOWED_LAST, Layout.IMAGES, Layout.IMAGES_LAST)


def same_rows(row: Row, *names: str) -> dict[str, Row]:
    """The same row for each of these operators."""
    return dict.fromkeys(names, row)


KEEPS, KEEPS_FIRST, LISTED, ROWS = Layout.KEEPS, Layout.KEEPS_FIRST, Layout.LISTED, Layout.ROWS
RESHAPED, TURNED, PART = Layout.RESHAPED, Layout.TURNED, Layout.PART
WINDOWED, WINDOWED_LAST = Layout.WINDOWED, Layout.WINDOWED_LAST
IMAGES, IMAGES_LAST = Layout.IMAGES, Layout.IMAGES_LAST
SEQUENCES, INNER, NONE = Layout.SEQUENCES, Layout.INNER, Layout.NONE
