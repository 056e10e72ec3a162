"""A drawing of lines, circles and words, as SVG or as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Literal
from xml.etree import ElementTree

SCALE = 2
"""Pixels of the PNG for each of the drawing, so that letters are sharp (chosen)."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """From one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Circle:
    """A filled one."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words on one line; `y` is their baseline, `anchor` what of them is at `x`."""

    x: float
    y: float
    text: str
    size: int
    colour: str
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Line | Circle | Text


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Shapes on white, the first below the others."""

    width: int
    height: int
    shapes: tuple[Shape, ...]

    def svg(self) -> bytes:
        """The drawing as an SVG document."""
        size = {"width": str(self.width), "height": str(self.height), "viewBox": f"0 0 {self.width} {self.height}"}
        root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", **size})
        ElementTree.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "white"})
        for shape in self.shapes:
            _element(root, shape)
        ElementTree.indent(root)
        document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return document + b"\n"

    def png(self) -> bytes:
        """The drawing as a PNG; needs Pillow."""
        from PIL import Image, ImageDraw, ImageFont

        image = Image.new("RGB", (SCALE * self.width, SCALE * self.height), "white")
        draw = ImageDraw.Draw(image)
        for shape in self.shapes:
            match shape:
                case Line():
                    ends = [SCALE * it for it in (shape.x1, shape.y1, shape.x2, shape.y2)]
                    draw.line(ends, fill=shape.colour, width=round(SCALE * shape.width))
                case Circle():
                    middle, radius = (SCALE * shape.x, SCALE * shape.y), SCALE * shape.radius
                    box = [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius]
                    draw.ellipse(box, fill=shape.colour)
                case Text():
                    font = ImageFont.load_default(SCALE * shape.size)
                    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
                    at = (SCALE * shape.x, SCALE * shape.y)
                    draw.text(at, shape.text, fill=shape.colour, font=font, anchor=anchor)
        written = BytesIO()
        image.save(written, "PNG", optimize=True)
        return written.getvalue()


def _element(root: ElementTree.Element, shape: Shape) -> None:
    match shape:
        case Line():
            ends = {name: _number(getattr(shape, name)) for name in ("x1", "y1", "x2", "y2")}
            line = {**ends, "stroke": shape.colour, "stroke-width": _number(shape.width)}
            ElementTree.SubElement(root, "line", line)
        case Circle():
            place = {"cx": _number(shape.x), "cy": _number(shape.y), "r": _number(shape.radius)}
            ElementTree.SubElement(root, "circle", {**place, "fill": shape.colour})
        case Text():
            words = {"font-size": str(shape.size), "fill": shape.colour, "text-anchor": shape.anchor}
            place = {"x": _number(shape.x), "y": _number(shape.y)}
            ElementTree.SubElement(root, "text", {**place, **words}).text = shape.text


def _number(value: float) -> str:
    return f"{value:.6g}"
