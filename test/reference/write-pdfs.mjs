/** Writes PDFs of pdf-lib and PDFKit, beside those of write-pdfs.py: node write-pdfs.mjs FOLDER (npm install --no-save pdf-lib pdfkit) */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { degrees, PDFDocument, rgb, StandardFonts } from 'pdf-lib';
import PdfKit from 'pdfkit';

const [folder] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const words = 'The quick brown fox jumps over the lazy dog, and 1,234.56 of them stay behind. ';

/** @param {string} name @param {(document: PDFDocument) => Promise<void>} draw */
async function byPdfLib(name, draw) {
  const document = await PDFDocument.create();
  await draw(document);
  await writeFile(join(folder, `pdf-lib-${name}.pdf`), await document.save());
}

await byPdfLib('text', async (document) => {
  const font = await document.embedFont(StandardFonts.TimesRoman);
  for (let page = 0; page < 3; page += 1)
    document.addPage([595, 842]).drawText(words.repeat(20), { x: 50, y: 780, size: 11, font, maxWidth: 495 });
});
await byPdfLib('rotated', async (document) => {
  const page = document.addPage([595, 842]);
  page.setRotation(degrees(90));
  page.drawText('Turned', { x: 100, y: 400, size: 60, rotate: degrees(45), color: rgb(0.8, 0, 0) });
});
await byPdfLib('shapes', async (document) => {
  const page = document.addPage([400, 300]);
  page.drawCircle({ x: 200, y: 150, size: 100, color: rgb(0, 0.6, 0.2), opacity: 0.5 });
  page.drawRectangle({ x: 50, y: 50, width: 150, height: 80, borderWidth: 4, borderColor: rgb(0, 0, 1) });
  page.drawSvgPath('M 0,20 L 100,160 Q 130,200 150,120 C 190,-40 200,200 300,150', { x: 40, y: 250 });
});
await byPdfLib('form', async (document) => {
  const page = document.addPage([400, 300]);
  const form = document.getForm();
  const name = form.createTextField('name');
  name.setText('Ada Lovelace');
  name.addToPage(page, { x: 50, y: 200, width: 200, height: 30 });
  const agree = form.createCheckBox('agree');
  agree.addToPage(page, { x: 50, y: 150 });
  agree.check();
});
await byPdfLib('cropped', async (document) => {
  const page = document.addPage([595, 842]);
  page.drawText(words, { x: 50, y: 500, size: 20 });
  page.setCropBox(40, 450, 300, 100);
});

/** @param {string} name @param {(document: PdfKit) => void} draw @param {object} [options] */
async function byPdfKit(name, draw, options = {}) {
  const document = new PdfKit({ size: 'A4', ...options });
  const file = createWriteStream(join(folder, `pdfkit-${name}.pdf`));
  document.pipe(file);
  draw(document);
  document.end();
  await once(file, 'finish');
}

await byPdfKit('text', (document) => document.fontSize(11).text(words.repeat(60), { columns: 2, align: 'justify' }));
await byPdfKit('vectors', (document) => {
  const gradient = document.linearGradient(50, 50, 400, 400).stop(0, 'green').stop(1, 'purple');
  document.rect(50, 50, 350, 350).fill(gradient);
  document.moveTo(300, 450).lineTo(100, 750).lineTo(500, 650).fill('#ff8800', 'even-odd');
});
await byPdfKit('notes', (document) => {
  document.text('See here').highlight(50, 100, 200, 30).underline(50, 200, 200, 30, { color: 'red' });
});
await byPdfKit('encrypted', (document) => document.text(words), { userPassword: 'secret', pdfVersion: '1.7ext3' });
