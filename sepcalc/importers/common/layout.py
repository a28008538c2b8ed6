"""The layout of an operator: what it does to the axes of its inputs. Every row of an operator table states one."""

from enum import Enum
from typing import TypeVar

Row = TypeVar("Row")


class Layout(Enum):
    """What an operator does to axes. Rows have no default for it, so that an operator without a layout cannot be
    written. In Keras the settings of an image layer name the axis of the channels."""

    KEEPS = "its results have the axes of its operands, in the same order"
    KEEPS_FIRST = "its results have the axes of its first operand, in the same order"
    LISTED = "as KEEPS_FIRST, if the indices of the elements to take are stored"
    ROWS = "its results have all axes of its first operand except the last, in the same order"
    RESHAPED = "its results have the same elements in the same order, in another shape"
    TURNED = "its results have the same elements, their axes in another order"
    PART = "its results are one position along an axis, without that axis"
    WINDOWED = "a window moves over images: the channels are the second axis of its first operand"
    WINDOWED_LAST = "as WINDOWED; the channels are the last axis, unless the attribute channels_last is false"
    IMAGES = "it works on images: the channels are the second axis of its first operand"
    IMAGES_LAST = "as IMAGES; the channels are the last axis, unless the attribute channels_last is false"
    SEQUENCES = "it reads sequences step by step: the steps are the first axis of its first operand"
    INNER = "it does what the layers inside it do"
    NONE = "its results have other axes, or the same axes in no fixed order"

    @property
    def of_images(self) -> bool:
        """Whether the operator reads images, which have spatial axes and channels."""
        return self in (Layout.WINDOWED, Layout.WINDOWED_LAST, Layout.IMAGES, Layout.IMAGES_LAST)


def same_rows(row: Row, *names: str) -> dict[str, Row]:
    """A table that gives each of these operators the same row."""
    return dict.fromkeys(names, row)


KEEPS, KEEPS_FIRST, LISTED, ROWS = Layout.KEEPS, Layout.KEEPS_FIRST, Layout.LISTED, Layout.ROWS
RESHAPED, TURNED, PART = Layout.RESHAPED, Layout.TURNED, Layout.PART
WINDOWED, WINDOWED_LAST = Layout.WINDOWED, Layout.WINDOWED_LAST
IMAGES, IMAGES_LAST = Layout.IMAGES, Layout.IMAGES_LAST
SEQUENCES, INNER, NONE = Layout.SEQUENCES, Layout.INNER, Layout.NONE
