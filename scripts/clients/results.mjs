/** What the scripts of clients print, a line for each case, and the table of it. */
const resultLine = /^(ok {6}|failed {2}|skipped )(\S.*)$/;

/** The cases of a script's output, and what went wrong beside them. */
export function resultsOf(output, { status, signal }) {
  const cases = output.split('\n').flatMap((line) => {
    const [, outcome, text] = resultLine.exec(line.trimEnd()) ?? [];
    return outcome === undefined ? [] : [{ outcome: outcome.trim(), text }];
  });
  const failed = cases.some(({ outcome }) => outcome === 'failed');
  const ended = signal === null ? `it ended with ${status}` : `it was ended by ${signal}`;
  if (cases.length === 0 || (status !== 0 && !failed)) cases.push({ outcome: 'failed', text: `the client: ${ended}` });
  return cases;
}

/** A table in Markdown of `{ name, version, cases }`. */
export function tableOf(rows) {
  const header = ['client', 'version', 'passed', 'failed', 'skipped', 'notes'];
  const lines = rows.map(({ name, version = '', cases }) => [
    name,
    version,
    countOf(cases, 'ok'),
    countOf(cases, 'failed'),
    countOf(cases, 'skipped'),
    notesOf(cases),
  ]);
  // The notes, which come last, stay as long as they are.
  const widths = header.map((title, column) =>
    column === 5 ? title.length : Math.max(...[header, ...lines].map((line) => line[column].length)),
  );
  const written = [header, ...lines].map((line) => rowOf(line.map((cell, column) => cell.padEnd(widths[column]))));
  return [written[0], `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...written.slice(1)].join('\n');
}

function rowOf(cells) {
  return `| ${cells.join(' | ')} |`;
}

function countOf(cases, outcome) {
  const count = cases.filter((one) => one.outcome === outcome).length;
  return count === 0 ? '' : String(count);
}

function notesOf(cases) {
  return cases
    .filter(({ outcome }) => outcome !== 'ok')
    .map(({ outcome, text }) => `${outcome}: ${text.replaceAll('|', '\\|')}`)
    .join('; ');
}
