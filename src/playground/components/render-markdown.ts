import DOMPurify from 'dompurify';
import { Marked } from 'marked';

/** Headings of an answer stand below those of the page. */
const HEADING_SHIFT = 2;

const ALLOWED_TAGS =
  'p br strong em del a ul ol li code pre blockquote hr h3 h4 h5 h6 table thead tbody tr th td'.split(' ');

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    heading({ tokens, depth }) {
      const level = String(Math.min(6, depth + HEADING_SHIFT));
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    // HTML in an answer is shown, not followed.
    html: ({ text }) => escapeHtml(text),
    // A picture would be fetched from where the model says, with what the address tells.
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text === '' ? href : text)}</a>`,
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
  },
});

DOMPurify.addHook('afterSanitizeAttributes', (element) => {
  if (element.tagName === 'A') {
    element.setAttribute('target', '_blank');
    element.setAttribute('rel', 'noopener noreferrer');
  }
  // What scrolls must be reachable by keyboard.
  if (element.tagName === 'PRE') element.setAttribute('tabindex', '0');
});

/** Markdown as HTML that can do nothing but be read. */
export function renderMarkdown(text: string) {
  const html = marked.parse(text, { async: false });
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ['href', 'title', 'start', 'align'],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_TRUSTED_TYPE: true,
  });
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
