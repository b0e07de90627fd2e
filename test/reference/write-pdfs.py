"""Writes some sixty PDFs by several producers: python write-pdfs.py FOLDER

Needs, of Debian: python3-reportlab python3-cairo img2pdf python3-pil qpdf ghostscript poppler-utils.
test/reference/write-pdfs.mjs adds those of pdf-lib and PDFKit.
"""

import io
import math
import subprocess
import sys
from pathlib import Path

import cairo
import img2pdf
from PIL import Image, ImageDraw
from reportlab.lib import colors, pagesizes
from reportlab.lib.pagesizes import A4, landscape, letter
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle
from reportlab.lib.styles import getSampleStyleSheet

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

WORDS = "The quick brown fox jumps over the lazy dog, and 1,234.56 of them stay behind. "


def path(name):
    return str(folder / f"{name}.pdf")


def run(*command, ok=(0,)):
    done = subprocess.run(command, capture_output=True)
    if done.returncode not in ok:
        raise SystemExit(f"{command}: {done.stderr.decode()}")


def picture(width, height, mode="RGB"):
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for line in range(0, height, max(8, height // 40)):
        draw.rectangle([width // 12, line, width // 12 + (line * 7) % (width * 5 // 6) + 4, line + height // 120 + 1], "black")
    draw.ellipse([width // 3, height // 3, width // 2, height // 2], outline="red", width=max(1, width // 100))
    return image.convert(mode)


def text_page(c, size, lines=40):
    width, height = size
    c.setFont("Times-Roman", 11)
    for line in range(lines):
        c.drawString(50, height - 50 - line * 15, f"{line}: {WORDS}"[: int((width - 100) / 5)])


def reportlab_page(name, size=A4, draw=None, pages=1, **options):
    c = canvas.Canvas(path(name), pagesize=size, **options)
    for page in range(pages):
        (draw or text_page)(c, size)
        c.showPage()
    c.save()


def vectors(c, size):
    width, height = size
    for index in range(30):
        c.setFillColorRGB(index / 30, 0.4, 1 - index / 30)
        c.circle(width * (0.1 + 0.8 * (index % 6) / 5), height * (0.1 + 0.8 * (index // 6) / 4), 30, fill=1)
    c.setLineWidth(0.25)
    for index in range(60):
        c.line(0, index * 14, width, height - index * 14)
    c.linearGradient(50, 50, 300, 50, (colors.red, colors.blue), extend=False)


def fonts(c, size):
    for index, font in enumerate(c.getAvailableFonts()):
        c.setFont(font, 16)
        c.drawString(50, size[1] - 50 - index * 30, "Hamburgefonstiv 0123")


def transparent(c, size):
    for index, alpha in enumerate([0.1, 0.3, 0.5, 0.7, 0.9]):
        c.setFillColorRGB(1, 0, 0, alpha=alpha)
        c.rect(50 + index * 60, 300, 100, 200, fill=1, stroke=0)
    c.setFillColorRGB(0, 0, 1, alpha=0.5)
    c.rect(50, 350, 400, 50, fill=1, stroke=0)


def form(c, size):
    c.drawString(50, 750, "Name")
    c.acroForm.textfield(name="name", x=100, y=740, width=200, height=20, value="Ada Lovelace")
    c.acroForm.checkbox(name="agree", x=100, y=700, checked=True)
    c.acroForm.radio(name="r", value="a", x=100, y=660, selected=True)
    c.acroForm.radio(name="r", value="b", x=140, y=660)
    c.acroForm.choice(name="c", x=100, y=620, value="two", options=["one", "two"], width=100, height=20)


def notes(c, size):
    text_page(c, size, 10)
    c.highlightAnnotation("See here", Rect=[50, 700, 300, 760], QuadPoints=[50, 760, 300, 760, 50, 700, 300, 700])
    c.linkURL("https://example.org", (50, 600, 200, 650), relative=0, thickness=2, color=colors.green)


def with_image(c, size):
    c.drawInlineImage(picture(200, 300), 50, 400, 200, 300)
    c.drawImage(img_reader(picture(600, 300)), 270, 400, 300, 150)


def img_reader(image):
    from reportlab.lib.utils import ImageReader

    return ImageReader(image)


def by_reportlab():
    reportlab_page("rl-a4")
    reportlab_page("rl-letter", letter)
    reportlab_page("rl-landscape", landscape(A4))
    reportlab_page("rl-a0", pagesizes.A0)
    reportlab_page("rl-tiny", (20, 30), lambda c, s: c.rect(2, 2, 10, 10, fill=1))
    reportlab_page("rl-stripe", (3000, 20), lambda c, s: c.rect(2, 2, 1500, 10, fill=1))
    reportlab_page("rl-10-km", (28_346_457, 20_000_000), lambda c, s: c.rect(0, 0, s[0] / 2, s[1] / 2, fill=1))
    reportlab_page("rl-vectors", draw=vectors)
    reportlab_page("rl-fonts", draw=fonts)
    reportlab_page("rl-transparent", draw=transparent)
    reportlab_page("rl-form", draw=form)
    reportlab_page("rl-notes", draw=notes)
    reportlab_page("rl-image", draw=with_image)
    reportlab_page("rl-2000-pages", pages=2000, draw=lambda c, s: c.drawString(50, 700, f"page {c.getPageNumber()}"))
    reportlab_page("rl-uncompressed", pageCompression=0)
    reportlab_page("rl-encrypted", encrypt=StandardEncryption("secret", strength=128))
    reportlab_page("rl-owner-password", encrypt=StandardEncryption("", ownerPassword="owner", canPrint=0))
    styles = getSampleStyleSheet()
    table = Table([[f"{row}.{column}" for column in range(6)] for row in range(30)])
    table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.lightblue)]))
    SimpleDocTemplate(path("rl-table")).build([Paragraph("A table", styles["Title"]), table, Paragraph(WORDS * 20, styles["Normal"])])


def by_cairo():
    def surface(name, draw, width=595, height=842):
        target = cairo.PDFSurface(path(name), width, height)
        context = cairo.Context(target)
        draw(context, target)
        target.finish()

    def shapes(c, _):
        for index in range(20):
            c.arc(100 + 20 * index, 400 + 100 * math.sin(index), 40, 0, 5)
            c.set_source_rgba(index / 20, 0.5, 0.2, 0.6)
            c.fill()

    def gradient(c, _):
        pattern = cairo.RadialGradient(300, 400, 20, 300, 400, 280)
        pattern.add_color_stop_rgb(0, 1, 1, 0)
        pattern.add_color_stop_rgb(1, 0, 0, 0.6)
        c.set_source(pattern)
        c.paint()

    def text(c, _):
        c.select_font_face("DejaVu Sans")
        for line in range(40):
            c.set_font_size(6 + line / 4)
            c.move_to(40, 40 + line * 19)
            c.show_text(f"{WORDS}"[:60] + " Ünïcödé")

    def dashes(c, _):
        for line in range(50):
            c.set_dash([line % 7 + 1, 3])
            c.set_line_width(0.2 + line / 20)
            c.move_to(20, 16 * line)
            c.line_to(570, 16 * line + 30)
            c.stroke()

    def clipped(c, s):
        c.arc(300, 400, 200, 0, 7)
        c.clip()
        gradient(c, s)
        text(c, s)

    def sizes(c, target):
        for width, height in [(595, 842), (842, 595), (200, 200)]:
            target.set_size(width, height)
            shapes(c, target)
            c.show_page()

    def pattern(c, _):
        tile = cairo.ImageSurface(cairo.FORMAT_ARGB32, 40, 40)
        inner = cairo.Context(tile)
        inner.set_source_rgb(0.8, 0.2, 0.2)
        inner.rectangle(0, 0, 20, 20)
        inner.fill()
        repeated = cairo.SurfacePattern(tile)
        repeated.set_extend(cairo.EXTEND_REPEAT)
        c.set_source(repeated)
        c.paint()

    for name, draw in [
        ("shapes", shapes),
        ("gradient", gradient),
        ("text", text),
        ("dashes", dashes),
        ("clipped", clipped),
        ("sizes", sizes),
        ("pattern", pattern),
    ]:
        surface(f"cairo-{name}", draw)
    surface("cairo-landscape", text, 842, 595)


def by_img2pdf():
    def scan(name, image, kind="JPEG", layout=None, **saved):
        data = io.BytesIO()
        image.save(data, kind, **saved)
        options = {} if layout is None else {"layout_fun": layout}
        Path(path(f"scan-{name}")).write_bytes(img2pdf.convert(data.getvalue(), **options))

    a4 = img2pdf.get_layout_fun((img2pdf.mm_to_pt(210), img2pdf.mm_to_pt(297)))
    scan("grey", picture(1240, 1754, "L"), layout=a4)
    scan("rgb", picture(1240, 1754), layout=a4)
    scan("bilevel", picture(2480, 3508, "1"), "TIFF", layout=a4, compression="group4")
    scan("cmyk", picture(620, 877, "CMYK"), layout=a4)
    scan("png", picture(620, 877), "PNG", layout=a4)
    scan("600-dpi", picture(4960, 7016, "L"), layout=a4, dpi=(600, 600))
    scan("landscape", picture(1754, 1240), layout=None, dpi=(150, 150))
    pages = []
    for size in [(600, 800), (800, 600), (300, 300)]:
        data = io.BytesIO()
        picture(*size).save(data, "JPEG")
        pages.append(data.getvalue())
    Path(path("scan-three")).write_bytes(img2pdf.convert(pages))


def by_tools():
    a4, vector = path("rl-a4"), path("rl-vectors")
    for angle in ["90", "180", "270"]:
        run("qpdf", a4, path(f"qpdf-rotated-{angle}"), f"--rotate=+{angle}")
    run("qpdf", "--linearize", a4, path("qpdf-linearized"))
    run("qpdf", "--object-streams=generate", vector, path("qpdf-object-streams"))
    for bits in ["40", "128", "256"]:
        weak = ["--allow-weak-crypto"] if bits != "256" else []
        run("qpdf", *weak, "--encrypt", "user", "owner", bits, "--", a4, path(f"qpdf-encrypted-{bits}"))
    run("qpdf", "--encrypt", "", "owner", "256", "--", a4, path("qpdf-opens-without"))
    run("pdftocairo", "-pdf", vector, path("poppler-vectors"))
    run("pdfunite", a4, path("rl-landscape"), path("cairo-text"), path("poppler-united"))
    run("pdfseparate", "-f", "2", "-l", "2", path("cairo-sizes"), path("poppler-separated"))
    for name, source in [("a4", a4), ("vectors", vector), ("transparent", path("rl-transparent")), ("cairo-text", path("cairo-text"))]:
        run("gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", f"-o{path(f'gs-{name}')}", source)
    post_script = folder / "page.ps"
    post_script.write_text(
        "%!PS\n/Times-Roman findfont 24 scalefont setfont 72 700 moveto (Written by hand) show\n"
        "0 1 20 { /i exch def newpath 300 400 i 12 mul 10 add 0 360 arc i 20 div setgray stroke } for showpage\n"
    )
    run("gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", f"-o{path('gs-postscript')}", str(post_script))
    run("gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", "-dPDFSETTINGS=/screen", f"-o{path('gs-screen')}", path("scan-rgb"))


def broken():
    whole = Path(path("rl-a4")).read_bytes()

    def write(name, data):
        Path(path(f"broken-{name}")).write_bytes(data)

    write("half", whole[: len(whole) // 2])
    write("no-xref", whole[: whole.rindex(b"xref")])
    write("wrong-offsets", whole.replace(b"startxref\n", b"startxref\n9"))
    write("behind-a-mail", b"From: someone\r\n\r\n" + whole)
    write("zeros", b"%PDF-1.7\n" + bytes(5000))
    write("signature-only", b"%PDF-1.7\n")
    write("no-pages", whole.replace(b"/Count 1", b"/Count 0").replace(b"/Kids [", b"/Kidz ["))
    write("tree-in-a-circle", b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 3/Kids[2 0 R 2 0 R]>>endobj\ntrailer<</Root 1 0 R/Size 3>>\n")


by_reportlab()
by_cairo()
by_img2pdf()
by_tools()
broken()
