const hook = `import { writeSync } from 'node:fs';
export function load(url, context, next) {
  writeSync(2, 'import ' + url + '\\n');
  return next(url, context);
}`;

/** A program that has its process tell each module that it imports, as `import <URL>` on a line of standard error. */
export const tellImports = `import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));`;
